package sdk

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/graph"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/state"
	"github.com/millrace-go/millrace/sdk/timer"
	"github.com/millrace-go/millrace/sdk/window"
)

// Time is an event timestamp: milliseconds since the Unix epoch.
type Time = mtime.Time

// Context is what user code is given beside its element.
type Context = exec.Context

// Emitter is where a DoFn puts its output.
type Emitter[T any] = exec.Emitter[T]

// BatchEmitter is where a ProcessBatch puts its output.
type BatchEmitter[T any] = exec.BatchEmitter[T]

// DoFn is per-element code: a struct with one method. Its exported fields are its configuration, additional
// outputs ([Output]), views, metrics and window ([ObservedWindow]).
//
// The value given to a verb is a template: each running instance is a shallow copy, made before Setup and used
// by one goroutine. Exported fields are shared and read-only; what an instance changes is made in Setup.
//
// Optional methods: Setup(*Context) error, StartBundle(*Context) error, FinishBundle(*Context, Emitter[O])
// error, Teardown() error, and the vectorised ProcessBatch(*Context, []I, *BatchEmitter[O]) error, which is
// called instead of ProcessElement.
type DoFn[I, O any] interface {
	ProcessElement(c *Context, in I, out Emitter[O]) error
}

// ObservedWindow is the exported field by which a DoFn says that it wants to know the window of its element.
// An element in several windows is then processed once for each.
type ObservedWindow struct{}

// Get returns the window of the element that is being processed.
func (ObservedWindow) Get(c *Context) window.Window { return c.Windows()[0] }

// ParDo applies fn to every element.
func ParDo[I, O any, D DoFn[I, O]](in PCollection[I], fn D, opts ...Option) PCollection[O] {
	return parDo[I, O](in, fn, "ParDo", true, opts)
}

func parDo[I, O any](in PCollection[I], fn DoFn[I, O], verb string, users bool, opts []Option) PCollection[O] {
	p := same(verb, in.p)
	o := parse(opts)
	n := p.add(verb, graph.ParDo, o)
	n.In = []*graph.Collection{in.c}
	out := output[O](p, n, in.c.Windowing)
	t := &template{}
	if users {
		t = p.template(n, fn)
		n.Display = t.name
	}
	if o.policy.Kind != exec.Fail {
		checkPolicy[I, O](p, n, fn)
	}
	if o.dead != nil && !o.declareDead(p, n, reflect.TypeFor[Failed[I]](), reflect.TypeFor[I]()) {
		return out
	}
	windowed := !window.IsGlobalFn(in.c.Windowing.Fn)
	n.Op = func(b *exec.Build, step *exec.Step, outs []exec.Sink) (exec.Sink, error) {
		cfg := exec.ParDoConfig[I, O]{Policy: o.policy, Windowed: windowed, Skew: o.skew, Keyed: coder.IsKV(in.c.Type)}
		inst, err := t.instance(b, step, outs, fn)
		if err != nil {
			return nil, err
		}
		cfg.Fn = inst.fn.(DoFn[I, O])
		cfg.Extra = inst.extra
		if o.dead != nil {
			cfg.Dead = exec.NewOut[Failed[I]](b, step, outs[len(outs)-1], false)
		}
		main := exec.NewOut[O](b, step, outs[0], true)
		s := awaiting(b, n, exec.NewParDo(b, step, main, cfg))
		if t.observes && windowed {
			return exec.NewExplode(b, n.In[0].Elem, s), nil
		}
		return s, nil
	}
	return out
}

// awaiting puts before s what lets rows wait, in a streaming job, for the views that n reads.
func awaiting(b *exec.Build, n *graph.Node, s exec.Sink) exec.Sink {
	if b.Host.Live == nil || len(n.Reads) == 0 {
		return s
	}
	ids := make([]int, len(n.Reads))
	for i, v := range n.Reads {
		ids[i] = v.ID
	}
	s = exec.NewAwait(b, n.In[0].Elem, ids, s)
	if !isGlobal(n.In[0]) {
		s = exec.NewExplode(b, n.In[0].Elem, s) // a row waits in each of its windows for itself
	}
	return s
}

func checkPolicy[I, O any](p *Pipeline, n *graph.Node, fn any) {
	_, start := fn.(exec.BundleStarter)
	_, finish := fn.(exec.BundleFinisher[O])
	if start || finish {
		p.fail(n.At, n.Path, errors.New("sdk.OnError: a DoFn with StartBundle or FinishBundle keeps elements across calls, so one element's failure cannot be undone alone; handle errors inside it"))
	}
}

