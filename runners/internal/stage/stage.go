// Package stage cuts a graph into stages: transforms that run fused, row by row in one goroutine, between the
// edges at which rows have to wait.
package stage

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millrace-go/millrace/sdk/graph"
)

// Stage is a root and the transforms that are fused behind it.
type Stage struct {
	ID   int
	Root *graph.Node // a Source, Splittable or Exchange; nil if the stage reads a spool

	// Spool is what a stage without Root reads. Its rows go to those of the collection's readers that the stage
	// runs and that are ParDos: all others have had them where the collection was made.
	Spool *graph.Collection

	Nodes []*graph.Node // fused transforms, in graph order: ParDos and Flattens
	Ends  []*End        // where the stage's rows go
	After []*Stage      // have to be done before this one starts: what it reads is complete then
	Feeds []*Stage      // post work to this one while they run: the stage is not done before them

	fused map[*graph.Node]bool
}

// Name is what messages call the stage.
func (s *Stage) Name() string {
	if s.Root != nil {
		return s.Root.Path
	}
	return s.Spool.From.Path + " (spooled)"
}

// Runs reports whether n is fused into the stage.
func (s *Stage) Runs(n *graph.Node) bool { return s.fused[n] }

// End is where rows leave stages: an exchange, a view, a splittable's inbox or a spool.
type End struct {
	Node   *graph.Node       // Exchange, ViewOf or Splittable; nil for a spool
	Spool  *graph.Collection // what is spooled
	Reader *Stage            // for exchanges, spools and inboxes
	From   []*Stage          // who writes
}

// Plan is a graph in stages.
type Plan struct {
	Graph   *graph.Graph
	Stages  []*Stage
	Ends    []*End
	why     []string
	readers map[*graph.Collection][]*graph.Node
}

// Readers returns the transforms that read c, in graph order.
func (p *Plan) Readers(c *graph.Collection) []*graph.Node { return p.readers[c] }

type planner struct {
	*Plan
	streaming bool
	homes     map[*graph.Collection][]*Stage
	makers    map[*graph.View][]*Stage
	spools    map[*graph.Collection][]*Stage
	filled    map[*Stage][]*Stage // for a stage that reads a spool: the stages whose rows are in it
}

// New cuts g into stages for a batch job, in which one stage ends before the next begins.
func New(g *graph.Graph) *Plan { return plan(g, false) }

// NewStreaming cuts g into stages for a streaming job, which run at the same time: nothing is spooled, and what makes
// a view is a stage of its own.
func NewStreaming(g *graph.Graph) *Plan { return plan(g, true) }

func plan(g *graph.Graph, streaming bool) *Plan {
	p := &planner{
		streaming: streaming,
		Plan:      &Plan{Graph: g, readers: map[*graph.Collection][]*graph.Node{}},
		homes:     map[*graph.Collection][]*Stage{},
		makers:    map[*graph.View][]*Stage{},
		spools:    map[*graph.Collection][]*Stage{},
		filled:    map[*Stage][]*Stage{},
	}
	for _, n := range g.Nodes {
		for _, c := range n.In {
			if rs := p.readers[c]; len(rs) == 0 || rs[len(rs)-1] != n {
				p.readers[c] = append(rs, n)
			}
		}
		p.place(n)
	}
	return p.Plan
}

func (p *planner) place(n *graph.Node) {
	var homes []*Stage
	switch n.Kind {
	case graph.Source:
		homes = []*Stage{p.stage(&Stage{Root: n})}
	case graph.Exchange:
		s := p.stage(&Stage{Root: n})
		e := &End{Node: n, Reader: s}
		for _, c := range n.In {
			for _, h := range p.homes[c] {
				p.end(h, e)
			}
		}
		p.Ends = append(p.Ends, e)
		s.After = slices.Clone(e.From)
		if p.streaming {
			p.note("%s starts a stage: %s needs the rows of a key in one place", n.Path, n.Verb)
		} else {
			p.note("%s starts a stage: %s waits for all of its input", n.Path, n.Verb)
		}
		homes = []*Stage{s}
	case graph.Splittable:
		s := p.stage(&Stage{Root: n})
		e := &End{Node: n, Reader: s}
		for _, h := range p.homes[n.In[0]] {
			p.end(h, e)
		}
		p.Ends = append(p.Ends, e)
		s.Feeds = slices.Clone(e.From)
		p.note("%s starts a stage: its restrictions are handed out to workers one by one", n.Path)
		homes = []*Stage{s}
	case graph.Flatten:
		for _, c := range n.In {
			for _, h := range p.homes[c] {
				if !slices.Contains(homes, h) {
					homes = append(homes, h)
					p.fuse(h, n)
				}
			}
		}
	case graph.ViewOf:
		e := &End{Node: n}
		if p.streaming {
			e.Reader = p.stage(&Stage{Root: n})
		}
		for _, h := range p.homes[n.In[0]] {
			p.end(h, e)
		}
		p.Ends = append(p.Ends, e)
		p.makers[n.Makes] = e.From
	case graph.ParDo:
		homes = p.placeParDo(n)
	}
	for _, c := range n.Out {
		p.homes[c] = homes
	}
}

