// Package model is a naive interpreter of the Beam model for streaming pipelines: the oracle that the engine is compared with.
//
// It is written from Beam's documents and tests alone, imports nothing but the standard library, and shares no line with the
// engine. It holds every element for as long as its window lives and computes panes, holds and watermarks from these, on one
// goroutine. Times are milliseconds, keys strings, values int64.
//
// A [Pipeline] is a list of transforms over named collections; a script is a list of [Step]; [Run] gives a [Result]. [Random]
// makes a [Case] of both from a seed, as plain data that another package can build a real pipeline from; it prints in a language
// that [ParseCase] reads and testdata/*.txt is written in. [Rules] are the points at which Beam's implementations differ.
//
// # How a step goes
//
// A step is one bundle of a source, a new watermark of a source, a step of the clock, the end of a source, or a drain. It goes
// through the pipeline once, each transform after its inputs. A transform takes the bundles that wait for it; then it looks at the
// clock, if that was changed; then at its input watermark, which is the least output watermark of its inputs; and then its output
// watermark follows, as far as holds let it. What it emits in one of these phases is one bundle for each of its consumers. So no
// watermark overtakes an element that it made (Beam: watermarks "hold" for bundles in flight), and everything is decided.
//
// Which elements come in one bundle is not Beam's promise. Results depend on it where triggers count elements, where a trigger
// fires for each bundle (late data under the default trigger, AfterCount(1) after a grouping), and where late elements merge
// into sessions. Between a key and window of one collection and another there is no order at all.
//
// # Rules, and where they come from
//
//   - Watermark w promises that no element with a timestamp before w is to come. The end of a window is its last millisecond, and is
//     passed when w is greater: [0,10) is on time at 10 (Java PaneInfoTracker, AfterWatermarkStateMachine.endOfWindowReached).
//   - A window expires when w is past its last millisecond by more than the allowed lateness, but at the end of the global window at
//     the latest (Java LateDataUtils.garbageCollectionTime). Its elements are dropped from then on. Windows merge first and then the
//     merged window decides (design; see [Rules].DropBeforeMerge).
//   - Triggers are evaluated once for each key and window after each bundle that touches it, and at each change of the watermark or the
//     clock, in the order of the windows' ends, then of keys. Readiness and finishing are those of the comments in
//     beam_runner_api.proto, message Trigger, and of Java's TriggerStateMachine tests. A trigger that finishes closes its window:
//     more elements are dropped (droppedDueToClosedWindow).
//   - When a window expires there is one last pane, which is the on-time one if there was none yet (ReduceFnRunnerTest
//     testCombiningAccumulatingEventTime). A pane with nothing new is seen only if it is the on-time or the last one and
//     OnTimeBehavior or ClosingBehavior says so (ReduceFnRunner.needToEmit), and only if the window ever had an element.
//   - Timing: a pane is late if the output watermark has passed the end of the window or a pane that was not early has been; else
//     early if the input watermark has not passed it; else on time (Java PaneInfoTracker.describePane).
//   - A pane's timestamp is that of the timestamp combiner over the elements since the last firing that hold the output watermark: whose
//     combined time is not behind it already and whose window has not ended. Without one it is the end of the window
//     (WatermarkHold; transcripts known_late_data_*). Beam's further hold at the expiry of a window has no effect where nothing
//     overtakes anything, so the model has none.
//   - Sessions that merge bring their unfired elements, all elements in accumulating mode, and their trigger's state; pane indices
//     start at 0 unless the merged window is one that was there (transcript early_late_sessions). Sessions that were closed stay as
//     they are (ReduceFnRunnerTest.testMergingWithClosedDoesNotPoison; Beam Python lets them take in their neighbours).
//     Sessions none of which was there before merge as if they had been one: Java takes a trigger of them to have
//     finished if the end of the merged window is past, which no test demands.
//   - After a grouping the trigger is the continuation (Trigger.getContinuationTrigger), and windows that merged do not merge again.
//   - AfterSynchronizedProcessingTime is ready after the bundle that brings the first element, because upstream has by then done
//     all that was due.
//   - Timers of a DoFn fire in the order of their times, then by key, window and tag, those they set included; an event-time timer
//     when w is at or past its time (see [Rules].TimersAfter), one in the past at once after the bundle. Its output timestamp
//     holds the output watermark; by default it is the timer's time, or that of the call for a processing-time timer. State takes
//     elements until the window expires; then come the timers up to the expiry, OnWindowExpiration, and the end of the state.
//   - In a processing-time step a transform looks at the clock before it looks at its watermark, which can have gone on in
//     the same step because a transform before it let go of a hold.
//   - End of a source and drain (I8): the watermark goes to MaxTime, which expires every window. Pending processing-time timers do not
//     fire and are counted. In a drain, a timer of the global window that OnTimer sets is dropped and counted; at an
//     end it fires (ParDoTest.testEventTimeTimerLoop).
//   - A view is the last pane, for each of its windows, of a grouping of its whole collection; elements wait for the first one, or until
//     the side input's watermark says that there is none, and hold the output watermark meanwhile. In a step the side input
//     comes first. Views are kept for ever, so an element of the main input is never too late for one (I9 would let them go).
//   - Construction errors are those of I11 ([Pipeline.Check]).
package model
