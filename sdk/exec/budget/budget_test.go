package budget

import (
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// hoard is an owner: rows of some size, which it can give up all at once.
type hoard struct {
	a  *Account
	mu sync.Mutex
	n  int64 // held in memory
	// disk is what has been given up, most is how much was held at any time.
	disk, most int64
	spills     int
	slow       time.Duration // what giving up takes
	err        error
}

func newHoard(b *Budget, name string) *hoard {
	h := &hoard{}
	h.a = b.Open(name, h.spill)
	return h
}

func (h *hoard) spill() (int64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err != nil {
		return 0, h.err
	}
	if h.slow > 0 {
		time.Sleep(h.slow)
	}
	n := h.n
	if n > 0 {
		h.spills++
	}
	h.n, h.disk = 0, h.disk+n
	h.a.Charge(-n)
	return n, nil
}

func (h *hoard) add(n int64) error {
	h.mu.Lock()
	h.n += n
	h.most = max(h.most, h.n)
	h.mu.Unlock()
	if h.a.Charge(n) {
		return h.a.Relieve()
	}
	return nil
}

func TestChargeAndRelease(t *testing.T) {
	b := New(100)
	a, c := b.Open("a", nil), b.Open("c", nil)
	for _, step := range []struct {
		a          *Account
		n          int64
		over       bool
		used, peak int64
	}{
		{a, 60, false, 60, 60},
		{c, 40, false, 100, 100}, // the limit is not over it
		{c, 1, true, 101, 101},
		{c, -31, false, 70, 101},
		{a, 20, false, 90, 101},
		{a, 0, false, 90, 101},
	} {
		if over := step.a.Charge(step.n); over != step.over || b.Used() != step.used || b.Peak() != step.peak {
			t.Errorf("charging %d: over %v, used %d, peak %d; want %v, %d, %d", step.n, over, b.Used(), b.Peak(), step.over, step.used, step.peak)
		}
	}
	if a.Held() != 80 || c.Held() != 10 || b.Limit() != 100 {
		t.Errorf("held %d and %d, limit %d", a.Held(), c.Held(), b.Limit())
	}
	for range 2 {
		a.Close()
		if b.Used() != 10 || a.Held() != 0 {
			t.Errorf("after closing: used %d", b.Used())
		}
	}
	c.Close()
	if b.Used() != 0 || b.Peak() != 101 {
		t.Errorf("at the end: used %d, peak %d", b.Used(), b.Peak())
	}
}

func TestNoLimit(t *testing.T) {
	for _, limit := range []int64{0, -1} {
		b := New(limit)
		h := newHoard(b, "h")
		if err := h.add(1 << 50); err != nil || h.spills > 0 || b.Limit() != 0 || b.Peak() != 1<<50 {
			t.Errorf("limit %d: %v, %d spills, limit %d, peak %d", limit, err, h.spills, b.Limit(), b.Peak())
		}
		if err := h.a.Relieve(); err != nil || h.spills > 0 {
			t.Errorf("limit %d: relieving spills: %v", limit, err)
		}
	}
}

// Whoever holds most spills first, and no more than has to.
func TestLargestSpillsFirst(t *testing.T) {
	b := New(100)
	hs := []*hoard{newHoard(b, "0"), newHoard(b, "1"), newHoard(b, "2"), newHoard(b, "3")}
	fixed := b.Open("cannot", nil)
	fixed.Charge(40)
	for i, n := range []int64{10, 25, 15} {
		if err := hs[i].add(n); err != nil {
			t.Fatal(err)
		}
	}
	if err := hs[3].add(20); err != nil { // 110 in all
		t.Fatal(err)
	}
	for i, want := range []int{0, 1, 0, 0} {
		if hs[i].spills != want {
			t.Errorf("account %d has spilled %d times, want %d", i, hs[i].spills, want)
		}
	}
	// What cannot spill fills the budget: all others do, once, and it is no error.
	fixed.Charge(1000)
	if err := hs[0].a.Relieve(); err != nil {
		t.Fatal(err)
	}
	for i, h := range hs {
		if h.n != 0 {
			t.Errorf("account %d still holds %d", i, h.n)
		}
	}
	if b.Used() != 1040 {
		t.Errorf("used %d", b.Used())
	}
}

func TestSpillFails(t *testing.T) {
	b := New(10)
	boom := errors.New("boom")
	h, other := newHoard(b, "h"), newHoard(b, "other")
	h.err = boom
	h.n = 9
	h.a.Charge(9)
	if err := other.add(5); !errors.Is(err, boom) {
		t.Errorf("error %v: it has to reach who needed the memory", err)
	}
	// An account that is closed is not asked.
	h.a.Close()
	if err := other.add(6); err != nil || other.spills != 1 {
		t.Errorf("%v, %d spills", err, other.spills)
	}
}

// Nothing to spill just now is no reason to go on asking.
func TestNothingToSpill(t *testing.T) {
	b := New(1)
	asked := 0
	a := b.Open("a", func() (int64, error) { asked++; return 0, nil })
	a.Charge(100)
	if err := a.Relieve(); err != nil || asked != 1 {
		t.Errorf("%v, asked %d times", err, asked)
	}
}

// Many owners at once: the sums hold, what was held is in memory or on disk, and the limit is passed by no more than
// what each of them adds at once.
func TestConcurrent(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	const limit, owners, largest = 10_000, 8, 500
	b := New(limit)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var added int64
	var all []*hoard
	for i := range owners {
		h := newHoard(b, "h")
		all = append(all, h)
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		wg.Go(func() {
			var sum int64
			for range 2000 {
				n := 1 + rng.Int64N(largest)
				sum += n
				if err := h.add(n); err != nil {
					t.Error(err)
				}
			}
			mu.Lock()
			added += sum
			mu.Unlock()
		})
		wg.Go(func() { // accounts come and go meanwhile
			for range 200 {
				a := b.Open("short", nil)
				a.Charge(3)
				a.Charge(-1)
				a.Close()
			}
		})
	}
	wg.Wait()
	var held, disk int64
	for _, h := range all {
		if h.n != h.a.Held() {
			t.Errorf("an account holds %d, its owner %d", h.a.Held(), h.n)
		}
		held, disk = held+h.n, disk+h.disk
	}
	if held+disk != added || held != b.Used() {
		t.Errorf("added %d, held %d, on disk %d, used %d", added, held, disk, b.Used())
	}
	if held > limit {
		t.Errorf("used %d at the end, the limit is %d", held, limit)
	}
	if most := int64(limit + owners*(largest+3)); b.Peak() > most {
		t.Errorf("the peak is %d, at most %d was expected", b.Peak(), most)
	}
	for _, h := range all {
		h.a.Close()
	}
	if b.Used() != 0 || len(b.accounts) != 0 {
		t.Errorf("at the end: used %d by %d accounts", b.Used(), len(b.accounts))
	}
}

// Back-pressure is the spilling: who is over the limit waits while the largest is written, and one who is not goes on.
func TestSlowSpillHoldsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(100)
		big, small := newHoard(b, "big"), newHoard(b, "small")
		big.slow = time.Second
		if err := big.add(95); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		done := make(chan time.Duration)
		go func() {
			if err := small.add(10); err != nil {
				t.Error(err)
			}
			done <- time.Since(begin)
		}()
		synctest.Wait() // it is in the other's spill
		free := b.Open("free", nil)
		free.Charge(-1)
		if time.Since(begin) != 0 {
			t.Error("an account that needs nothing has waited")
		}
		if took := <-done; took != time.Second {
			t.Errorf("waited %v, want the second that spilling takes", took)
		}
		if big.spills != 1 || small.spills != 0 || b.Used() != 9 {
			t.Errorf("%d and %d spills, used %d", big.spills, small.spills, b.Used())
		}
	})
}
