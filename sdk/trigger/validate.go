package trigger

import (
	"errors"
	"fmt"
	"time"
)

// maxNodes bounds a trigger's size: what a person writes has a handful of parts.
const maxNodes = 64

// Validate reports the first thing that is wrong with the trigger, naming the part: a count below 1; a nil trigger or
// a composition of none; early, late or finally triggers that do not finish with their first firing; a delay,
// period or offset that is negative or not in whole milliseconds; a period below a millisecond; more than 64 parts.
func (s spec) Validate() error {
	n := s.tree()
	if size := n.size(); size > maxNodes {
		return fmt.Errorf("trigger: %d parts, at most %d are allowed", size, maxNodes)
	}
	bad, err := n.check()
	switch {
	case err == nil:
		return nil
	case bad == n:
		return fmt.Errorf("trigger: %v: %w", n, err)
	}
	return fmt.Errorf("trigger: %v in %v: %w", bad, n, err)
}

func (n *node) size() int {
	size := 1
	for _, s := range n.subs {
		if s != nil {
			size += s.size()
		}
	}
	return size
}

// check returns the part that is wrong and what is wrong with it.
func (n *node) check() (*node, error) {
	switch n.kind {
	case kindWrong:
		return n, errors.New(n.why)
	case kindCount:
		if n.count < 1 {
			return n, errors.New("the count must be at least 1")
		}
	case kindProcessing:
		for _, t := range n.transforms {
			if err := t.check(); err != nil {
				return n, err
			}
		}
	case kindEach, kindAny, kindAll:
		if len(n.subs) == 0 {
			return n, errors.New("a composition of no triggers")
		}
	}
	for _, s := range n.subs {
		if s == nil {
			continue
		}
		if bad, err := s.check(); err != nil {
			return bad, err
		}
	}
	switch {
	case n.kind == kindWatermark && n.early() != nil && !n.early().once():
		return n, fmt.Errorf("the early trigger %v must finish with its first firing: it is repeated by itself%s", n.early(), n.early().hint())
	case n.kind == kindWatermark && n.late() != nil && !n.late().once():
		return n, fmt.Errorf("the late trigger %v must finish with its first firing: it is repeated by itself%s", n.late(), n.late().hint())
	case n.kind == kindOrFinally && !n.subs[1].once():
		return n, fmt.Errorf("the last trigger %v must finish with its first firing%s", n.subs[1], n.subs[1].hint())
	}
	return nil, nil
}

func (n *node) hint() string {
	switch n.kind {
	case kindRepeat:
		return fmt.Sprintf("; give %v", n.subs[0])
	case kindAlways:
		return "; give AfterCount(1)"
	}
	return ""
}

func (t transform) check() error {
	for _, d := range []time.Duration{t.delay, t.period, t.offset} {
		if d < 0 {
			return fmt.Errorf("%v is negative", d)
		}
		if d%time.Millisecond != 0 {
			return fmt.Errorf("%v is not in whole milliseconds", d)
		}
	}
	if t.align && t.period == 0 {
		return errors.New("aligned to a period of 0: it must be at least 1ms")
	}
	return nil
}

// once reports whether n finishes with its first firing, whatever that is (Beam Java's OnceTrigger).
func (n *node) once() bool {
	switch n.kind {
	case kindCount, kindProcessing, kindSynchronized, kindNever:
		return true
	case kindWatermark:
		return n.early() == nil && n.late() == nil
	case kindAny, kindAll:
		for _, s := range n.subs {
			if !s.once() {
				return false
			}
		}
		return true
	}
	return false
}
