package trigger

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// maxDepth bounds how deep Parse follows parentheses, so that a hostile text cannot exhaust the stack.
const maxDepth = 1000

// Parse reads the text of a trigger: what String returns, and the names and forms of Beam Python, as in
//
//	AfterWatermark(early=AfterCount(2), late=AfterProcessingTime(delay=10))
//
// A delay that is a plain number is in seconds, as there. White space between tokens does not count. The error tells
// where the text is wrong; whether the trigger makes sense is for Validate to say.
func Parse(text string) (Trigger, error) {
	n, err := parse(text)
	if err == nil && n.anyWrong() {
		err = fmt.Errorf("%q is not a trigger", kindWrong)
	}
	if err != nil {
		if len(text) > 200 {
			text = text[:200] + "..."
		}
		return nil, fmt.Errorf("trigger: parsing %q: %w", text, err)
	}
	return n.trigger(), nil
}

func (n *node) anyWrong() bool {
	if n == nil {
		return false
	}
	for _, s := range n.subs {
		if s.anyWrong() {
			return true
		}
	}
	return n.kind == kindWrong
}

func parse(text string) (*node, error) {
	p := parser{text: text}
	t, err := p.term(0)
	if err != nil {
		return nil, err
	}
	if p.space(); p.pos < len(text) {
		return nil, fmt.Errorf("at %d: unexpected %q after the trigger", p.pos, text[p.pos])
	}
	return t.node()
}

// A term is a name with arguments, before anything is known about the name.
type term struct {
	pos  int
	name string
	args []arg
}

type arg struct {
	key string // or empty
	term
}

type parser struct {
	text string
	pos  int
}

func (p *parser) space() {
	for p.pos < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.pos]) >= 0 {
		p.pos++
	}
}

// next takes c if it comes next.
func (p *parser) next(c byte) bool {
	p.space()
	if p.pos < len(p.text) && p.text[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

func (p *parser) word() string {
	p.space()
	start := p.pos
	for p.pos < len(p.text) && strings.IndexByte("(),= \t\r\n", p.text[p.pos]) < 0 {
		p.pos++
	}
	return p.text[start:p.pos]
}

func (p *parser) term(depth int) (term, error) {
	if depth > maxDepth {
		return term{}, fmt.Errorf("at %d: nested deeper than %d", p.pos, maxDepth)
	}
	p.space()
	t := term{pos: p.pos}
	if t.name = p.word(); t.name == "" {
		return t, fmt.Errorf("at %d: a name or a number is missing", p.pos)
	}
	if !p.next('(') {
		return t, nil
	}
	if p.next(')') {
		return t, nil
	}
	for {
		a, err := p.arg(depth + 1)
		if err != nil {
			return t, err
		}
		t.args = append(t.args, a)
		if p.next(')') {
			return t, nil
		}
		if !p.next(',') {
			return t, fmt.Errorf("at %d: ',' or ')' is missing", p.pos)
		}
	}
}

func (p *parser) arg(depth int) (a arg, err error) {
	start := p.pos
	if a.key = p.word(); a.key == "" || !p.next('=') {
		a.key, p.pos = "", start
	}
	a.term, err = p.term(depth)
	return a, err
}

// kindOf has the names of String and those that Python has instead.
func kindOf(name string) (kind, bool) {
	switch name {
	case "DefaultTrigger":
		return kindDefault, true
	case "_Never":
		return kindNever, true
	case "_AfterSynchronizedProcessingTime":
		return kindSynchronized, true
	case "Repeatedly":
		return kindRepeat, true
	}
	for k, s := range kindNames {
		if s == name {
			return kind(k), true
		}
	}
	return 0, false
}

func (t term) wrong(format string, args ...any) error {
	return fmt.Errorf("at %d: %s: %s", t.pos, t.name, fmt.Sprintf(format, args...))
}

func (t term) node() (*node, error) {
	k, ok := kindOf(t.name)
	if !ok {
		return nil, t.wrong("no such trigger")
	}
	switch k {
	case kindWrong:
		return &node{kind: k, why: whyNil}, nil
	case kindCount:
		return t.afterCount()
	case kindProcessing:
		return t.afterProcessingTime()
	case kindWatermark:
		return t.afterWatermark()
	}
	var subs []*node
	for _, a := range t.args {
		if a.key != "" {
			return nil, a.wrong("%s takes no argument called %s", t.name, a.key)
		}
		s, err := a.node()
		if err != nil {
			return nil, err
		}
		subs = append(subs, s)
	}
	want := map[kind]int{kindRepeat: 1, kindOrFinally: 2, kindEach: len(subs), kindAny: len(subs), kindAll: len(subs)}[k]
	if len(subs) != want {
		return nil, t.wrong("%d arguments, want %d", len(subs), want)
	}
	if k == kindEach || k == kindAny || k == kindAll {
		return compose(k, subs), nil
	}
	return &node{kind: k, subs: subs}, nil
}

func (t term) afterCount() (*node, error) {
	if len(t.args) != 1 || t.args[0].key != "" && t.args[0].key != "count" || t.args[0].args != nil {
		return nil, t.wrong("want one argument, the count")
	}
	n, err := strconv.ParseInt(t.args[0].name, 10, 64)
	if err != nil {
		return nil, t.args[0].wrong("not a count")
	}
	return &node{kind: kindCount, count: n}, nil
}

func (t term) afterProcessingTime() (*node, error) {
	n := &node{kind: kindProcessing}
	for _, a := range t.args {
		if a.args != nil {
			return nil, a.wrong("not a duration")
		}
		var tr transform
		var err error
		switch a.key {
		case "", "delay":
			tr.delay, err = duration(a.name)
		case "align":
			period, offset, found := strings.Cut(a.name, "@")
			tr.align = true
			tr.period, err = duration(period)
			if err == nil && found {
				tr.offset, err = duration(offset)
			}
		default:
			return nil, a.wrong("%s takes no argument called %s", t.name, a.key)
		}
		if err != nil {
			return nil, a.wrong("not a duration")
		}
		n.transforms = append(n.transforms, tr)
	}
	return n, nil
}

func (t term) afterWatermark() (*node, error) {
	n := &node{kind: kindWatermark}
	var given [2]bool
	for i, a := range t.args {
		switch {
		case a.key == "early" || a.key == "" && i == 0:
			i = 0
		case a.key == "late" || a.key == "" && i == 1:
			i = 1
		case a.key == "":
			return nil, t.wrong("more than two arguments")
		default:
			return nil, a.wrong("%s takes no argument called %s", t.name, a.key)
		}
		if given[i] {
			return nil, a.wrong("given twice")
		}
		given[i] = true
		if a.name == "None" && a.args == nil {
			continue
		}
		s, err := a.node()
		if err != nil {
			return nil, err
		}
		if n.subs == nil {
			n.subs = make([]*node, 2)
		}
		n.subs[i] = s
	}
	return n, nil
}

// duration reads Go's syntax, or a number of seconds.
func duration(s string) (time.Duration, error) {
	if secs, err := strconv.ParseFloat(s, 64); err == nil {
		ns := math.Round(secs * float64(time.Second))
		if math.IsNaN(ns) || math.Abs(ns) >= math.MaxInt64 {
			return 0, strconv.ErrRange
		}
		return time.Duration(ns), nil
	}
	return time.ParseDuration(s)
}
