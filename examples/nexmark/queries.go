package main

import (
	"github.com/millrace-go/millrace/examples/nexmark/event"
	"github.com/millrace-go/millrace/sdk"
)

// query is one of the queries.
type query struct {
	Name string
	// Write builds the query and its sink.
	Write func(events sdk.PCollection[event.Event], out *results)
}

// queries are those of github.com/nexmark/nexmark, by number.
var queries = [...]query{
	{"pass through", to(q0)},
	{"currency", to(q1)},
	{"selection", to(q2)},
	{"local items", to(q3)},
	{"category prices", to(q4)},
	{"hot items", to(q5)},
	{"seller prices", to(q6)},
	{"highest bids", to(q7)},
	{"new sellers", to(q8)},
	{"winning bids", to(q9)},
	{"partitioned files", partitioned},
	{"user sessions", to(q11)},
	{"live counts", to(q12)},
	{"side input", to(q13)},
	{"calculation", to(q14)},
	{"day statistics", to(q15)},
	{"channel statistics", to(q16)},
	{"auction statistics", to(q17)},
	{"last bids", to(q18)},
	{"top bids", to(q19)},
	{"bids with auction", to(q20)},
	{"channel ids", to(q21)},
	{"url directories", to(q22)},
	{"bids of sellers", to(q23)},
}

// to writes the rows of a query as JSON lines.
func to[T any, R jsonRow[T]](q func(sdk.PCollection[event.Event]) sdk.PCollection[T]) func(sdk.PCollection[event.Event], *results) {
	return func(events sdk.PCollection[event.Event], out *results) { write[T, R](q(events), out) }
}

// partitioned is query 10, which writes a directory, if anything.
func partitioned(events sdk.PCollection[event.Event], out *results) {
	if out.partition != nil {
		writePartitions(q10(events), out)
	} else {
		write(q10(events), out)
	}
}