// template is what construction finds out about a DoFn value.
type template struct {
	name     string
	ptr      bool // a pointer to a struct
	outputs  []int
	metrics  []int
	cells    []int // state, by name of the field
	timers   []int
	observes bool
}

type metricField interface {
	Bind(step *exec.Step, field string)
}

type viewField interface {
	viewOf() (*Pipeline, *graph.View)
}

// template checks fn and declares its outputs and views on n.
func (p *Pipeline) template(n *graph.Node, fn any) *template {
	t := &template{name: fmt.Sprintf("%T", fn)}
	v := reflect.ValueOf(fn)
	if !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		p.fail(n.At, n.Path, errors.New("the DoFn is nil"))
		return t
	}
	t.ptr = v.Kind() == reflect.Pointer && v.Elem().Kind() == reflect.Struct
	s := v
	if t.ptr {
		s = v.Elem()
	}
	if s.Kind() != reflect.Struct {
		return t
	}
	checkShared(p, n, s, "")
	bound := false
	for i := range s.NumField() {
		f := s.Type().Field(i)
		if f.Anonymous {
			p.checkEmbedded(n, f.Type, f.Name)
		}
		if !f.IsExported() {
			continue
		}
		ptr := reflect.New(f.Type)
		ptr.Elem().Set(s.Field(i))
		switch x := ptr.Interface().(type) {
		case outputField:
			t.outputs = append(t.outputs, i)
			bound = true
			if !t.ptr {
				p.fail(n.At, n.Path, fmt.Errorf("the DoFn has an output, field %s, so it must be given as a pointer: &%s{...}", f.Name, s.Type().Name()))
				return t
			}
			s.Field(i).Addr().Interface().(outputField).declare(p, n)
		case metricField:
			t.metrics = append(t.metrics, i)
			if !t.ptr {
				p.fail(n.At, n.Path, fmt.Errorf("the DoFn has a metric, field %s, so it must be given as a pointer: &%s{...}", f.Name, s.Type().Name()))
				return t
			}
		case state.Field:
			t.cells = append(t.cells, i)
			bound = true
			p.stateful(n, t.ptr, f.Name, s.Type().Name())
			if id, err := x.Check(); err != nil {
				p.fail(n.At, n.Path, fmt.Errorf("the state in field %s: %w", f.Name, err))
			} else {
				n.State = append(n.State, f.Name+": "+id)
			}
		case timer.Field:
			t.timers = append(t.timers, i)
			bound = true
			p.stateful(n, t.ptr, f.Name, s.Type().Name())
			n.State = append(n.State, fmt.Sprintf("%s: timer %d", f.Name, x.Domain()))
		case viewField:
			bound = true
			vp, view := x.viewOf()
			switch {
			case view == nil:
				p.fail(n.At, n.Path, fmt.Errorf("the view in field %s is not set: give it what AsSingleton, AsMap, ... returned", f.Name))
			case vp != p:
				p.fail(n.At, n.Path, fmt.Errorf("the view in field %s belongs to another Pipeline", f.Name))
			default:
				p.reads(n, view, f.Name)
				if !window.IsGlobalFn(view.Windowing.Fn) {
					t.observes = true
				}
			}
		case *ObservedWindow:
			t.observes = true
		}
	}
	n.Config = describeConfig(s)
	if bound && t.ptr {
		if first, ok := p.fns[fn]; ok {
			p.fail(n.At, n.Path, fmt.Errorf("this DoFn has outputs, state or views and has been applied already, at %s: make a second one", first))
		}
		p.fns[fn] = n.At
	}
	return t
}

// checkEmbedded refuses what is bound by field where it would not be found: in an embedded struct.
func (p *Pipeline) checkEmbedded(n *graph.Node, t reflect.Type, name string) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return
	}
	for i := range t.NumField() {
		f := t.Field(i)
		switch reflect.New(f.Type).Interface().(type) {
		case state.Field, timer.Field, outputField, metricField, viewField, *ObservedWindow:
			p.fail(n.At, n.Path, fmt.Errorf("field %s of the embedded %s is not bound: state, timers, outputs, metrics, views and windows are fields of the DoFn itself", f.Name, name))
		default:
			if f.Anonymous {
				p.checkEmbedded(n, f.Type, name+"."+f.Name)
			}
		}
	}
}

// stateful refuses state where it has no place.
func (p *Pipeline) stateful(n *graph.Node, ptr bool, field, typ string) {
	switch {
	case n.Verb != "StatefulParDo":
		p.fail(n.At, n.Path, fmt.Errorf("the DoFn has state or a timer, field %s: apply it with StatefulParDo, to a collection of pairs", field))
	case !ptr:
		p.fail(n.At, n.Path, fmt.Errorf("the DoFn has state or a timer, field %s, so it must be given as a pointer: &%s{...}", field, typ))
	}
}

