package join_test

import (
	"context"
	"fmt"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/transforms/join"
)

func ExampleLeft() {
	_, err := sdk.Run(context.Background(), &direct.Runner{}, func(p *sdk.Pipeline) error {
		users := sdk.Of(p, sdk.MakeKV(1, "amy"), sdk.MakeKV(2, "bob"))
		emails := sdk.Of(p, sdk.MakeKV(1, "amy@example.com"))
		sdk.Map(join.Left(users, emails), func(kv sdk.KV[int, join.Pair[string, join.Optional[string]]]) bool {
			fmt.Printf("%s %q\n", kv.Value.Left, kv.Value.Right.Value)
			return true
		})
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Unordered output:
	// amy "amy@example.com"
	// bob ""
}
