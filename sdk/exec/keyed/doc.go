// Package keyed is the typed side of what a streaming job keeps by key and window: GroupByKey, CoGroupByKey, combines
// and stateful ParDos, each as a task that takes rows and watermarks and gives panes.
//
// A writer upstream sends every row to the task that owns the key group of its key. A task gives each pair of key and
// window a slot, a small number by which everything else is found: accumulators, values, state cells, the state of the
// trigger, the pane's place. Slots are used again when their window has expired, so nothing grows with the stream.
//
// Like everything below package exec the loops that touch elements are generic, and only those: keys are words or
// texts (package keys), slots, windows, triggers and timers do not know the types.
package keyed
