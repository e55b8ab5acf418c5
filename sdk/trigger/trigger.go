package trigger

import (
	"strconv"
	"strings"
	"time"
)

// Trigger says when the pane of a window is emitted. Triggers are made by the functions of this package only.
//
// A Trigger is immutable and comparable: two are equal, with ==, if their text is. A nil Trigger means [Default]
// wherever a pipeline may leave the trigger out, and is an error inside another trigger.
type Trigger interface {
	// String returns the canonical text, which [Parse] reads. It is part of a pipeline's fingerprint.
	String() string
	// Validate reports what is wrong with the trigger, or nil. Making a wrong trigger is not an error until then.
	Validate() error
	// Continuation returns the trigger of what follows a grouping that t triggers.
	Continuation() Trigger
	// MayFinish reports whether the trigger may come to its end, after which the window takes no more elements.
	MayFinish() bool
	// MayLoseData reports whether elements that the allowed lateness admits may be dropped because t has finished.
	MayLoseData(allowedLateness time.Duration) bool
	// OrFinally returns a trigger that fires as t does until finally fires, which is the last firing.
	OrFinally(finally Trigger) Trigger

	tree() *node // and so nobody else can implement it
}

// A spec is a trigger's canonical text. Keeping the text and not the tree makes triggers comparable; they are
// taken apart when a pipeline is built, not when it runs.
type spec struct{ text string }

// Watermark is the trigger of [AfterWatermark].
type Watermark struct{ spec }

// ProcessingTime is the trigger of [AfterProcessingTime].
type ProcessingTime struct{ spec }

// Default fires when the watermark passes the end of the window, and after that whenever late elements arrive.
func Default() Trigger { return leaf(kindDefault) }

// Always fires as often as it is asked: for every batch of elements.
func Always() Trigger { return leaf(kindAlways) }

// Never does not fire. What has gathered is emitted when the window expires.
func Never() Trigger { return leaf(kindNever) }

// AfterWatermark fires when the watermark passes the end of the window, and finishes, unless it has a
// late trigger. See [Watermark.Early] and [Watermark.Late].
func AfterWatermark() Watermark { return leaf(kindWatermark).(Watermark) }

// Early returns w with a trigger for before the watermark passes the end of the window, in place of any it had. It
// is repeated without being asked to; it must be one that finishes with its first firing: AfterCount,
// AfterProcessingTime, AfterSynchronizedProcessingTime, AfterWatermark without early and late triggers, Never, and
// AfterAny and AfterAll of these.
func (w Watermark) Early(t Trigger) Watermark { return w.with(0, t) }

// Late returns w with a trigger for after the on-time firing, under the conditions of [Watermark.Early]. With a
// late trigger w does not finish.
func (w Watermark) Late(t Trigger) Watermark { return w.with(1, t) }

func (w Watermark) with(i int, t Trigger) Watermark {
	n := w.tree()
	if n.kind != kindWatermark { // the zero Watermark
		n = &node{kind: kindWatermark}
	}
	subs := [2]*node{}
	copy(subs[:], n.subs)
	subs[i] = treeOf(t)
	n.subs = subs[:]
	return n.trigger().(Watermark)
}

// AfterProcessingTime fires once the processing time, as seen where the elements are grouped, has reached that
// of the first element of the pane, to which delays and alignments are applied in the order they were given. It then
// finishes. Without any it fires with the first batch.
func AfterProcessingTime() ProcessingTime { return leaf(kindProcessing).(ProcessingTime) }

// PlusDelay returns p firing d later. d is in whole milliseconds and not negative.
func (p ProcessingTime) PlusDelay(d time.Duration) ProcessingTime {
	return p.with(transform{delay: d})
}

// AlignedTo returns p firing at the next multiple of period, counted from offset after the Unix epoch, or at once
// where the time is one already. Both are in whole milliseconds; period is at least one, offset not negative.
func (p ProcessingTime) AlignedTo(period, offset time.Duration) ProcessingTime {
	return p.with(transform{align: true, period: period, offset: offset})
}

func (p ProcessingTime) with(t transform) ProcessingTime {
	n := p.tree()
	if n.kind != kindProcessing { // the zero ProcessingTime
		n = &node{kind: kindProcessing}
	}
	n.transforms = append(n.transforms, t)
	return n.trigger().(ProcessingTime)
}

// AfterSynchronizedProcessingTime fires once everything upstream has caught up with the processing time of the first
// element of the pane, and finishes. It is the continuation of AfterProcessingTime and seldom asked for.
func AfterSynchronizedProcessingTime() Trigger { return leaf(kindSynchronized) }

// AfterCount fires when the pane has at least n elements, and finishes. A batch that takes the pane past n is
// in the pane as a whole. n is at least 1.
func AfterCount(n int64) Trigger {
	return (&node{kind: kindCount, count: n}).trigger()
}

// AfterEach follows its triggers one after the other: it fires as the first does until that has finished, then as
// the second does, and finishes with the last. AfterEach of one trigger is that trigger.
func AfterEach(ts ...Trigger) Trigger { return composite(kindEach, ts) }

