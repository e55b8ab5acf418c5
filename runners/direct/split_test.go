package direct_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/millrace-go/millrace/io/textio"
	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
)

// hands is what each instance of a DoFn has done.
type hands struct {
	mu   sync.Mutex
	work []*hand
}

// hand is the work that one instance has done, and how much of it was slow.
type hand struct{ work, slow int }

func (h *hands) new() *hand {
	h.mu.Lock()
	defer h.mu.Unlock()
	w := new(hand)
	h.work = append(h.work, w)
	return w
}

// toilFn works 50 times as long on lines that begin with an s as on others.
type toilFn struct {
	Hands *hands
	mine  *hand
	sum   uint64
}

func (f *toilFn) Setup(*sdk.Context) error { f.mine = f.Hands.new(); return nil }

func (f *toilFn) ProcessElement(_ *sdk.Context, line string, out sdk.Emitter[uint64]) error {
	n := 1
	if line[0] == 's' {
		n = 50
		f.mine.slow += n
	}
	f.mine.work += n
	for i := range n * 200 {
		f.sum = f.sum*31 + uint64(i)
	}
	if f.sum == 1 { // never, but the compiler does not know
		out.Emit(f.sum)
	}
	return nil
}

// One file is one restriction at the start. Its work is spread over two workers all the same, at once, and a part that
// takes 50 times as long as the rest is split again while it is read: neither worker is left without its share.
func TestSlowPieceIsSplitAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "in.txt")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	const lines, slow = 200_000, 10_000
	w := bufio.NewWriter(f)
	for i := range lines {
		kind := "fast"
		if i >= lines-slow { // in the half that the first split gives away
			kind = "slow"
		}
		fmt.Fprintf(w, "%s line %d\n", kind, i)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	var h *hands
	if _, err := sdk.Run(t.Context(), &direct.Runner{Workers: 2, Log: quiet()}, func(p *sdk.Pipeline) error {
		h = new(hands)
		sdk.ParDo(textio.Read(p, path), &toilFn{Hands: h})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	var work, most int
	for _, m := range h.work {
		work, most = work+m.work, max(most, m.work)
		t.Logf("work %d, of which slow %d", m.work, m.slow)
	}
	if want := lines - slow + 50*slow; work != want {
		t.Fatalf("work of %d, not %d: lines were lost or came twice", work, want)
	}
	// Were it split once only, 86% would be one's.
	if share := float64(most) / float64(work); share > 0.8 {
		t.Errorf("one worker did %.0f%% of the work", 100*share)
	}
}
