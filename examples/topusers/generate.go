package main

import "math/rand/v2"

// randomOrder is an order of one of ten thousand users, some of whom order more.
func randomOrder() order {
	u := int(rand.ExpFloat64() * 1000)
	return order{User: name(u % 10_000), Cents: 100 + rand.Int64N(10_000)}
}
