package coder

import (
	"encoding/binary"

	"github.com/zeebo/xxh3"
)

// KeyGroups is the number of key groups: the finest parts in which keyed state is kept and moved. It is written
// into checkpoints and never changes.
const KeyGroups = 256

// KeyGroup returns the key group of a key by its encoding: xxh3-64, seed 0, modulo KeyGroups. It is the same
// in every process, for ever.
func KeyGroup(encoded []byte) uint8 { return uint8(xxh3.Hash(encoded) % KeyGroups) }

// KeyGroupInt is KeyGroup of a number's encoding, a varint, without building it on the heap.
func KeyGroupInt(v int64) uint8 {
	var b [binary.MaxVarintLen64]byte
	return KeyGroup(b[:binary.PutUvarint(b[:], uint64(v))])
}

// KeyGroupString is KeyGroup of a string's encoding, without building it on the heap for strings of up to 500
// bytes.
func KeyGroupString(s string) uint8 {
	var b [512]byte
	e := binary.AppendUvarint(b[:0], uint64(len(s)))
	return KeyGroup(append(e, s...))
}