// reads makes n a reader of view.
func (p *Pipeline) reads(n *graph.Node, view *graph.View, field string) {
	main := n.In[0].Windowing
	if _, merging := view.Windowing.Fn.(window.Merger); merging {
		p.fail(n.At, n.Path, fmt.Errorf("the view in field %s is windowed by %v: merging windows exist per key only, so a view cannot have them; window it by fixed or global windows", field, view.Windowing.Fn))
	}
	if view.Windowing.Custom && main.Fn != view.Windowing.Fn {
		p.fail(n.At, n.Path, fmt.Errorf("the view in field %s has windows that depend on its elements (%v), so no window of the main input maps to one; window it by time", field, view.Windowing.Fn))
	}
	if window.IsGlobalFn(main.Fn) && !window.IsGlobalFn(view.Windowing.Fn) {
		p.fail(n.At, n.Path, fmt.Errorf("the view in field %s is windowed by %v but the main input is in the global window, which maps to none of them; window both, or the view globally", field, view.Windowing.Fn))
	}
	n.Reads = append(n.Reads, view)
}

// checkShared refuses what instances, which are shallow copies, would share by accident.
func checkShared(p *Pipeline, n *graph.Node, s reflect.Value, prefix string) {
	for i := range s.NumField() {
		f, v := s.Type().Field(i), s.Field(i)
		name := prefix + f.Name
		pkg := f.Type.PkgPath()
		switch {
		case pkg == "sync" || pkg == "sync/atomic":
			p.fail(n.At, n.Path, fmt.Errorf("field %s is a %s: instances are copies, so each would have its own; use a pointer if they are to share it", name, f.Type))
		case f.IsExported():
		case v.Kind() == reflect.Map || v.Kind() == reflect.Slice || v.Kind() == reflect.Chan:
			if !v.IsNil() {
				p.fail(n.At, n.Path, fmt.Errorf("the unexported field %s holds a %s already: instances on several goroutines would share it; make it in Setup", name, v.Kind()))
			}
		case v.Kind() == reflect.Struct && pkg != "time":
			checkShared(p, n, v, name+".")
		}
	}
}

// describeConfig prints the exported configuration of a DoFn for the fingerprint: what can be compared between
// processes, that is no addresses.
func describeConfig(s reflect.Value) string {
	var b strings.Builder
	b.WriteString(s.Type().String())
	for i := range s.NumField() {
		f := s.Type().Field(i)
		if !f.IsExported() {
			continue
		}
		switch f.Type.Kind() {
		case reflect.Bool, reflect.String, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
			reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64:
			fmt.Fprintf(&b, " %s=%v", f.Name, s.Field(i).Interface())
		case reflect.Slice, reflect.Array:
			if k := f.Type.Elem().Kind(); k <= reflect.Float64 || k == reflect.String {
				fmt.Fprintf(&b, " %s=%v", f.Name, s.Field(i).Interface())
			}
		default:
			// Pointers, interfaces, functions and nested structs may hold addresses.
		}
	}
	return b.String()
}

type instance struct {
	fn     any
	extra  []any
	cells  []state.Field
	timers []timer.Field
	names  []string // of timers
}

// instance makes a running copy of fn, its fields bound to what they name.
func (t *template) instance(b *exec.Build, step *exec.Step, outs []exec.Sink, fn any) (instance, error) {
	if !t.ptr {
		return instance{fn: fn}, nil
	}
	tv := reflect.ValueOf(fn).Elem()
	c := reflect.New(tv.Type())
	c.Elem().Set(tv)
	inst := instance{fn: c.Interface()}
	for k, i := range t.outputs {
		inst.extra = append(inst.extra, c.Elem().Field(i).Addr().Interface().(outputField).bind(b, step, outs[1+k]))
	}
	for _, i := range t.cells {
		inst.cells = append(inst.cells, c.Elem().Field(i).Addr().Interface().(state.Field))
	}
	for _, i := range t.timers {
		inst.timers = append(inst.timers, c.Elem().Field(i).Addr().Interface().(timer.Field))
		inst.names = append(inst.names, tv.Type().Field(i).Name)
	}
	for _, i := range t.metrics {
		c.Elem().Field(i).Addr().Interface().(metricField).Bind(step, tv.Type().Field(i).Name)
	}
	return inst, nil
}
