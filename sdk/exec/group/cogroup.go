package group

import "iter"

// CoGroup2 is the values of one key in two collections. The sequences may be iterated any number of times
// until the function that was given them returns.
type CoGroup2[A, B any] struct {
	A iter.Seq[A]
	B iter.Seq[B]
}

// CoGroup3 is the values of one key in three collections.
type CoGroup3[A, B, C any] struct {
	A iter.Seq[A]
	B iter.Seq[B]
	C iter.Seq[C]
}

// CoGroup4 is the values of one key in four collections.
type CoGroup4[A, B, C, D any] struct {
	A iter.Seq[A]
	B iter.Seq[B]
	C iter.Seq[C]
	D iter.Seq[D]
}
