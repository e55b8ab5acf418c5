package group

import (
	"math"
	"unsafe"

	"github.com/millrace-go/millrace/sdk/exec/keys"
)

// keyColumn is the keys of a table, as values of their type.
type keyColumn struct {
	k      *keys.Type
	n      int // of those in values
	values keys.Values
}

func newKeyColumn(k *keys.Type) keyColumn { return keyColumn{k: k, values: keys.NewValues(k)} }

// room returns where the next key goes.
func (c *keyColumn) room() unsafe.Pointer {
	c.n++
	c.values.Grow(c.n)
	return c.values.Place(c.n - 1)
}

// learn adds the keys of rows that have got numbers for the first time.
func (c *keyColumn) learn(ids []uint32, rows unsafe.Pointer, stride uintptr) {
	if c.k.Kind != keys.Encoded {
		return
	}
	for i, id := range ids {
		if int(id) == c.n {
			c.k.Copy(c.room(), unsafe.Add(rows, uintptr(i)*stride))
		}
	}
}

// set makes the key at p the one with number id of t.
func (c *keyColumn) set(p unsafe.Pointer, t *table, id uint32) {
	switch c.k.Kind {
	case keys.Words:
		c.k.SetWord(p, t.word[id])
	case keys.Texts:
		*(*string)(p) = t.text[id]
	default:
		c.k.Copy(p, c.values.Place(int(id)))
	}
}

// clear forgets all keys, also of earlier tables.
func (c *keyColumn) clear() {
	c.values.Forget(0, math.MaxInt)
	c.n = 0
}
