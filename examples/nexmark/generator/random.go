package generator

import "math/bits"

// source is a seeded sequence of random numbers: wyrand, after Wang Yi's wyhash (final version 4). The seed's sequences
// for two event ids meet only after some 2⁶³ steps.
type source uint64

const (
	sourceStep = 0xa0761d6478bd642f
	sourceFold = 0xe7037ed1a0b428db
	idStep     = 0x9e3779b97f4a7c15
)

// random returns the source that the event with this id draws from.
func (g *Generator) random(id int64) source { return source(g.seed + uint64(id)*idStep) }

// next returns 64 random bits.
func (s *source) next() uint64 {
	*s += sourceStep
	hi, lo := bits.Mul64(uint64(*s), uint64(*s)^sourceFold)
	return hi ^ lo
}

// below returns a number from 0 to n-1.
func (s *source) below(n int64) int64 {
	hi, _ := bits.Mul64(s.next(), uint64(n))
	return int64(hi)
}

// below turns 32 random bits into a number from 0 to n-1, for small n.
func below(draw uint32, n int64) int64 { return int64(uint64(draw) * uint64(n) >> 32) }

// mix spreads every bit of v over all (the finalizer of splitmix64).
func mix(v uint64) uint64 {
	v += idStep
	v = (v ^ v>>30) * 0xbf58476d1ce4e5b9
	v = (v ^ v>>27) * 0x94d049bb133111eb
	return v ^ v>>31
}
