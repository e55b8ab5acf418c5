package model

// Rules are the points at which Beam's own implementations differ, or where the project chose otherwise than they did. The
// zero value is what the project chose, but for OwnOutput. Comparing an engine under both values of a rule tells a bug from a choice.
type Rules struct {
	// TimersAfter: a timer fires when the clock or the watermark is past its time, as in Beam Java
	// (InMemoryTimerInternals.removeNextTimer), instead of at it, as in Beam Python (InMemoryUnmergedState.get_timers),
	// prism (timers.go, order[0] <= now) and by the guide's words, that no elements are to come from before the timer's time.
	// The same goes for AfterProcessingTime.
	TimersAfter bool

	// DropBeforeMerge: an element is dropped if the window it was assigned has expired, before windows merge, as in
	// Beam Java (LateDataDroppingDoFnRunner) and Python (GeneralTriggerDriver.process_elements), instead of after merging
	// (design, semantics rules: "merge first, then decide on the merged window").
	DropBeforeMerge bool

	// OnlyWhenDue: a trigger is evaluated at a time step only if the step passed the end of the window or a processing
	// time the trigger waits for, as in Beam Java, where a timer must fire. Otherwise it is evaluated at every time step.
	// The difference shows in triggers like AfterEach(AfterCount(1),AfterWatermark), whose second part is ready at once
	// when the first fires late: here it closes the window at the next step, in Java it waits for another element.
	OnlyWhenDue bool

	// OwnOutput: a grouping asks the output watermark that a window alone would make, which is the input watermark, or the time
	// that the window's elements hold if that is earlier; not that of all its keys and windows, as in Beam, where what one
	// key holds back decides whether an element of another that is behind the input watermark holds it too, and whether its
	// pane is on time. In Beam that depends on which keys a worker has. The engine takes it.
	OwnOutput bool

	// NoExpirationHold: a DoFn with OnWindowExpiration does not hold the output watermark at the end of a window until the
	// window expires. Beam Java does (StatefulDoFnRunner.TimeInternalsCleanupTimer.setForWindow).
	NoExpirationHold bool
}
