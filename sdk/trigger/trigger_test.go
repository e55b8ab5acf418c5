package trigger

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func TestText(t *testing.T) {
	tests := []struct {
		trigger Trigger
		want    string
	}{
		{Default(), "Default"},
		{Always(), "Always"},
		{Never(), "Never"},
		{AfterWatermark(), "AfterWatermark"},
		{AfterWatermark().Early(AfterCount(2)), "AfterWatermark(early=AfterCount(2))"},
		{AfterWatermark().Late(AfterCount(3)).Early(AfterCount(2)), "AfterWatermark(early=AfterCount(2), late=AfterCount(3))"},
		{AfterWatermark().Early(AfterCount(2)).Early(Never()), "AfterWatermark(early=Never)"},
		{Watermark{}.Late(AfterCount(1)), "AfterWatermark(late=AfterCount(1))"},
		{AfterProcessingTime(), "AfterProcessingTime"},
		{AfterProcessingTime().PlusDelay(90 * time.Second), "AfterProcessingTime(delay=1m30s)"},
		{
			AfterProcessingTime().PlusDelay(3*time.Second).AlignedTo(5*time.Minute, 27*time.Millisecond).AlignedTo(time.Hour, 0).PlusDelay(13 * time.Millisecond),
			"AfterProcessingTime(delay=3s, align=5m0s@27ms, align=1h0m0s, delay=13ms)",
		},
		{ProcessingTime{}.PlusDelay(time.Second), "AfterProcessingTime(delay=1s)"},
		{AfterSynchronizedProcessingTime(), "AfterSynchronizedProcessingTime"},
		{AfterCount(5), "AfterCount(5)"},
		{AfterEach(AfterCount(1), AfterCount(2)), "AfterEach(AfterCount(1), AfterCount(2))"},
		{AfterAny(AfterCount(1), AfterWatermark()), "AfterAny(AfterCount(1), AfterWatermark)"},
		{AfterAll(AfterCount(1), AfterWatermark()), "AfterAll(AfterCount(1), AfterWatermark)"},
		{AfterAny(AfterCount(1)), "AfterCount(1)"},
		{AfterAny(AfterWatermark()), "AfterWatermark"},
		{Repeat(AfterCount(7)), "Repeat(AfterCount(7))"},
		{AfterWatermark().OrFinally(AfterCount(2)), "OrFinally(AfterWatermark, AfterCount(2))"},
		{Repeat(AfterCount(1)).OrFinally(AfterWatermark()), "OrFinally(Repeat(AfterCount(1)), AfterWatermark)"},
		{AfterAny(), "AfterAny()"},
		{AfterAll(nil, Never()), "AfterAll(nil, Never)"},
		{AfterCount(-1), "AfterCount(-1)"},
	}
	for _, tt := range tests {
		if got := tt.trigger.String(); got != tt.want {
			t.Errorf("%s, want %s", got, tt.want)
		}
		if strings.Contains(tt.want, "nil") {
			continue
		}
		got, err := Parse(tt.want)
		if err != nil {
			t.Error(err)
		} else if got != tt.trigger {
			t.Errorf("%s: parsing gives %T %[2]v, which is not equal to %T %[3]v", tt.want, got, tt.trigger)
		}
	}
}

