package stats

import (
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/transforms/sketch"
)

// ApproxDistinct estimates the number of distinct elements: see [sketch.Distinct].
func ApproxDistinct[T any](in sdk.PCollection[T], opts ...sdk.Option) sdk.PCollection[int64] {
	return sketch.Distinct(in, opts...)
}

// Quantiles estimates quantiles: see [sketch.Quantiles].
func Quantiles[N Number](in sdk.PCollection[N], qs []float64, opts ...sdk.Option) sdk.PCollection[[]float64] {
	return sketch.Quantiles(in, qs, opts...)
}
