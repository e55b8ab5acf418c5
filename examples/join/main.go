// Join pairs orders with their customers, and finds customers without orders.
package main

import (
	"fmt"

	"github.com/millrace-go/millrace/runners/launch"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/transforms/join"
)

type options struct{}

func build(p *sdk.Pipeline, _ options) error {
	customers := sdk.Of(p, sdk.MakeKV(1, "Ada"), sdk.MakeKV(2, "Grace"), sdk.MakeKV(3, "Edsger"))
	orders := sdk.Of(p, sdk.MakeKV(1, "engine"), sdk.MakeKV(2, "compiler"), sdk.MakeKV(2, "nanoseconds"))

	pairs := join.Inner(orders, customers)
	sdk.Map(pairs, func(kv sdk.KV[int, join.Pair[string, string]]) bool {
		fmt.Printf("%s ordered %s\n", kv.Value.Right, kv.Value.Left)
		return true
	})
	idle := join.Anti(customers, orders)
	sdk.Map(idle, func(kv sdk.KV[int, string]) bool {
		fmt.Printf("%s ordered nothing\n", kv.Value)
		return true
	})
	return nil
}

func main() { launch.Main(build) }