func TestParseForeign(t *testing.T) {
	tests := []struct{ text, want string }{
		{"Default()", "Default"},
		{"DefaultTrigger", "Default"},
		{"DefaultTrigger()", "Default"},
		{"_Never", "Never"},
		{" AfterCount( 2 ) ", "AfterCount(2)"},
		{"AfterCount(count=2)", "AfterCount(2)"},
		{"Repeatedly(AfterCount(2))", "Repeat(AfterCount(2))"},
		{"AfterProcessingTime(10)", "AfterProcessingTime(delay=10s)"},
		{"AfterProcessingTime(delay=0.25)", "AfterProcessingTime(delay=250ms)"},
		{"AfterWatermark(AfterCount(1))", "AfterWatermark(early=AfterCount(1))"},
		{"AfterWatermark(None, AfterCount(1))", "AfterWatermark(late=AfterCount(1))"},
		{"AfterWatermark(early=None)", "AfterWatermark"},
		{"AfterWatermark(late=AfterCount(3),early=AfterCount(2))", "AfterWatermark(early=AfterCount(2), late=AfterCount(3))"},
		{"AfterAny(AfterCount(3))", "AfterCount(3)"},
		{"OrFinally(Repeatedly(AfterCount(1)),\n\tAfterWatermark())", "OrFinally(Repeat(AfterCount(1)), AfterWatermark)"},
		{"Repeatedly(_AfterSynchronizedProcessingTime)", "Repeat(AfterSynchronizedProcessingTime)"},
	}
	for _, tt := range tests {
		got, err := Parse(tt.text)
		if err != nil {
			t.Error(err)
		} else if got.String() != tt.want {
			t.Errorf("%s: %v, want %s", tt.text, got, tt.want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct{ text, want string }{
		{"", "at 0: a name"},
		{"Sometimes", "at 0: Sometimes: no such trigger"},
		{"nil", `"nil" is not a trigger`},
		{"AfterAny(nil, Never)", `"nil" is not a trigger`},
		{"AfterCount", "want one argument"},
		{"AfterCount(x)", "at 11: x: not a count"},
		{"AfterCount(2)(3)", "at 13: unexpected '('"},
		{"AfterCount(99999999999999999999)", "not a count"},
		{"AfterCount(n=2)", "want one argument"},
		{"AfterAny(AfterCount(2)", "',' or ')' is missing"},
		{"AfterAny(AfterCount(2),)", "a name or a number is missing"},
		{"AfterAny(a=Never)", "AfterAny takes no argument called a"},
		{"Default(Never)", "1 arguments, want 0"},
		{"Repeat()", "0 arguments, want 1"},
		{"OrFinally(Never)", "1 arguments, want 2"},
		{"AfterWatermark(early=Never, early=Never)", "given twice"},
		{"AfterWatermark(Never, Never, Never)", "more than two"},
		{"AfterWatermark(soon=Never)", "no argument called soon"},
		{"AfterProcessingTime(delay=soon)", "not a duration"},
		{"AfterProcessingTime(delay=1e300)", "not a duration"},
		{"AfterProcessingTime(delay=NaN)", "not a duration"},
		{"AfterProcessingTime(delay=1s(2))", "not a duration"},
		{"AfterProcessingTime(period=1s)", "no argument called period"},
		{strings.Repeat("Repeat(", 5000), "nested deeper"},
	}
	for _, tt := range tests {
		got, err := Parse(tt.text)
		if err == nil {
			t.Errorf("%.50q: parsed as %v", tt.text, got)
		} else if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.50q: error %q does not say %q", tt.text, err, tt.want)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, ok := range []Trigger{
		Default(),
		AfterWatermark().Early(AfterAny(AfterCount(2), AfterProcessingTime())).Late(AfterAll(AfterCount(1), AfterSynchronizedProcessingTime())),
		AfterWatermark().Early(AfterWatermark()).Late(Never()),
		AfterEach(Repeat(AfterCount(1)).OrFinally(AfterWatermark()), Always()),
		AfterAny(Repeat(AfterCount(1)), Default()),
		AfterCount(1 << 62),
		AfterProcessingTime().AlignedTo(time.Millisecond, time.Hour),
		AfterAny(many(63)...),
	} {
		if err := ok.Validate(); err != nil {
			t.Error(err)
		}
	}
	tests := []struct {
		trigger Trigger
		want    string
	}{
		{AfterCount(0), "trigger: AfterCount(0): the count must be at least 1"},
		{Repeat(AfterCount(-3)), "trigger: AfterCount(-3) in Repeat(AfterCount(-3)): the count must be at least 1"},
		{Repeat(nil), "trigger: nil in Repeat(nil): the trigger is nil"},
		{AfterWatermark().Early(nil), "trigger: nil in AfterWatermark(early=nil): the trigger is nil"},
		{Default().OrFinally(nil), "the trigger is nil"},
		{AfterAny(), "a composition of no triggers"},
		{AfterEach(AfterAll(), Never()), "AfterAll() in AfterEach(AfterAll(), Never): a composition of no triggers"},
		{AfterWatermark().Early(Repeat(AfterCount(2))), "repeated by itself; give AfterCount(2)"},
		{AfterWatermark().Late(Always()), "repeated by itself; give AfterCount(1)"},
		{AfterWatermark().Late(AfterWatermark().Late(AfterCount(1))), "must finish with its first firing"},
		{AfterWatermark().Late(AfterAny(AfterCount(1), Always())), "must finish with its first firing"},
		{AfterWatermark().Late(AfterEach(AfterCount(1), AfterCount(1))), "must finish with its first firing"},
		{Default().OrFinally(Default()), "the last trigger Default must finish with its first firing"},
		{AfterProcessingTime().PlusDelay(-time.Second), "-1s is negative"},
		{AfterProcessingTime().PlusDelay(time.Microsecond), "1µs is not in whole milliseconds"},
		{AfterProcessingTime().AlignedTo(0, 0), "it must be at least 1ms"},
		{AfterProcessingTime().AlignedTo(-time.Minute, 0), "-1m0s is negative"},
		{AfterProcessingTime().AlignedTo(time.Minute, -time.Second), "-1s is negative"},
		{AfterAny(many(64)...), "65 parts, at most 64 are allowed"},
		{deep(2000), "nested deeper"},
	}
	for _, tt := range tests {
		if err := tt.trigger.Validate(); err == nil {
			t.Errorf("%v: valid", tt.trigger)
		} else if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: error %q does not say %q", tt.trigger, err, tt.want)
		}
	}
}

func many(n int) []Trigger {
	ts := make([]Trigger, n)
	for i := range ts {
		ts[i] = AfterCount(int64(i + 1))
	}
	return ts
}

func deep(n int) Trigger {
	return spec{strings.Repeat("Repeat(", n) + "Default" + strings.Repeat(")", n)}
}

// The expectations are those of the tests of Beam Java 2.77 (sdk/transforms/windowing) and of what its
// getContinuationTrigger methods say.
func TestContinuation(t *testing.T) {
	tests := []struct{ text, want string }{
		{"Default", "Default"},
		{"Always", "Always"},
		{"Never", "Never"},
		{"AfterWatermark", "AfterWatermark"},
		{
			"AfterWatermark(early=AfterProcessingTime(delay=1h0m0s), late=AfterCount(5))",
			"AfterWatermark(early=AfterSynchronizedProcessingTime, late=AfterCount(1))",
		},
		{"AfterWatermark(late=AfterCount(2))", "AfterWatermark(late=AfterCount(1))"},
		{"AfterCount(100)", "AfterCount(1)"},
		{"AfterProcessingTime", "AfterSynchronizedProcessingTime"},
		{"AfterSynchronizedProcessingTime", "AfterSynchronizedProcessingTime"},
		{"AfterAll(AfterProcessingTime, AfterWatermark)", "AfterAll(AfterSynchronizedProcessingTime, AfterWatermark)"},
		{"AfterAny(AfterProcessingTime, AfterWatermark)", "AfterAny(AfterSynchronizedProcessingTime, AfterWatermark)"},
		{"AfterEach(AfterProcessingTime, AfterWatermark)", "Repeat(AfterAny(AfterSynchronizedProcessingTime, AfterWatermark))"},
		{"Repeat(AfterProcessingTime)", "Repeat(AfterSynchronizedProcessingTime)"},
		{"OrFinally(AfterProcessingTime, AfterWatermark)", "Repeat(OrFinally(AfterSynchronizedProcessingTime, AfterWatermark))"},
		{"OrFinally(AfterWatermark, AfterProcessingTime)", "Repeat(OrFinally(AfterWatermark, AfterSynchronizedProcessingTime))"},
		{"Repeat(OrFinally(AfterCount(3), AfterCount(9)))", "Repeat(Repeat(OrFinally(AfterCount(1), AfterCount(1))))"},
	}
	for _, tt := range tests {
		if got := mustParse(t, tt.text).Continuation(); got.String() != tt.want {
			t.Errorf("%s: %v, want %s", tt.text, got, tt.want)
		} else if got != mustParse(t, tt.want) {
			t.Errorf("%s: %T differs from what parsing gives", tt.text, got)
		}
	}
}

// A continuation of a valid trigger is valid but for its size, as often as it is taken.
func TestContinuationIsValid(t *testing.T) {
	r, seed := random(t)
	for range 2000 {
		tr := anyTrigger(r, 4)
		cont := tr
		for range 3 {
			cont = cont.Continuation()
			if bad, err := cont.(interface{ tree() *node }).tree().check(); err != nil {
				t.Fatalf("seed %d: %v continues as %v: %v: %v", seed, tr, cont, bad, err)
			}
			Compile(cont)
			CompileMerging(cont)
		}
	}
}

// The cases up to the blank line are those of Beam Python 2.77 (MayLoseDataTest of trigger_test.py).
func TestMayLoseData(t *testing.T) {
	tests := []struct {
		text      string
		allowed   time.Duration
		may, lose bool
	}{
		{"Default", 0, false, false},
		{"AfterProcessingTime", 0, true, true},
		{"Always", 0, false, false},
		{"Never", 0, false, false},
		{"AfterWatermark", 0, true, false},
		{"AfterWatermark", time.Second, true, true},
		{"AfterWatermark(early=AfterCount(5), late=AfterCount(5))", 0, false, false},
		{"AfterWatermark(early=AfterCount(5), late=AfterCount(5))", time.Second, false, false},
		{"AfterCount(42)", 0, true, true},
		{"Repeat(AfterCount(42))", 0, false, false},
		{"AfterAny(AfterCount(42), Always)", 0, true, true},
		{"AfterAny(Default, Always)", 0, false, false},
		{"AfterAll(AfterCount(1), Default)", 0, false, false},
		{"AfterAll(AfterCount(1), AfterProcessingTime)", 0, true, true},
		{"AfterEach(AfterCount(1), Default, Always)", 0, false, false},
		{"AfterEach(AfterCount(1), AfterCount(2), AfterProcessingTime)", 0, true, true},

		{"OrFinally(Repeat(AfterCount(1)), AfterWatermark)", 0, true, false},
		{"OrFinally(Repeat(AfterCount(1)), AfterWatermark)", time.Second, true, true},
		{"OrFinally(Repeat(AfterCount(1)), Never)", time.Second, false, false},
		{"AfterSynchronizedProcessingTime", 0, true, true},
	}
	for _, tt := range tests {
		tr := mustParse(t, tt.text)
		if got := tr.MayFinish(); got != tt.may {
			t.Errorf("%s: MayFinish is %v", tt.text, got)
		}
		if got := tr.MayLoseData(tt.allowed); got != tt.lose {
			t.Errorf("%s: MayLoseData(%v) is %v", tt.text, tt.allowed, got)
		}
	}
}

func mustParse(t testing.TB, text string) Trigger {
	t.Helper()
	tr, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func random(t testing.TB) (*rand.Rand, uint64) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0)), seed
}

