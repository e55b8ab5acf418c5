package exec

import (
	"reflect"
	"slices"
)

// Lent reports whether values of T lead to memory that is valid only during the call they are passed to: the
// sequences of a grouping. Who keeps such a row past the call, or until there are enough for a batch, keeps
// something else by then.
func Lent[T any]() bool { return lent(reflect.TypeFor[T](), nil) }

func lent(t reflect.Type, above []reflect.Type) bool {
	if slices.Contains(above, t) {
		return false
	}
	above = append(above[:len(above):len(above)], t)
	switch t.Kind() {
	case reflect.Func:
		return true
	case reflect.Struct:
		for i := range t.NumField() {
			if lent(t.Field(i).Type, above) {
				return true
			}
		}
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return lent(t.Elem(), above)
	default:
	}
	return false
}
