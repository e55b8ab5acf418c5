// Cogroup brings together what three collections have for each key.
package main

import (
	"fmt"
	"slices"

	"github.com/millrace-go/millrace/runners/launch"
	"github.com/millrace-go/millrace/sdk"
)

type options struct{}

func build(p *sdk.Pipeline, _ options) error {
	emails := sdk.Of(p, sdk.MakeKV("amy", "amy@example.com"), sdk.MakeKV("carl", "carl@example.com"))
	phones := sdk.Of(p, sdk.MakeKV("amy", "111-222"), sdk.MakeKV("james", "222-333"), sdk.MakeKV("amy", "333-444"))
	ages := sdk.Of(p, sdk.MakeKV("carl", 41), sdk.MakeKV("james", 37))

	people := sdk.CoGroupByKey3(emails, phones, ages)
	sdk.Map(people, func(kv sdk.KV[string, sdk.CoGroup3[string, string, int]]) bool {
		fmt.Println(kv.Key, slices.Sorted(kv.Value.A), slices.Sorted(kv.Value.B), slices.Sorted(kv.Value.C))
		return true
	})
	return nil
}

func main() { launch.Main(build) }
