// Package graph is the pipeline without type parameters: transforms, collections, views, their windowing, and
// for each transform a constructor of its running form, made where its types were known.
//
// It is for runner authors. A program builds a graph through package sdk; a runner reads it. Transforms are
// identified by path, never by position.
package graph

import (
	"reflect"
	"time"

	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/window"
)

// Graph is a pipeline. It is complete and read-only once the program's build function has returned.
type Graph struct {
	Nodes       []*Node       // in the order of construction, so that inputs come before their readers
	Collections []*Collection // by ID
	Views       []*View       // by ID
	// Cleanups run when a job ends, in reverse order; failed says that its results must not be seen.
	Cleanups []func(jobID string, failed bool) error
}

// Kind says how a runner has to treat a transform.
type Kind uint8

// The kinds of transforms.
const (
	Source     Kind = iota // has no input; Feed says what it gives
	ParDo                  // row by row; Op makes it; can be fused
	Splittable             // expands each row into a restriction, which is work; Inbox makes it
	Exchange               // a blocking edge: grouping, combining, reshuffling; Exchange makes it
	Flatten                // the union of its inputs; nothing runs
	ViewOf                 // makes a view of its input
)

func (k Kind) String() string {
	return [...]string{"source", "pardo", "splittable", "exchange", "flatten", "view"}[k]
}

// Node is one transform.
type Node struct {
	ID      int
	Path    string   // composite names, verb, name: its identity
	Verb    string   // the front door's function, "GroupByKey"
	Display string   // what it runs, for people: a function's name; not part of its identity
	Named   bool     // the program has named it
	At      string   // file:line of the user's call
	Chain   string   // the call chain, to find transforms made in a loop
	Config  string   // exported configuration, for the fingerprint
	Stable  bool     // it must be given the same elements if it is run again for them
	State   []string // its state cells and timers: name, kind and coder

	Kind  Kind
	In    []*Collection
	Out   []*Collection // main output first
	Reads []*View       // views its user code reads, or waits for
	Makes *View         // ViewOf

	// Op returns the running form: wired into b, pushing to outs (one Sink per Out), and returns the Sink of its
	// input. ParDo.
	Op func(b *exec.Build, step *exec.Step, outs []exec.Sink) (sink exec.Sink, err error)
	// Feed is what a Source gives.
	Feed exec.Feed
	// Inbox makes the place where restrictions wait. Splittable.
	Inbox func(node int) Inbox
	// Exchange makes the blocking edge for one run; nil if the transform runs in streaming jobs only. Exchange.
	Exchange func(h *exec.Host) (exec.Exchange, error)
	// Stream makes the edge of a streaming job. Exchange.
	Stream func(h *exec.Host) (exec.StreamExchange, error)
	// Script makes, for one run, what tells a Source when to give what, if a test does.
	Script func() exec.Script
	// Align is the sources that this one is kept together with, or nil. Splittable.
	Align *Alignment
}

// Alignment is sources that are kept together in event time.
type Alignment struct {
	Sources  []*Node // in the order of the program
	MaxDrift time.Duration
}

// Inbox turns the rows of a splittable transform into work, while the stage that reads them runs.
type Inbox interface {
	// NewWriter adds to b what makes work of rows; it goes to Host.Post.
	NewWriter(b *exec.Build, step *exec.Step) (sink exec.Sink, err error)
	// NewRoot returns what runs the work into sinks, one for each output of the transform.
	NewRoot(b *exec.Build, step *exec.Step, sinks []exec.Sink) (exec.Root, error)
}

// Collection is the output of one transform.
type Collection struct {
	ID        int
	From      *Node
	Type      reflect.Type
	CoderID   string
	CoderErr  error // why its elements have no encoding; only what needs one cares
	Windowing window.Strategy
	Unbounded bool
	// Elem does with batches of the type what those need that do not know it.
	Elem *exec.ElementType
}

// View is a collection made available as a whole, per window.
type View struct {
	ID        int
	Kind      string // "singleton", "iterable", "list", "map", "multimap", "signal"
	From      *Node  // the ViewOf node
	Windowing window.Strategy
	// New makes the store for one run of a batch job.
	New func(h *exec.Host) (exec.ViewStore, error)
	// Live makes the store for one run of a streaming job.
	Live func(h *exec.Host) (exec.LiveView, error)
}

// Streaming reports whether the pipeline runs as a streaming job: a source has no end, or a transform has no other form.
func (g *Graph) Streaming() bool {
	for _, n := range g.Nodes {
		if n.Script != nil || n.Kind == Exchange && n.Exchange == nil {
			return true
		}
	}
	for _, c := range g.Collections {
		if c.Unbounded {
			return true
		}
	}
	return false
}

// AddNode appends n, gives it its ID and makes its outputs its own.
func (g *Graph) AddNode(n *Node) *Node {
	n.ID = len(g.Nodes)
	g.Nodes = append(g.Nodes, n)
	return n
}

// AddCollection appends c, with from as its producer, and gives it its ID.
func (g *Graph) AddCollection(c *Collection, from *Node) *Collection {
	c.ID, c.From = len(g.Collections), from
	g.Collections = append(g.Collections, c)
	from.Out = append(from.Out, c)
	return c
}

// AddView appends v, made by from, and gives it its ID.
func (g *Graph) AddView(v *View, from *Node) *View {
	v.ID, v.From = len(g.Views), from
	g.Views = append(g.Views, v)
	from.Makes = v
	return v
}

// Readers returns the nodes that read c, in order.
func (g *Graph) Readers(c *Collection) []*Node {
	var ns []*Node
	for _, n := range g.Nodes {
		for _, in := range n.In {
			if in == c {
				ns = append(ns, n)
				break
			}
		}
	}
	return ns
}

// MoveLast puts n, which nothing reads yet, behind all other nodes.
func (g *Graph) MoveLast(n *Node) {
	i := n.ID
	g.Nodes = append(append(g.Nodes[:i:i], g.Nodes[i+1:]...), n)
	for k, m := range g.Nodes {
		m.ID = k
	}
}
