package generator

import "math"

// priceFactors are the digits of a power of ten, in base 256: factor i of digit j is 10^(6j/256^(i+1)). The product of
// one of each is 10^(6u) for a u of 32 bits, and each 2 KB table stays in the first cache, where math.Pow would take
// longer than the rest of a bid.
type priceFactors [4][256]float64

func newPriceFactors() *priceFactors {
	var f priceFactors
	for i := range f {
		for j := range f[i] {
			f[i][j] = math.Pow(10, 6*float64(j)/math.Pow(256, float64(i+1)))
		}
	}
	for j := range f[0] {
		f[0][j] *= 100
	}
	return &f
}

// price returns a price in cents between 1.00 and 1,000,000.00, uniform in its logarithm: round(100 · 10^(6u)).
func (f *priceFactors) price(u uint32) int64 {
	// The conversion keeps the compiler from fusing the addition, which would round differently on other machines.
	p := float64(f[0][u>>24] * f[1][u>>16&255] * f[2][u>>8&255] * f[3][u&255])
	return int64(p + 0.5)
}