// anyTrigger makes a valid trigger.
func anyTrigger(r *rand.Rand, depth int) Trigger {
	if depth == 0 {
		switch r.IntN(12) {
		case 0:
			return Default()
		case 1:
			return Always()
		}
		return onceTrigger(r, 0)
	}
	subs := make([]Trigger, 1+r.IntN(3))
	for i := range subs {
		subs[i] = anyTrigger(r, r.IntN(depth))
	}
	switch r.IntN(7) {
	case 0:
		return AfterEach(subs...)
	case 1:
		return AfterAny(subs...)
	case 2:
		return AfterAll(subs...)
	case 3:
		return Repeat(subs[0])
	case 4:
		return subs[0].OrFinally(onceTrigger(r, r.IntN(2)))
	case 5:
		w := AfterWatermark()
		if r.IntN(3) > 0 {
			w = w.Early(onceTrigger(r, r.IntN(2)))
		}
		if r.IntN(3) > 0 {
			w = w.Late(onceTrigger(r, r.IntN(2)))
		}
		return w
	}
	return anyTrigger(r, depth-1)
}

func onceTrigger(r *rand.Rand, depth int) Trigger {
	if depth > 0 {
		a, b := onceTrigger(r, depth-1), onceTrigger(r, depth-1)
		if r.IntN(2) == 0 {
			return AfterAny(a, b)
		}
		return AfterAll(a, b)
	}
	switch r.IntN(9) {
	case 0:
		return Never()
	case 1:
		return AfterWatermark()
	case 2:
		return AfterSynchronizedProcessingTime()
	case 3:
		return AfterProcessingTime()
	case 4:
		return AfterProcessingTime().PlusDelay(time.Duration(r.IntN(8)) * time.Millisecond)
	case 5:
		return AfterProcessingTime().AlignedTo(time.Duration(1+r.IntN(6))*time.Millisecond, time.Duration(r.IntN(9))*time.Millisecond)
	}
	return AfterCount(1 + r.Int64N(5))
}