// AfterAny fires when one of its triggers is ready, and finishes when one that fired has finished.
// AfterAny of one trigger is that trigger. (Beam Java: AfterFirst.)
func AfterAny(ts ...Trigger) Trigger { return composite(kindAny, ts) }

// AfterAll fires when all of its triggers are ready, and finishes when all have finished. AfterAll of one trigger
// is that trigger.
func AfterAll(ts ...Trigger) Trigger { return composite(kindAll, ts) }

// Repeat fires as t does, and starts it afresh when it has finished. (Beam Java: Repeatedly.)
func Repeat(t Trigger) Trigger {
	return (&node{kind: kindRepeat, subs: []*node{treeOf(t)}}).trigger()
}

func leaf(k kind) Trigger { return (&node{kind: k}).trigger() }

func composite(k kind, ts []Trigger) Trigger {
	subs := make([]*node, len(ts))
	for i, t := range ts {
		subs[i] = treeOf(t)
	}
	return compose(k, subs).trigger()
}

func (s spec) String() string {
	if s.text == "" {
		return kindDefault.String()
	}
	return s.text
}

func (s spec) OrFinally(finally Trigger) Trigger {
	return (&node{kind: kindOrFinally, subs: []*node{s.tree(), treeOf(finally)}}).trigger()
}

// tree takes the text apart; the caller owns the nodes. A text that is too deep becomes a node that Validate refuses.
func (s spec) tree() *node {
	n, err := parse(s.String())
	if err != nil {
		return &node{kind: kindWrong, why: err.Error()}
	}
	return n
}

func treeOf(t Trigger) *node {
	if t == nil {
		return &node{kind: kindWrong, why: whyNil}
	}
	return t.tree()
}

const whyNil = "the trigger is nil"

type kind uint8

const (
	kindDefault kind = iota
	kindAlways
	kindNever
	kindWatermark
	kindProcessing
	kindSynchronized
	kindCount
	kindEach
	kindAny
	kindAll
	kindRepeat
	kindOrFinally
	kindWrong // a nil trigger, or one that is nested too deep
)

var kindNames = [...]string{
	"Default", "Always", "Never", "AfterWatermark", "AfterProcessingTime", "AfterSynchronizedProcessingTime",
	"AfterCount", "AfterEach", "AfterAny", "AfterAll", "Repeat", "OrFinally", "nil",
}

func (k kind) String() string { return kindNames[k] }

// A node is a trigger taken apart.
type node struct {
	kind       kind
	count      int64       // AfterCount
	transforms []transform // AfterProcessingTime
	subs       []*node     // AfterWatermark: none, or early and late, either may be nil; OrFinally: main and finally
	why        string      // kindWrong
}

// A transform moves the time at which AfterProcessingTime fires (TimestampTransform of the proto).
type transform struct {
	align          bool
	delay          time.Duration
	period, offset time.Duration
}

// compose makes a node of several, or the one where it is only one: Beam Java has no compositions of one.
func compose(k kind, subs []*node) *node {
	if len(subs) == 1 {
		return subs[0]
	}
	return &node{kind: k, subs: subs}
}

func (n *node) early() *node { return n.sub(0) }
func (n *node) late() *node  { return n.sub(1) }

func (n *node) sub(i int) *node {
	if i < len(n.subs) {
		return n.subs[i]
	}
	return nil
}

// trigger puts n together again.
func (n *node) trigger() Trigger {
	s := spec{n.String()}
	switch n.kind {
	case kindWatermark:
		return Watermark{s}
	case kindProcessing:
		return ProcessingTime{s}
	}
	return s
}

func (n *node) String() string {
	var b strings.Builder
	n.format(&b)
	return b.String()
}

func (n *node) format(b *strings.Builder) {
	b.WriteString(n.kind.String())
	switch n.kind {
	case kindCount:
		b.WriteByte('(')
		b.WriteString(strconv.FormatInt(n.count, 10))
		b.WriteByte(')')
	case kindProcessing:
		for i, t := range n.transforms {
			b.WriteString([2]string{"(", ", "}[min(i, 1)])
			if t.align {
				b.WriteString("align=" + t.period.String())
				if t.offset != 0 {
					b.WriteString("@" + t.offset.String())
				}
				continue
			}
			b.WriteString("delay=" + t.delay.String())
		}
		if len(n.transforms) > 0 {
			b.WriteByte(')')
		}
	case kindWatermark:
		open := "("
		for i, s := range n.subs {
			if s == nil {
				continue
			}
			b.WriteString(open + [2]string{"early=", "late="}[i])
			s.format(b)
			open = ", "
		}
		if open != "(" {
			b.WriteByte(')')
		}
	case kindEach, kindAny, kindAll, kindRepeat, kindOrFinally:
		b.WriteByte('(')
		for i, s := range n.subs {
			if i > 0 {
				b.WriteString(", ")
			}
			s.format(b)
		}
		b.WriteByte(')')
	}
}
