// Package trigger says when, in the time of the pipeline, the pane of a window is emitted: before its end, at its end,
// for late elements, or never until the window expires.
//
// A [Trigger] is what a pipeline's author writes:
//
//	trigger.AfterWatermark().
//		Early(trigger.AfterProcessingTime().PlusDelay(time.Minute)).
//		Late(trigger.AfterCount(1))
//
// A trigger that finishes closes its window: what comes after that is dropped. So all but the first three are to be
// given as a part of another, such as [Repeat]; [Trigger].MayLoseData finds those that are not.
//
//	                                  ready when                                   finishes
//	Default                           the watermark is past the end of the window  never
//	Always                            asked                                        never
//	Never                             never                                        never
//	AfterWatermark                    as Default, once; before that when Early     with the on-time firing,
//	                                  is ready, after that when Late is            with Late never
//	AfterProcessingTime               the time of the pane's first element, with   with its firing
//	                                  delays and alignments applied, is reached
//	AfterSynchronizedProcessingTime   everything upstream has reached the time     with its firing
//	                                  of the pane's first element
//	AfterCount(n)                     the pane has n elements or more              with its firing
//	AfterEach(a, b, ...)              the one whose turn it is is ready            with the last
//	AfterAny(a, b, ...)               one is ready                                 when one that fires does
//	AfterAll(a, b, ...)               all that have not finished are ready         when all have
//	Repeat(a)                         a is ready; a starts afresh when finished    never
//	a.OrFinally(b)                    either is ready                              when b fires or a finishes
//
// When a pane is emitted all counts and times of it start anew, those of triggers that were not ready too; the last
// trigger of OrFinally alone counts over all panes. A time is reached at that very millisecond, and a watermark w is past
// the end of a window when no element before w is to come and the window's last instant is before w.
//
// The meaning is that of the messages Trigger and TimestampTransform of beam_runner_api.proto; where they leave it open,
// that of Beam's state machines. They differ in places. Processing time is reached at its millisecond as in Python and
// prism, where Java waits for the next one. Which trigger finishes AfterAny and AfterAll is Python's rule; Java ends them
// with their first firing, which is the same for the triggers its API admits there. Merging is Java's: Python
// does not go back to early firings when a late session grows beyond the watermark.
//
// The rest is for runner authors: a [Machine] is the compiled trigger, which works on a few bits of state per
// window and key and a [Clock], and neither allocates nor reads the time.
package trigger
