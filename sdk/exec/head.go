package exec

import (
	"reflect"
	"unsafe"
)

// head is the memory of a Batch of any type: what does not touch rows needs not be compiled for each type of them.
// Its first three fields are those of a slice; TestHead compares.
type head struct {
	rows     unsafe.Pointer
	len, cap int
	Meta
}

// headOf returns the head of b, a *Batch.
func headOf(b any) *head { return (*head)(reflect.ValueOf(b).UnsafePointer()) }

// rowsOf returns the rows of b, a *Batch.
func rowsOf(b any) reflect.Value { return reflect.ValueOf(b).Elem().Field(0) }

// showRow prints a row of b, shortened to what a message can hold.
func showRow(b any, i int) string { return show(rowsOf(b).Index(i).Interface()) }

// forget clears all memory of the rows of b, also that behind its length, so that nothing they lead to is kept.
func forget(b any) {
	v := rowsOf(b)
	n := v.Len()
	v.SetLen(v.Cap())
	v.Clear()
	v.SetLen(n)
}
