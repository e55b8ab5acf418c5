package trigger

import "time"

// Continuation returns the trigger to use after a grouping that s triggers, so that results keep flowing on
// at the rate at which panes arrive (Beam Java's Trigger.getContinuationTrigger): counts become
// AfterCount(1), processing time becomes synchronized processing time, AfterEach becomes Repeat(AfterAny), OrFinally is
// repeated, and the parts of everything else are continued. It may have more parts than Validate allows.
func (s spec) Continuation() Trigger { return s.tree().continuation().trigger() }

func (n *node) continuation() *node {
	switch n.kind {
	case kindCount:
		return &node{kind: kindCount, count: 1}
	case kindProcessing:
		return &node{kind: kindSynchronized}
	case kindDefault, kindAlways, kindNever, kindSynchronized, kindWrong:
		return n
	}
	subs := make([]*node, len(n.subs))
	for i, s := range n.subs {
		if s != nil {
			subs[i] = s.continuation()
		}
	}
	switch n.kind {
	case kindEach:
		return &node{kind: kindRepeat, subs: []*node{{kind: kindAny, subs: subs}}}
	case kindOrFinally:
		return &node{kind: kindRepeat, subs: []*node{{kind: kindOrFinally, subs: subs}}}
	}
	return &node{kind: n.kind, subs: subs}
}

// MayFinish reports whether the trigger may come to its end. A window whose trigger has finished drops what arrives
// after that. It is MayLoseData for windows that allow lateness.
func (s spec) MayFinish() bool { return s.tree().mayFinish(true) }

// MayLoseData reports whether elements that are not too late may be dropped because the trigger has finished: Beam's
// unsafe triggers, which it asks to be wrapped in Repeat. With an allowed lateness of 0 AfterWatermark without
// a late trigger is safe, since nothing that comes after it would be kept anyway.
//
// The rule is Beam Python's (TriggerFn.may_lose_data). Java refuses more: it looks no further than whether the
// trigger is an OnceTrigger.
func (s spec) MayLoseData(allowedLateness time.Duration) bool {
	return s.tree().mayFinish(allowedLateness > 0)
}

// mayFinish: with late false, finishing at the end of the window does not count.
func (n *node) mayFinish(late bool) bool {
	switch n.kind {
	case kindCount, kindProcessing, kindSynchronized, kindWrong:
		return true
	case kindWatermark:
		return n.late() == nil && late
	case kindAny, kindOrFinally:
		for _, s := range n.subs {
			if s.mayFinish(late) {
				return true
			}
		}
	case kindAll, kindEach:
		for _, s := range n.subs {
			if !s.mayFinish(late) {
				return false
			}
		}
		return len(n.subs) > 0
	}
	return false
}
