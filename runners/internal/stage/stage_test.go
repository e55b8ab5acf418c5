package stage

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/millrace-go/millrace/sdk/graph"
)

// TestTranscripts runs testdata/*.txt: commands that make transforms, and the plan that results. A command is a
// transform's kind, its path, and what it reads.
//
//	source A
//	pardo B in=A reads=V,W out=B,B.more
//	splittable C in=B        exchange D in=B,C verb=CoGroupByKey
//	flatten E in=B,C         view V in=D kind=singleton
//
// Each has an output of its own name, unless out= names others.
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			plan := New(parse(t, d.Input))
			if err := check(plan); err != nil {
				t.Errorf("%s: %v", d.Pos, err)
			}
			return plan.String()
		})
	})
}

// builder makes graphs of transforms that do nothing.
type builder struct {
	g           *graph.Graph
	collections map[string]*graph.Collection
	views       map[string]*graph.View
}

func newBuilder() *builder {
	return &builder{&graph.Graph{}, map[string]*graph.Collection{}, map[string]*graph.View{}}
}

func (b *builder) add(kind graph.Kind, path string, in, reads, out []string) (*graph.Node, error) {
	n := b.g.AddNode(&graph.Node{Path: path, Verb: "GroupByKey", Kind: kind})
	for _, name := range in {
		c := b.collections[name]
		if c == nil {
			return nil, fmt.Errorf("%s reads %q, which does not exist", path, name)
		}
		n.In = append(n.In, c)
	}
	for _, name := range reads {
		v := b.views[name]
		if v == nil {
			return nil, fmt.Errorf("%s reads view %q, which does not exist", path, name)
		}
		n.Reads = append(n.Reads, v)
	}
	if kind == graph.ViewOf {
		b.views[path] = b.g.AddView(&graph.View{Kind: "singleton"}, n)
		return n, nil
	}
	if len(out) == 0 {
		out = []string{path}
	}
	for _, name := range out {
		b.collections[name] = b.g.AddCollection(&graph.Collection{}, n)
	}
	return n, nil
}

func parse(t *testing.T, text string) *graph.Graph {
	t.Helper()
	kinds := map[string]graph.Kind{}
	for k := graph.Source; k <= graph.ViewOf; k++ {
		kinds[k.String()] = k
	}
	b := newBuilder()
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		kind, ok := kinds[words[0]]
		if !ok || len(words) < 2 {
			t.Fatalf("cannot read %q", line)
		}
		args := map[string][]string{}
		for _, w := range words[2:] {
			name, list, _ := strings.Cut(w, "=")
			args[name] = strings.Split(list, ",")
		}
		n, err := b.add(kind, words[1], args["in"], args["reads"], args["out"])
		if err != nil {
			t.Fatal(err)
		}
		if v := args["verb"]; v != nil {
			n.Verb = v[0]
		}
		if v := args["kind"]; v != nil {
			n.Makes.Kind = v[0]
		}
		if v := args["display"]; v != nil {
			n.Display = v[0]
		}
	}
	return b.g
}

// rows counts how often the rows of a root come.
type rows map[*graph.Node]int

