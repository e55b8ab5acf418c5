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

// learn adds the keys that t has numbered since: what their encodings stand for. Keys of one encoding may differ, as times do
// by their zones, and which row came first must not show.
func (c *keyColumn) learn(t *table) error {
	if c.k.Kind != keys.Encoded {
		return nil
	}
	for c.n < len(t.text) {
		text := t.text[c.n]
		if err := c.k.Keep(c.room(), nil, text); err != nil {
			return err
		}
	}
	return nil
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
