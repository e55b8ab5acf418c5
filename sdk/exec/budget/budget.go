// Package budget keeps the memory of a job inside a limit, by asking whoever holds most to spill.
//
// Operators that keep rows (shuffles, views, spools, sink buffers) each have an [Account]. Charging an account
// never blocks and never fails; it answers whether its owner should spill now. So back-pressure is the spilling
// itself: the goroutine that wanted memory first writes some to disk.
package budget

import (
	"sync"
	"sync/atomic"

	"github.com/millrace-go/millrace/sdk/exec/spill"
)

// Budget is the limit that the accounts of a job share. It is safe for concurrent use.
type Budget struct {
	limit int64
	used  atomic.Int64
	peak  atomic.Int64
	disk  spill.Stats

	mu       sync.Mutex
	accounts map[*Account]struct{}
}

// New returns a budget of limit bytes; 0 or less means no limit.
func New(limit int64) *Budget {
	return &Budget{limit: limit, accounts: map[*Account]struct{}{}}
}

// Limit is the budget in bytes; 0 means none.
func (b *Budget) Limit() int64 { return max(b.limit, 0) }

// Used is the sum of what is charged, in bytes.
func (b *Budget) Used() int64 { return b.used.Load() }

// Peak is the greatest Used so far, in bytes.
func (b *Budget) Peak() int64 { return b.peak.Load() }

// Account is what one owner holds. Its methods are safe for concurrent use; none is called after [Account.Close].
type Account struct {
	b     *Budget
	name  string
	held  atomic.Int64
	spill func() (freed int64, err error) // may be nil: cannot spill
}

// Open returns a new account. The name is shown where the budget is exceeded.
//
// spill, if not nil, is called by any goroutine that needs memory while this account is the largest, and only
// then; it must be safe for that (take the owner's own lock, once a batch and not once an element), write what
// it can to disk, release it, and return the bytes freed. 0 means there is nothing to spill just now.
func (b *Budget) Open(name string, spill func() (freed int64, err error)) *Account {
	a := &Account{b: b, name: name, spill: spill}
	b.mu.Lock()
	b.accounts[a] = struct{}{}
	b.mu.Unlock()
	return a
}

// Charge adds n bytes (negative: gives back) and reports whether the job is now over its limit, so that the
// caller should call [Account.Relieve] when it holds no lock of its own.
func (a *Account) Charge(n int64) (over bool) {
	a.held.Add(n)
	u := a.b.used.Add(n)
	if n > 0 {
		for {
			p := a.b.peak.Load()
			if u <= p || a.b.peak.CompareAndSwap(p, u) {
				break
			}
		}
	}
	return a.b.limit > 0 && u > a.b.limit
}

// Held is what the account holds, in bytes.
func (a *Account) Held() int64 { return a.held.Load() }

// Relieve spills the largest accounts until the job is inside its limit again, or nothing more can be spilled.
// It is called by an owner that holds no lock, after Charge said over. It returns the first error of a spill.
func (a *Account) Relieve() error {
	b := a.b
	for tried := map[*Account]bool{}; b.limit > 0 && b.used.Load() > b.limit; {
		var big *Account
		b.mu.Lock()
		for c := range b.accounts {
			if c.spill != nil && !tried[c] && (big == nil || c.held.Load() > big.held.Load()) {
				big = c
			}
		}
		b.mu.Unlock()
		if big == nil || big.held.Load() == 0 {
			return nil
		}
		tried[big] = true
		if _, err := big.spill(); err != nil {
			return err
		}
	}
	return nil
}

// Close gives back all that the account holds and removes it.
func (a *Account) Close() {
	a.b.mu.Lock()
	delete(a.b.accounts, a)
	a.b.mu.Unlock()
	a.b.used.Add(-a.held.Swap(0))
}

// Disk counts what the job's accounts have spilled.
func (b *Budget) Disk() *spill.Stats { return &b.disk }
