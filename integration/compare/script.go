package compare

import (
	"github.com/millrace-go/millrace/integration/model"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/timer"
)

// event is an element of a source, or a new watermark of it.
type event struct {
	Source string
	Pair   pair
	IsMark bool
	Mark   mtime.Time
}

// player plays the steps of a case as the script of the one test stream that a pipeline can have.
type player struct {
	rows   exec.Rows[event]
	steps  []scripted
	next   int
	now    mtime.Time // processing time
	at     int        // the step that is being played, -1 before the first
	drains bool
}

type scripted struct {
	exec.ScriptEvent
	step int
}

// newPlayer translates the steps. A single source is the test stream. Of several, each has a watermark of its own: then the
// watermark of the stream is out of the way, and a sourceFn holds that of each source where the script has it.
func newPlayer(c model.Case) *player {
	p := &player{rows: exec.Rows[event]{T: []mtime.Time{}}, at: -1}
	sources := sourcesOf(c.Pipeline)
	single := len(sources) == 1
	if !single {
		lo := len(p.rows.V)
		for _, s := range sources {
			p.push(event{Source: s, IsMark: true, Mark: mtime.Min}, mtime.Min)
		}
		p.add(-1, exec.ScriptEvent{Rows: p.rows.Range(lo, len(p.rows.V)), Watermark: mtime.Min})
		p.add(-1, exec.ScriptEvent{Watermark: mtime.EndOfGlobalWindow})
	}
	for i, s := range c.Steps {
		e := exec.ScriptEvent{Watermark: mtime.Min}
		lo := len(p.rows.V)
		mark := mtime.Time(s.Time)
		if s.Kind == model.End {
			mark = mtime.Max
		}
		switch s.Kind {
		case model.Elements:
			for _, x := range s.Elements {
				p.push(event{Source: s.Source, Pair: pair{Key: x.Key, Value: x.Value}}, mtime.Time(x.Time))
			}
			e.Rows = p.rows.Range(lo, len(p.rows.V))
		case model.AdvanceWatermark, model.End:
			if single {
				e.Watermark = mark
				break
			}
			p.push(event{Source: s.Source, IsMark: true, Mark: mark}, mtime.Min)
			e.Rows = p.rows.Range(lo, len(p.rows.V))
		case model.AdvanceProcessingTime:
			e.Advance = ms(s.Time)
		case model.Drain:
			e.Drain = true
		}
		p.add(i, e)
	}
	return p
}

func (p *player) push(e event, at mtime.Time) {
	p.rows.V, p.rows.T = append(p.rows.V, e), append(p.rows.T, at)
}

func (p *player) add(step int, e exec.ScriptEvent) {
	p.steps = append(p.steps, scripted{e, step})
}

// Next implements exec.Script.
func (p *player) Next() (e exec.ScriptEvent, ok bool) {
	if p.next == len(p.steps) || p.drains {
		p.at++
		return e, false
	}
	s := p.steps[p.next]
	p.next++
	p.at, p.drains = s.step, s.Drain
	p.now = p.now.Add(s.Advance)
	return s.ScriptEvent, true
}

func sourcesOf(p model.Pipeline) (names []string) {
	for _, t := range p {
		if t.Kind == model.Source {
			names = append(names, t.Name)
		}
	}
	return names
}

// sources makes the collections of the sources.
func (p *player) sources(pipe *sdk.Pipeline, names []string) map[string]sdk.PCollection[pair] {
	all := sdk.Scripted[event](pipe, "Script", &p.rows, func() exec.Script { return p })
	cs := map[string]sdk.PCollection[pair]{}
	if len(names) == 1 {
		cs[names[0]] = sdk.Map(all, func(e event) pair { return e.Pair })
		return cs
	}
	for _, name := range names {
		mine := sdk.Filter(all, func(e event) bool { return e.Source == name })
		cs[name] = sdk.StatefulParDo(sdk.WithKeys(mine, func(event) string { return name }), &sourceFn{})
	}
	return cs
}

// sourceFn gives on the elements of one source, and holds the output watermark where the source's is: with a timer that never
// fires.
type sourceFn struct{ Mark timer.ProcessingTime }

// ProcessElement implements sdk.StatefulFn.
func (f *sourceFn) ProcessElement(_ *sdk.Context, _ string, e event, out sdk.Emitter[pair]) error {
	switch {
	case !e.IsMark:
		out.Emit(e.Pair)
	case e.Mark > mtime.EndOfGlobalWindow:
		f.Mark.Clear()
	default:
		f.Mark.SetOutput("", mtime.Max, e.Mark)
	}
	return nil
}

// OnTimer makes it a sdk.StatefulFn with timers.
func (*sourceFn) OnTimer(*sdk.Context, string, sdk.Fired, sdk.Emitter[pair]) error { return nil }
