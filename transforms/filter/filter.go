// Package filter has the filters that need no function of one's own.
package filter

import (
	"cmp"

	"github.com/millrace-go/millrace/sdk"
)

// Exclude drops the elements for which drop is true: the opposite of sdk.Filter.
func Exclude[T any](in sdk.PCollection[T], drop func(T) bool, opts ...sdk.Option) sdk.PCollection[T] {
	return sdk.Filter(in, func(v T) bool { return !drop(v) }, opts...)
}

// GreaterThan keeps the elements greater than limit.
func GreaterThan[T cmp.Ordered](in sdk.PCollection[T], limit T, opts ...sdk.Option) sdk.PCollection[T] {
	return sdk.Filter(in, func(v T) bool { return v > limit }, opts...)
}

// GreaterThanEq keeps the elements that are limit or greater.
func GreaterThanEq[T cmp.Ordered](in sdk.PCollection[T], limit T, opts ...sdk.Option) sdk.PCollection[T] {
	return sdk.Filter(in, func(v T) bool { return v >= limit }, opts...)
}

// LessThan keeps the elements less than limit.
func LessThan[T cmp.Ordered](in sdk.PCollection[T], limit T, opts ...sdk.Option) sdk.PCollection[T] {
	return sdk.Filter(in, func(v T) bool { return v < limit }, opts...)
}

// LessThanEq keeps the elements that are limit or less.
func LessThanEq[T cmp.Ordered](in sdk.PCollection[T], limit T, opts ...sdk.Option) sdk.PCollection[T] {
	return sdk.Filter(in, func(v T) bool { return v <= limit }, opts...)
}

// Equal keeps the elements equal to v.
func Equal[T comparable](in sdk.PCollection[T], v T, opts ...sdk.Option) sdk.PCollection[T] {
	return sdk.Filter(in, func(w T) bool { return w == v }, opts...)
}

// NonZero drops the zero values of T: empty strings, zeros, nil pointers.
func NonZero[T comparable](in sdk.PCollection[T], opts ...sdk.Option) sdk.PCollection[T] {
	return sdk.Filter(in, func(v T) bool { var zero T; return v != zero }, opts...)
}
