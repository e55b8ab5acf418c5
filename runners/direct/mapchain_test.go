package direct_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/exec"
)

// TestMapChain runs maps that are run in one loop where their types allow: a failure is that of the map that fails, with
// the element that it was given, and each counts its elements.
func TestMapChain(t *testing.T) {
	const maps, rows = 7, 1000
	for fails := -1; fails < maps; fails++ {
		var got []string
		res, err := sdk.Run(context.Background(), &direct.Runner{Log: quiet(), Workers: 1}, func(p *sdk.Pipeline) error {
			var in []string
			for i := range rows {
				in = append(in, strconv.Itoa(i))
			}
			c := sdk.Map(sdk.Create(p, in), func(s string) int { n, _ := strconv.Atoi(s); return n }, sdk.Name("parse"))
			for k := range maps {
				c = sdk.Map(c, func(v int) int {
					if k == fails && v == 300+k {
						panic("ouch")
					}
					return v + 1
				}, sdk.Name(fmt.Sprintf("m%d", k)))
			}
			out := sdk.Map(c, func(v int) string { return strconv.Itoa(v) }, sdk.Name("print"))
			sdk.Map(out, func(s string) int { got = append(got, s); return 0 }, sdk.Name("end"))
			return nil
		})
		if fails >= 0 {
			var e *exec.ElementError
			want := fmt.Sprintf("m%d", fails)
			if !errors.As(err, &e) || e.Transform != want || e.Element != strconv.Itoa(300+fails) {
				t.Errorf("%s fails: %v, %+v", want, err, e)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range got {
			if s != strconv.Itoa(i+maps) {
				t.Fatalf("row %d is %s, want %d", i, s, i+maps)
			}
		}
		if len(got) != rows {
			t.Errorf("%d rows, want %d", len(got), rows)
		}
		steps := 0
		for _, s := range res.Status.Steps {
			if s.Transform == "Create" {
				continue
			}
			steps++
			if s.In != rows || s.Out != rows {
				t.Errorf("%s counted %d in and %d out, want %d", s.Transform, s.In, s.Out, rows)
			}
		}
		if steps != maps+3 {
			t.Errorf("%d steps, want %d", steps, maps+3)
		}
	}
}
