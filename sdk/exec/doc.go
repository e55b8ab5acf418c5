// Package exec runs one fused stage over typed batches. It is for runner authors: the engine below runners, and a worker
// behind another engine, host it; a pipeline's author has no use for it.
//
// Between the operators of a stage flow batches ([Batch]): values, and columns of timestamps, window sets and panes. An
// operator is a [Sink], and, if it keeps something between batches, an [Op]. A stage instance is wired once, downstream
// first ([Build]), and then run bundle by bundle ([Plan]) by one goroutine. What it needs from its host is in [Host].
//
// In a batch job stages are joined by an [Exchange], which is written, sealed and then read. In a streaming job they are
// joined by a [StreamExchange]: rows go through [Port]s to a [Task], which keeps state by key and window and is driven
// by its host with rows and a [Clock].
package exec
