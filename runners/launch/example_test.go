package launch_test

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/millrace-go/millrace/runners/launch"
	"github.com/millrace-go/millrace/sdk"
)

// A program has options and a function that builds its pipeline; its main function is
//
//	func main() { launch.Main(greet) }
func Example() {
	type options struct {
		Names []string `help:"whom to greet" default:"world"`
		Shout bool     `help:"in capitals"`
	}
	greet := func(p *sdk.Pipeline, o options) error {
		greetings := sdk.Map(sdk.Create(p, o.Names), func(name string) string { return "hello, " + name })
		if o.Shout {
			greetings = sdk.Map(greetings, strings.ToUpper)
		}
		sdk.Map(greetings, func(s string) string {
			fmt.Println(s)
			return s
		})
		return nil
	}

	// As "greet --names=ann --shout --quiet" does it.
	code := launch.Run(context.Background(), greet, launch.Env{
		Args:   []string{"greet", "--names=ann", "--shout", "--quiet"},
		Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.LookupEnv,
	})
	fmt.Println(code)
	// Output:
	// HELLO, ANN
	// 0
}