func (p *planner) placeParDo(n *graph.Node) []*Stage {
	if p.streaming {
		for _, h := range p.homes[n.In[0]] {
			p.fuse(h, n)
		}
		return p.homes[n.In[0]]
	}
	var needed []*Stage
	for _, v := range n.Reads {
		for _, s := range p.makers[v] {
			if !slices.Contains(needed, s) {
				needed = append(needed, s)
			}
		}
	}
	in := n.In[0]
	var homes, cut []*Stage
	for _, h := range p.homes[in] {
		if slices.ContainsFunc(needed, func(v *Stage) bool { return dependsOn(v, h) }) {
			cut = append(cut, h)
			continue
		}
		p.fuse(h, n)
		h.After = union(h.After, needed)
		homes = append(homes, h)
	}
	if len(cut) == 0 {
		return homes
	}
	// The view is made from what the main input is made from, so the main input has to wait: its rows are
	// spooled, and the transform starts a stage of its own. A spool is shared with a transform that waits for the
	// same rows: with any other, rows would be missing, or come again from where the transform is fused.
	i := slices.IndexFunc(p.spools[in], func(s *Stage) bool {
		return slices.Equal(p.filled[s], cut) && !slices.ContainsFunc(needed, func(v *Stage) bool { return dependsOn(v, s) })
	})
	var s *Stage
	if i >= 0 {
		s = p.spools[in][i]
	} else {
		s = p.stage(&Stage{Spool: in})
		e := &End{Spool: in, Reader: s}
		for _, h := range cut {
			p.end(h, e)
		}
		p.Ends = append(p.Ends, e)
		p.spools[in] = append(p.spools[in], s)
		p.filled[s] = cut
		s.After = slices.Clone(cut)
	}
	p.fuse(s, n)
	s.After = union(s.After, needed)
	var views []string
	for _, v := range n.Reads {
		views = append(views, v.From.Path)
	}
	p.note("%s is not fused with %s: it reads %s, which is made from the same input, so the input is spooled until the view is complete",
		n.Path, in.From.Path, strings.Join(views, ", "))
	return append(homes, s)
}

func (p *planner) stage(s *Stage) *Stage {
	s.ID = len(p.Stages)
	s.fused = map[*graph.Node]bool{}
	p.Stages = append(p.Stages, s)
	return s
}

func (p *planner) fuse(s *Stage, n *graph.Node) {
	s.fused[n] = true
	s.Nodes = append(s.Nodes, n)
}

func (p *planner) end(s *Stage, e *End) {
	if slices.Contains(e.From, s) {
		return
	}
	e.From = append(e.From, s)
	s.Ends = append(s.Ends, e)
}

func (p *planner) note(format string, args ...any) {
	p.why = append(p.why, fmt.Sprintf(format, args...))
}

// dependsOn reports whether s needs t to be done, or is t.
func dependsOn(s, t *Stage) bool {
	seen := map[*Stage]bool{}
	var visit func(s *Stage) bool
	visit = func(s *Stage) bool {
		if s == t {
			return true
		}
		if seen[s] {
			return false
		}
		seen[s] = true
		return slices.ContainsFunc(s.After, visit) || slices.ContainsFunc(s.Feeds, visit)
	}
	return visit(s)
}

func union(a, b []*Stage) []*Stage {
	for _, s := range b {
		if !slices.Contains(a, s) {
			a = append(a, s)
		}
	}
	return a
}

// String describes the plan for people: the stages, what is fused in each, and why what is not is not.
func (p *Plan) String() string {
	var b strings.Builder
	for _, s := range p.Stages {
		fmt.Fprintf(&b, "stage %d: %s", s.ID, s.Name())
		if s.Root != nil && s.Root.Display != "" {
			fmt.Fprintf(&b, " (%s)", s.Root.Display)
		}
		if len(s.After) > 0 {
			fmt.Fprintf(&b, ", after %s", ids(s.After))
		}
		if len(s.Feeds) > 0 {
			fmt.Fprintf(&b, ", fed by %s", ids(s.Feeds))
		}
		b.WriteByte('\n')
		for _, n := range s.Nodes {
			fmt.Fprintf(&b, "    %s", n.Path)
			if n.Display != "" {
				fmt.Fprintf(&b, " (%s)", n.Display)
			}
			b.WriteByte('\n')
		}
		for _, e := range s.Ends {
			switch {
			case e.Spool != nil:
				fmt.Fprintf(&b, "    -> spool for stage %d\n", e.Reader.ID)
			case e.Node.Kind == graph.ViewOf:
				fmt.Fprintf(&b, "    -> %s view %s\n", e.Node.Makes.Kind, e.Node.Path)
			default:
				fmt.Fprintf(&b, "    -> stage %d: %s\n", e.Reader.ID, e.Node.Path)
			}
		}
	}
	for _, w := range p.why {
		fmt.Fprintf(&b, "why: %s\n", w)
	}
	return b.String()
}

func ids(ss []*Stage) string {
	var t []string
	for _, s := range ss {
		t = append(t, fmt.Sprint(s.ID))
	}
	return strings.Join(t, ", ")
}
