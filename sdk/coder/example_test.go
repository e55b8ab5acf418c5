package coder_test

import (
	"fmt"

	"github.com/millrace-go/millrace/sdk/coder"
)

func Example() {
	type point struct {
		X, Y  int64
		Label *string
	}
	c, err := coder.For[point]()
	if err != nil {
		fmt.Println(err)
		return
	}
	b, err := c.Append(nil, &point{X: 1, Y: 300})
	fmt.Printf("%x %v\n", b, err)

	var p point
	rest, err := c.Decode(append(b, "more"...), &p)
	fmt.Printf("%d %d %v, %q is left, %v\n", p.X, p.Y, p.Label, rest, err)

	// A type whose equal values may differ in their bytes is no key.
	m, err := coder.For[map[string]int]()
	fmt.Println(err, m.Deterministic() != nil)
	// Output:
	// 03010401ac02 <nil>
	// 1 300 <nil>, "more" is left, <nil>
	// <nil> true
}

// Types that have no encoding are refused, with the part that is to blame.
func ExampleFor_unencodable() {
	type event struct {
		Name    string
		private int
	}
	_ = event{private: 1}
	_, err := coder.For[event]()
	fmt.Println(err)
	// Output: coder: coder_test.event: type has no encoding: field private is not exported, so it would be lost; export it, or give the type MarshalBinary and UnmarshalBinary
}
