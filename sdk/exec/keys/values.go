package keys

import "unsafe"

// Values is keys by number, as values of their type: for keys that are known by their encodings, as a word or a text is in the
// table that numbers it.
type Values struct {
	k    *Type
	at   unsafe.Pointer
	cap  int
	zero unsafe.Pointer // a zero key
}

// NewValues returns no keys of a type.
func NewValues(k *Type) Values { return Values{k: k} }

// Place is where the key of a number is, for which there is room.
func (v *Values) Place(number int) unsafe.Pointer {
	return unsafe.Add(v.at, uintptr(number)*v.k.Size())
}

// Grow makes room for the numbers below n.
func (v *Values) Grow(n int) {
	if n <= v.cap {
		return
	}
	n = max(n, 2*v.cap, 64)
	at := v.k.Make(n)
	if v.zero == nil {
		v.zero = v.k.Make(1)
	}
	for i := range v.cap {
		v.k.Copy(unsafe.Add(at, uintptr(i)*v.k.Size()), v.Place(i))
	}
	v.at, v.cap = at, n
}

// Forget clears the keys of the numbers from lo to below hi, as far as there is room for them.
func (v *Values) Forget(lo, hi int) {
	for i := lo; i < min(hi, v.cap); i++ {
		v.k.Copy(v.Place(i), v.zero)
	}
}

// Forgotten clears the key at p, which is somewhere else.
func (v *Values) Forgotten(p unsafe.Pointer) {
	if v.zero == nil {
		v.zero = v.k.Make(1)
	}
	v.k.Copy(p, v.zero)
}
