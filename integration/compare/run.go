package compare

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/millrace-go/millrace/integration/model"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/trigger"
	"github.com/millrace-go/millrace/sdk/window"
)

// ErrNotExpressible is why a case has no pipeline of ours.
var ErrNotExpressible = errors.New("not expressible with sdk")

// Drop is an element that was dropped, in the window it was dropped from.
type Drop struct {
	Transform string
	Step      int
	model.Element
}

// Outcome is what a run made.
type Outcome struct {
	// Outputs are the elements of all collections, those of one key and window in the order in which they came.
	Outputs []model.Output
	// Dropped are the elements that groupings and stateful ParDos dropped.
	Dropped []Drop
}

// Options are how a case is run.
type Options struct {
	// KeepDropped gives groupings an output of droppable elements; without it Outcome.Dropped is empty, and combines aggregate
	// before the shuffle where they can.
	KeepDropped bool
	// OwnSessions makes sessions by a window function of the program's own: the engine merges its own with less work.
	OwnSessions bool
}

// Run runs a case on a runner that gives test streams control of time. Elements of a script that is over, which come when the
// engine ends its sources, are left out. An error is one of construction, ErrNotExpressible, or a failed job.
func Run(ctx context.Context, runner sdk.Runner, c model.Case, o Options) (Outcome, error) {
	var play *player
	var rec *record
	_, err := sdk.Run(ctx, runner, func(p *sdk.Pipeline) error {
		play = newPlayer(c) // a pipeline may be built more than once
		rec = &record{step: func() int { return play.at }}
		b := &builder{play: play, rec: rec, opts: o, of: map[string]built{}}
		return b.build(p, c.Pipeline)
	})
	if err != nil {
		return Outcome{}, err
	}
	over := func(step int) bool { return step >= len(c.Steps) }
	return Outcome{
		Outputs: slices.DeleteFunc(rec.outputs, func(x model.Output) bool { return over(x.Step) }),
		Dropped: slices.DeleteFunc(rec.dropped, func(x Drop) bool { return over(x.Step) }),
	}, nil
}

// builder makes a pipeline of a model's.
type builder struct {
	play *player
	rec  *record
	opts Options
	of   map[string]built
}

// built is a collection.
type built struct {
	plain     *sdk.PCollection[pair]
	grouped   *sdk.PCollection[group]
	cogrouped *sdk.PCollection[cogroup]
	windowing model.Windowing // as far as a stateful program needs it
	bounded   bool
}

func (b *builder) build(p *sdk.Pipeline, transforms model.Pipeline) error {
	sources := b.play.sources(p, sourcesOf(transforms))
	for _, t := range transforms {
		var in []built
		for _, name := range t.Inputs {
			in = append(in, b.of[name])
		}
		var out built
		if len(in) > 0 {
			out.windowing, out.bounded = in[0].windowing, in[0].bounded
		}
		if t.Kind == model.Source {
			c := sources[t.Name]
			if t.Bounded { // all test streams are unbounded: a grouping in the global window needs to be told when to fire
				c = sdk.WindowInto(c, window.GlobalWindows(), sdk.Trigger(trigger.AfterWatermark()))
			}
			out.plain, out.bounded = &c, t.Bounded
		} else if err := b.transform(t, in, &out); err != nil {
			return fmt.Errorf("%s: %w", t.Name, err)
		}
		b.of[t.Name] = out
		b.watch(t.Name, out)
	}
	return nil
}

func (b *builder) transform(t model.Transform, in []built, out *built) error {
	if t.Kind == model.Map && in[0].plain == nil {
		c, err := mapGrouped(t, in[0])
		out.plain = &c
		return err
	}
	for _, x := range in {
		if x.plain == nil {
			return fmt.Errorf("%w: %s of grouped elements", ErrNotExpressible, t.Kind)
		}
	}
	main := *in[0].plain
	name := sdk.Name(t.Name)
	switch t.Kind {
	case model.Map:
		c, err := mapPlain(main, t.Map, name)
		out.plain = &c
		return err
	case model.WindowInto:
		fn, err := windowFn(t.Windowing.Fn, b.opts.OwnSessions)
		if err != nil {
			return err
		}
		opts, err := options(t.Windowing)
		if err != nil {
			return err
		}
		c := sdk.WindowInto(main, fn, append(opts, name)...)
		out.plain, out.windowing = &c, t.Windowing
	case model.Flatten:
		var rest []sdk.PCollection[pair]
		for _, x := range in[1:] {
			rest = append(rest, *x.plain)
		}
		c := sdk.Flatten(main, rest...)
		out.plain = &c
	case model.GroupByKey:
		opts, late := b.droppable(t, 1)
		c := sdk.GroupByKey(main, opts...)
		out.grouped = &c
		b.watchDropped(t.Name, late)
	case model.CombinePerKey:
		opts, late := b.droppable(t, 1)
		c := sdk.CombinePerKey(main, aggregateFn{How: t.Combine}, opts...)
		out.plain = &c
		b.watchDropped(t.Name, late)
	case model.CoGroupByKey:
		opts, late := b.droppable(t, 2)
		c := sdk.CoGroupByKey2(main, *in[1].plain, opts...)
		out.cogrouped = &c
		b.watchDropped(t.Name, late)
	case model.Stateful:
		opts, late := b.droppable(t, 1)
		e := env{lateness: in[0].windowing.AllowedLateness, now: func() mtime.Time { return b.play.now }}
		c, err := stateful(main, t.Program, e, opts...)
		if err != nil {
			return err
		}
		out.plain = &c
		b.watchDropped(t.Name, late)
	case model.SideInput:
		c, err := join(main, *in[1].plain, t.Join, name)
		out.plain = &c
		return err
	default:
		return fmt.Errorf("%w: %s", ErrNotExpressible, t.Kind)
	}
	return nil
}

// droppable returns the options of a transform of n inputs that may drop elements, and their outputs.
func (b *builder) droppable(t model.Transform, n int) (opts []sdk.Option, late []*sdk.Output[pair]) {
	opts = []sdk.Option{sdk.Name(t.Name)}
	if b.opts.KeepDropped {
		for range n {
			o := new(sdk.Output[pair])
			late, opts = append(late, o), append(opts, sdk.Droppable(o))
		}
	}
	return opts, late
}

func (b *builder) watch(name string, c built) {
	tell := func(e model.Element) { b.rec.add(name, e) }
	switch {
	case c.plain != nil:
		tap(*c.plain, "tap "+name, plainElement, tell)
	case c.grouped != nil:
		tap(*c.grouped, "tap "+name, groupElement, tell)
	case c.cogrouped != nil:
		tap(*c.cogrouped, "tap "+name, cogroupElement, tell)
	}
}

func (b *builder) watchDropped(name string, late []*sdk.Output[pair]) {
	for i, o := range late {
		tap(o.PCollection(), fmt.Sprintf("dropped %d by %s", i, name), plainElement, func(e model.Element) { b.rec.drop(name, e) })
	}
}