// check says what is wrong with a plan: a stage that waits for itself, one that reads a view or a spool before it
// is complete, and a transform that misses rows of its input or is given them twice.
func check(p *Plan) error {
	for _, s := range p.Stages {
		for _, before := range slices.Concat(s.After, s.Feeds) {
			if dependsOn(before, s) {
				return fmt.Errorf("stage %d waits for itself, by way of stage %d", s.ID, before.ID)
			}
		}
		for _, n := range s.Nodes {
			for _, v := range n.Reads {
				for _, e := range p.Ends {
					if e.Node != v.From {
						continue
					}
					for _, maker := range e.From {
						if !waitsFor(s, maker) {
							return fmt.Errorf("%s in stage %d reads %s, which stage %d still makes", n.Path, s.ID, v.From.Path, maker.ID)
						}
					}
				}
			}
		}
		for _, e := range p.Ends {
			if e.Reader == s && (e.Spool != nil || e.Node.Kind == graph.Exchange) {
				for _, w := range e.From {
					if !waitsFor(s, w) {
						return fmt.Errorf("stage %d begins before stage %d has written for it", s.ID, w.ID)
					}
				}
			}
		}
	}
	// The roots whose rows reach a collection, and how often: in the graph, and by the stages that run it.
	want := map[*graph.Collection]rows{}
	for _, n := range p.Graph.Nodes {
		r := rows{}
		switch n.Kind {
		case graph.Source, graph.Exchange, graph.Splittable:
			r[n] = 1
		default:
			for _, in := range n.In {
				for root, times := range want[in] {
					r[root] += times
				}
			}
		}
		for _, c := range n.Out {
			want[c] = r
		}
	}
	for _, n := range p.Graph.Nodes {
		if n.Kind == graph.Source || n.Kind == graph.Flatten {
			continue
		}
		// Each row of the input passes n once, in the stages that run it or write to it.
		expect, got := rows{}, rows{}
		for _, c := range n.In {
			expect.add(want[c])
			for _, s := range p.Stages {
				writes := slices.ContainsFunc(s.Ends, func(e *End) bool { return e.Node == n })
				if s.Runs(n) || writes {
					got.add(given(p, s, c, n.Kind))
				}
			}
		}
		if !maps.Equal(got, expect) {
			return fmt.Errorf("%s is given %v, want %v", n.Path, got, expect)
		}
	}
	return nil
}

func (r rows) add(s rows) {
	for root, times := range s {
		r[root] += times
	}
}

func (r rows) String() string {
	var t []string
	for root, times := range r {
		t = append(t, fmt.Sprintf("the rows of %s %d times", root.Path, times))
	}
	slices.Sort(t)
	return strings.Join(t, ", ")
}

// given is the rows of c that a reader of some kind is given in stage s. A host has to see to it that what comes from
// a spool goes to ParDos only, see [Stage.Spool].
func given(p *Plan, s *Stage, c *graph.Collection, reader graph.Kind) rows {
	r := rows{}
	switch {
	case s.Root == nil && c == s.Spool:
		for _, e := range p.Ends {
			if e.Reader == s && reader == graph.ParDo {
				for _, w := range e.From {
					r.add(given(p, w, c, reader))
				}
			}
		}
	case c.From == s.Root:
		r[s.Root] = 1
	case s.Runs(c.From):
		for _, in := range c.From.In {
			r.add(given(p, s, in, c.From.Kind))
		}
	}
	return r
}

// waitsFor reports whether t is done before s begins.
func waitsFor(s, t *Stage) bool {
	for _, a := range s.After {
		if dependsOn(a, t) {
			return true
		}
	}
	return false
}

// TestRandomGraphs makes graphs of all kinds of transforms and checks what holds for every plan.
func TestRandomGraphs(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	spools := 0
	for i := range 20_000 {
		b := newBuilder()
		var text strings.Builder
		var names, views []string
		some := func(from []string, most int) []string {
			var s []string
			for range 1 + rng.IntN(most) {
				s = append(s, from[rng.IntN(len(from))])
			}
			return s
		}
		for k := range 2 + rng.IntN(12) {
			name := fmt.Sprint("n", k)
			kind := graph.Kind(rng.IntN(int(graph.ViewOf) + 1))
			var in, reads []string
			switch {
			case k == 0:
				kind = graph.Source
			case kind == graph.Exchange:
				in = some(names, 2)
			case kind == graph.Flatten:
				in = some(names, 3)
				slices.Sort(in)
				in = slices.Compact(in)
			case kind != graph.Source:
				in = some(names, 1)
			}
			if kind == graph.ParDo && len(views) > 0 {
				reads = some(views, 2)
			}
			if _, err := b.add(kind, name, in, reads, nil); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&text, "%v %s in=%s reads=%s\n", kind, name, strings.Join(in, ","), strings.Join(reads, ","))
			if kind == graph.ViewOf {
				views = append(views, name)
			} else {
				names = append(names, name)
			}
		}
		p := New(b.g)
		if err := check(p); err != nil {
			t.Fatalf("graph %d: %v\n%s%s", i, err, text.String(), p)
		}
		for _, s := range p.Stages {
			if s.Root == nil {
				spools++
			}
		}
	}
	if spools < 1000 {
		t.Errorf("%d spools only", spools)
	}
}
