package trigger

import "testing"

// What parses has a text that parses to the same, and nothing that is done with it panics.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"Default", "AfterWatermark(early=AfterCount(2), late=AfterProcessingTime(delay=0.5))", "AfterAny(AfterCount(2))",
		"OrFinally(Repeat(AfterEach(Always, Never)), AfterProcessingTime(delay=1ms, align=5m0s@27ms))", "AfterAll()",
		"AfterWatermark(None, AfterCount(count=-1))", "Repeatedly(AfterSynchronizedProcessingTime())", "nil", "AfterCount(2",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tr, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(tr.String())
		if err != nil {
			t.Fatalf("%q gives %q: %v", text, tr, err)
		}
		if again != tr {
			t.Fatalf("%q gives %q, which gives %q", text, tr, again)
		}
		tr.MayFinish()
		if tr.Validate() != nil {
			return
		}
		for _, m := range []*Machine{Compile(tr), CompileMerging(tr), CompileMerging(tr.Continuation())} {
			s := make([]int64, m.StateLen())
			c := Clock{EndOfWindow: 9}
			for range 20 {
				m.OnElements(s, 2, c)
				event, processing := m.NextTimes(s, c)
				if event <= c.Watermark || processing <= c.Processing {
					t.Fatalf("%v: next times %v and %v at %+v", tr, event, processing, c)
				}
				if m.ShouldFire(s, c) {
					m.OnFire(s, c)
				}
				c.Watermark++
				c.Processing++
				c.Synchronized++
			}
		}
	})
}
