package sdk

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/millrace-go/millrace/sdk/graph"
)

// AnyCollection is a [PCollection] of any element type.
type AnyCollection interface {
	Pipeline() *Pipeline
}

// collectionOf returns what a PCollection is a handle of, or nil if x is none. A method that says so would be compiled for
// each type of elements.
func collectionOf(x AnyCollection) *graph.Collection {
	v := reflect.ValueOf(x)
	if t := v.Type(); t.PkgPath() != reflect.TypeFor[Pipeline]().PkgPath() || !strings.HasPrefix(t.Name(), "PCollection[") {
		return nil
	}
	return (*graph.Collection)(v.FieldByName("c").UnsafePointer())
}

// AlignWatermarks keeps the sources of some collections, and all splits of each, together in event time: a split that is
// more than maxDrift ahead of the one that is furthest behind is not read until that has caught up. So a join of a fast
// stream with a slow one, or the first hours of a backlog with unequal splits, does not have to keep in state what the fast
// ones are ahead.
//
//	orders, payments := textio.Watch(p, "orders/*"), lineio.Listen(p, ":7000")
//	sdk.AlignWatermarks(time.Minute, orders, payments)
//
// The sources of a collection are the splittable transforms without an end that it comes from; not those before them, which
// find their work, as the one of textio.Watch that looks for files. A source is in one alignment at most. A
// bundle that has begun is not cut short, so that a split can be ahead by what one bundle holds (10,000 elements, or 20 ms)
// on top of maxDrift; 0 is allowed. A split that has said it is idle ([sdf.ResumeIdle]) is not waited for; one that says
// nothing and gives nothing stops the others, as it stops the watermark: [SplitStatus] and the log say which. A source that has
// no split any more is not waited for, though it may get new ones. Batch jobs
// have nothing to align. Runners without alignment read as before.
func AlignWatermarks(maxDrift time.Duration, first AnyCollection, more ...AnyCollection) {
	const verb = "AlignWatermarks"
	at, _ := callSite()
	var ps []*Pipeline
	a := &graph.Alignment{MaxDrift: maxDrift}
	var errs []error
	if maxDrift < 0 {
		errs = append(errs, fmt.Errorf("a drift of %v is negative", maxDrift))
	}
	seen := map[*graph.Node]bool{}
	for _, x := range append([]AnyCollection{first}, more...) {
		p := x.Pipeline()
		if ps = append(ps, p); p == nil {
			break
		}
		c := collectionOf(x)
		if c == nil {
			errs = append(errs, fmt.Errorf("a %T is not an sdk.PCollection", x))
			continue
		}
		if !align(a, c.From, seen, &errs) {
			errs = append(errs, fmt.Errorf("the output of %s has no source without an end", c.From.Path))
		}
	}
	p := same(verb, ps...)
	if len(errs) > 0 {
		p.fail(at, verb, errors.Join(errs...))
	}
}

// align adds the splittable transforms without an end that n is, or is made from, and reports whether there are any.
func align(a *graph.Alignment, n *graph.Node, seen map[*graph.Node]bool, errs *[]error) (found bool) {
	if had, ok := seen[n]; ok {
		return had
	}
	if n.Kind == graph.Splittable && slices.ContainsFunc(n.Out, func(c *graph.Collection) bool { return c.Unbounded }) {
		if n.Align != nil {
			*errs = append(*errs, fmt.Errorf("%s (%s) is in another alignment already", n.Path, n.At))
		} else {
			n.Align = a
			a.Sources = append(a.Sources, n)
		}
		seen[n] = true
		return true // what makes its work is not read further than that
	}
	for _, c := range n.In {
		found = align(a, c.From, seen, errs) || found
	}
	seen[n] = found
	return found
}
