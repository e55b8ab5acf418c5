package model

import "testing"

// TestContinuation says what each trigger becomes after a grouping: Java's sdk/transforms/windowing/*Test.testContinuation.
func TestContinuation(t *testing.T) {
	for trigger, want := range map[string]string{
		"Default":         "Default",
		"Never":           "Never",
		"Always":          "Always",
		"AfterCount(100)": "AfterCount(1)",
		"AfterWatermark":  "AfterWatermark",
		"AfterWatermark(early=AfterCount(3),late=AfterProcessingTime(5))": "AfterWatermark(early=AfterCount(1),late=AfterSynchronizedProcessingTime)",
		"AfterProcessingTime(5,10,1)":                                     "AfterSynchronizedProcessingTime",
		"AfterSynchronizedProcessingTime":                                 "AfterSynchronizedProcessingTime",
		"AfterEach(AfterProcessingTime(0),AfterWatermark)":                "Repeat(AfterAny(AfterSynchronizedProcessingTime,AfterWatermark))",
		"AfterAny(AfterProcessingTime(0),AfterWatermark)":                 "AfterAny(AfterSynchronizedProcessingTime,AfterWatermark)",
		"AfterAll(AfterProcessingTime(0),AfterWatermark)":                 "AfterAll(AfterSynchronizedProcessingTime,AfterWatermark)",
		"Repeat(AfterCount(4))":                                           "Repeat(AfterCount(1))",
		"OrFinally(AfterProcessingTime(0),AfterWatermark)":                "Repeat(OrFinally(AfterSynchronizedProcessingTime,AfterWatermark))",
	} {
		parsed, err := ParseTrigger(trigger)
		if err != nil {
			t.Fatal(err)
		}
		if got := parsed.Continuation().String(); got != want {
			t.Errorf("%s continues as %s, want %s", trigger, got, want)
		}
		if parsed.Kind != AfterProcessingTime && parsed.String() != trigger {
			t.Errorf("%s is printed as %s", trigger, parsed)
		}
	}
}

// TestGuarantee says when a view with no pane is known to be empty: Java's *Test.testFireDeadline, for the window [0,10).
func TestGuarantee(t *testing.T) {
	for trigger, want := range map[string]int64{
		"Default":                9,
		"AfterWatermark":         9,
		"AfterCount(1)":          MaxTime,
		"Never":                  MaxTime,
		"Repeat(AfterWatermark)": 9,
		"AfterEach(AfterWatermark,AfterCount(4))": 9,
		"AfterEach(AfterCount(4),AfterWatermark)": MaxTime,
		"AfterAny(AfterCount(4),AfterWatermark)":  9,
		"AfterAll(AfterCount(4),AfterWatermark)":  MaxTime,
		"OrFinally(AfterCount(4),AfterWatermark)": 9,
	} {
		parsed, err := ParseTrigger(trigger)
		if err != nil {
			t.Fatal(err)
		}
		if got := parsed.guarantee(Window{0, 10}); got != want {
			t.Errorf("%s fires for certain at %d, want %d", trigger, got, want)
		}
	}
}
