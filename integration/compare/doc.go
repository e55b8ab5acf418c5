// Package compare runs the cases of integration/model on the streaming engine and says where the two differ.
//
// [Run] makes a real pipeline of a model.Case, plays its script on a runner and returns what every collection held, in the
// model's terms; [Expect] is what the model says, and [Diff] compares the two. A case goes through package sdk as a user's program
// would: its stateful programs are StatefulFns with cells and timers, its sources are a test stream. A pipeline can have one test
// stream, with one watermark; where the model has several sources, a timer that never fires holds each back to its own.
//
// # What is compared
//
// For every collection, key and window: the elements in their order, each with value, timestamp, pane, and the step of the
// script that made it. For every grouping and stateful ParDo: the dropped elements and the window they were dropped from.
//
// # Choices
//
// Of the choices in model.Rules the engine takes the zero value of TimersAfter (a timer fires at its time), DropBeforeMerge
// (windows merge, and then it is decided what has expired) and NoExpirationHold (OnWindowExpiration holds the watermark at the
// window's end). It takes OwnOutput: what a pane says of itself does not depend on which keys a worker has. It takes OnlyWhenDue: a trigger is asked after a bundle, and when a time comes that it waits for. Beyond these:
//
//   - Windows merge element by element, not for a bundle at once; see [Certain].
//   - An element that changes nothing in a session which has ended leaves its hold alone. Beam Java lets go of it
//     (WatermarkHold.onMerge).
//   - If a session that has had its on-time pane merges with one that has not, the elements that the latter's early trigger has
//     counted still count, as in Beam Python. In Java they do not: the early trigger of the former is finished, and AfterPane
//     clears its count where one of the windows was finished.
//   - Views are forgotten when no element on time can ask for them. The model keeps them for ever, so what a join says of an
//     element whose window has expired is not compared.
//   - Windows end with the global window at the latest, as in Beam Java's FixedWindows. The model's do not.
//
// Nor is compared what nobody promises: the order between keys and windows, and what stays pending in a script that does not end.
//
// Not expressible are triggers that sdk refuses: early, late and finally parts that do not finish with their first firing.
package compare
