package graph

import (
	"fmt"
	"slices"
	"strings"
)

// Fingerprint is what must be the same wherever a pipeline is built: for each transform, by path, its types,
// coders, windowing and exported configuration. Function names and line numbers are not part of it.
type Fingerprint map[string]string

// Fingerprint describes the transforms of g.
func (g *Graph) Fingerprint() Fingerprint {
	f := Fingerprint{}
	for _, n := range g.Nodes {
		var b strings.Builder
		fmt.Fprintf(&b, "%v %s", n.Kind, n.Verb)
		for _, c := range n.In {
			fmt.Fprintf(&b, "\nin %s", c.describe())
		}
		for _, c := range n.Out {
			fmt.Fprintf(&b, "\nout %s", c.describe())
		}
		for _, v := range n.Reads {
			fmt.Fprintf(&b, "\nreads %s %s", v.Kind, v.From.Path)
		}
		if n.Makes != nil {
			fmt.Fprintf(&b, "\nmakes %s", n.Makes.Kind)
		}
		if n.Config != "" {
			fmt.Fprintf(&b, "\nconfig %s", n.Config)
		}
		if n.Align != nil {
			fmt.Fprintf(&b, "\naligned with %s within %v", n.Align.Sources[0].Path, n.Align.MaxDrift)
		}
		if n.Stable {
			b.WriteString("\nstable input")
		}
		for _, s := range n.State {
			fmt.Fprintf(&b, "\nstate %s", s)
		}
		f[n.Path] = b.String()
	}
	return f
}

func (c *Collection) describe() string {
	return fmt.Sprintf("%s of %s as %s windowed %v", c.From.Path, c.Type, c.CoderID, c.Windowing)
}

// Diff says where two fingerprints differ, in lines of a diff; it is empty if they are the same.
func (f Fingerprint) Diff(o Fingerprint) string {
	paths := map[string]bool{}
	for p := range f {
		paths[p] = true
	}
	for p := range o {
		paths[p] = true
	}
	sorted := make([]string, 0, len(paths))
	for p := range paths {
		sorted = append(sorted, p)
	}
	slices.Sort(sorted)
	var b strings.Builder
	for _, p := range sorted {
		x, inF := f[p]
		y, inO := o[p]
		switch {
		case !inO:
			fmt.Fprintf(&b, "- %s\n", p)
		case !inF:
			fmt.Fprintf(&b, "+ %s\n", p)
		case x != y:
			xs, ys := strings.Split(x, "\n"), strings.Split(y, "\n")
			fmt.Fprintf(&b, "  %s\n", p)
			for _, l := range xs {
				if !slices.Contains(ys, l) {
					fmt.Fprintf(&b, "-   %s\n", l)
				}
			}
			for _, l := range ys {
				if !slices.Contains(xs, l) {
					fmt.Fprintf(&b, "+   %s\n", l)
				}
			}
		}
	}
	return b.String()
}
