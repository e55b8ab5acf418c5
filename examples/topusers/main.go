// Topusers finds the users who spent most: Parquet in, Parquet out.
//
//	go run ./examples/topusers --generate 1000000 --input orders --output top
package main

import (
	"fmt"
	"iter"

	"github.com/millrace-go/millrace/io/parquetio"
	"github.com/millrace-go/millrace/runners/launch"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/transforms/stats"
)

type options struct {
	Input    string `help:"Parquet files of orders: user, cents" required:"true"`
	Output   string `help:"where to write the top users" default:"top"`
	Top      int    `help:"how many users" default:"10"`
	Generate int    `help:"write this many orders to the input instead"`
}

type order struct {
	User  string `parquet:"user"`
	Cents int64  `parquet:"cents"`
}

type spender struct {
	Rank  int32  `parquet:"rank"`
	User  string `parquet:"user"`
	Cents int64  `parquet:"cents"`
}

func build(p *sdk.Pipeline, o options) error {
	if o.Generate > 0 {
		parquetio.Write(sdk.Map(sdk.Create(p, make([]int, o.Generate)), func(int) order { return randomOrder() }), o.Input, parquetio.Overwrite())
		return nil
	}
	orders := parquetio.Read[order](p, o.Input)
	totals := stats.SumPerKey(sdk.Map(orders, func(o order) sdk.KV[string, int64] { return sdk.MakeKV(o.User, o.Cents) }))
	top := stats.Top(totals, o.Top, func(a, b sdk.KV[string, int64]) bool { return a.Value < b.Value })
	parquetio.Write(sdk.FlatMap(top, rank), o.Output, parquetio.Shards(1), parquetio.Overwrite())
	return nil
}

func rank(top []sdk.KV[string, int64]) iter.Seq[spender] {
	return func(yield func(spender) bool) {
		for i, u := range top {
			if !yield(spender{int32(i + 1), u.Key, u.Value}) {
				return
			}
		}
	}
}

func name(i int) string { return fmt.Sprintf("user-%05d", i) }

func main() { launch.Main(build) }
