package group

import "reflect"

// embeds reports whether fn has an optional interface from a type that it embeds, perhaps: that one's methods know nothing of
// the AddInput which fn may have of its own.
func embeds[X any](fn any) bool {
	t := reflect.TypeOf(fn)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return false
	}
	x := reflect.TypeFor[X]()
	for i := range t.NumField() {
		if f := t.Field(i); f.Anonymous && (f.Type.Implements(x) || reflect.PointerTo(f.Type).Implements(x)) {
			return true
		}
	}
	return false
}
