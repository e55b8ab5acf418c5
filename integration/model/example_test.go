package model_test

import (
	"fmt"

	"github.com/millrace-go/millrace/integration/model"
)

func Example() {
	c, err := model.ParseCase(`
		in = source
		w = window in fixed(10) trigger=AfterWatermark(early=AfterCount(2),late=Always) accumulating lateness=5
		sums = combine w sum

		elements in a=1@2 a=2@4 b=10@7
		watermark in 10
		elements in b=20@8
		end in
	`)
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := model.Run(c.Pipeline, c.Steps, model.Rules{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range r.Of("sums") {
		fmt.Println(e)
	}
	// Output:
	// a 3 [0,10) @9 early 0/-1 first
	// a 3 [0,10) @9 ontime 1/0
	// b 10 [0,10) @9 ontime 0/0 first
	// b 30 [0,10) @9 late 1/1
}
