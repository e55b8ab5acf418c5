package generator

import (
	"math/bits"
	"strings"
)

// slabSize is how many bytes of strings share one allocation: a string that is kept keeps so much in memory.
const slabSize = 4096

// slab is where the strings of events are written. A piece of memory is given up when it is full, never used again, so
// the strings cut from it stay as they are.
type slab struct{ piece strings.Builder }

// reserve makes room for a string of at most n bytes and returns where it starts.
func (s *slab) reserve(n int) int {
	if s.piece.Cap()-s.piece.Len() < n {
		s.piece.Reset()
		s.piece.Grow(max(n, slabSize))
	}
	return s.piece.Len()
}

// since returns what was written from start on.
func (s *slab) since(start int) string { return s.piece.String()[start:] }

// copy returns a copy of text.
func (s *slab) copy(text []byte) string {
	start := s.reserve(len(text))
	s.piece.Write(text)
	return s.since(start)
}

// maxWords is the largest limit that text takes.
const maxWords = 100

// text returns a random string of up to limit-1 letters, with spaces inside but not around it.
func (s *slab) text(rnd *source, limit int64) string {
	var letters [maxWords]byte
	return s.copy(trim(words(rnd, letters[:limit])))
}

// words writes 3 to len(dst)-1 letters to dst, about one in 13 of them a space, and returns them.
func words(rnd *source, dst []byte) []byte {
	// 26 of the 338 characters are spaces; one draw is good for six.
	const characters = "                          " + letters12
	dst = dst[:3+rnd.below(int64(len(dst))-3)]
	for rest := dst; len(rest) > 0; {
		part := rest[:min(len(rest), 6)]
		draw := rnd.next()
		for i := range part {
			var place uint64
			place, draw = bits.Mul64(draw, uint64(len(characters)))
			part[i] = characters[place]
		}
		rest = rest[len(part):]
	}
	return dst
}

// trim returns text without the spaces around it.
func trim(text []byte) []byte {
	for len(text) > 0 && text[0] == ' ' {
		text = text[1:]
	}
	for len(text) > 0 && text[len(text)-1] == ' ' {
		text = text[:len(text)-1]
	}
	return text
}

const (
	alphabet  = "abcdefghijklmnopqrstuvwxyz"
	letters12 = alphabet + alphabet + alphabet + alphabet + alphabet + alphabet +
		alphabet + alphabet + alphabet + alphabet + alphabet + alphabet
)
