package exec

import (
	"testing"
	"unsafe"

	"github.com/millrace-go/millrace/sdk/mtime"
)

// TestHead compares the memory of batches with what head takes it to be.
func TestHead(t *testing.T) {
	type wide struct {
		A [5]string
		B byte
	}
	b := &Batch[wide]{V: make([]wide, 3, 7), Meta: GlobalMeta(mtime.Time(42))}
	h := headOf(b)
	if h.rows != unsafe.Pointer(unsafe.SliceData(b.V)) || h.len != 3 || h.cap != 7 || &h.Meta != &b.Meta {
		t.Errorf("head is %+v of batch %+v", h, b)
	}
	if unsafe.Sizeof(*h) != unsafe.Sizeof(*b) || unsafe.Sizeof(*h) != unsafe.Sizeof(Batch[struct{}]{}) {
		t.Error("a head is not as large as a batch")
	}
	full := b.V[:cap(b.V)]
	full[1].A[0], full[6].A[0] = "within", "behind"
	forget(b)
	if len(b.V) != 3 || full[1].A[0] != "" || full[6].A[0] != "" {
		t.Errorf("forget leaves %q and %d rows", full, len(b.V))
	}
}
