package keyed

// bags keeps values by slot, in the order in which they came: lists in one array, whose places are used again.
type bags[V any] struct {
	vals []V
	next []uint32 // place plus one
	head []uint32 // by slot: place plus one
	tail []uint32
	free uint32 // place plus one
	n    int
}

func (b *bags[V]) grow(slot uint32) {
	for int(slot) >= len(b.head) {
		b.head, b.tail = append(b.head, 0), append(b.tail, 0)
	}
}

func (b *bags[V]) add(slot uint32, v V) {
	at := b.free
	if at != 0 {
		b.free = b.next[at-1]
		b.vals[at-1], b.next[at-1] = v, 0
	} else {
		b.vals, b.next = append(b.vals, v), append(b.next, 0)
		at = uint32(len(b.vals))
	}
	if b.head[slot] == 0 {
		b.head[slot] = at
	} else {
		b.next[b.tail[slot]-1] = at
	}
	b.tail[slot] = at
	b.n++
}

// each calls yield for the values of a slot.
func (b *bags[V]) each(slot uint32, yield func(V) bool) {
	for at := b.head[slot]; at != 0; at = b.next[at-1] {
		if !yield(b.vals[at-1]) {
			return
		}
	}
}

// clear empties a slot.
func (b *bags[V]) clear(slot uint32) {
	at := b.head[slot]
	if at == 0 {
		return
	}
	for p := at; p != 0; p = b.next[p-1] {
		clear(b.vals[p-1 : p])
		b.n--
	}
	b.next[b.tail[slot]-1] = b.free
	b.free = at
	b.head[slot], b.tail[slot] = 0, 0
	if b.n == 0 && cap(b.vals) > 1<<16 { // a window of many values has gone
		b.vals, b.next, b.free = nil, nil, 0
	}
}

// move appends the values of another slot.
func (b *bags[V]) move(into, from uint32) {
	if b.head[from] == 0 {
		return
	}
	if b.head[into] == 0 {
		b.head[into] = b.head[from]
	} else {
		b.next[b.tail[into]-1] = b.head[from]
	}
	b.tail[into] = b.tail[from]
	b.head[from], b.tail[from] = 0, 0
}
