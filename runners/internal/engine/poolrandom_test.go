package engine

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/mtime"
)

// looked is what a pool has to say, by a look at each of its splits.
func looked(p *Pool, now mtime.Time) (take *Split, least, mark, wake mtime.Time) {
	least, mark, wake = mtime.Max, p.input.Min(), mtime.Max
	limit, all, idle := p.Limit(), p.Splits(), 0
	for _, s := range all {
		if !s.Running && s.Watermark <= limit {
			wake = min(wake, s.Resume)
			if s.Resume <= now && (take == nil || s.Watermark < take.Watermark) {
				take = s
			}
		}
		if !s.Idle {
			least = min(least, s.Watermark)
		}
		if s.Idle && s.Watermark <= limit {
			idle++
		} else {
			mark = min(mark, s.Watermark)
		}
	}
	if p.made == 0 && p.input.Min() == mtime.Min {
		least = mtime.Min
	}
	if mark = max(mark, p.mark); idle > 0 && idle == len(all) {
		mark = p.mark
	}
	return take, least, mark, wake
}

// Whatever is done with a pool, it says what a look at each of its splits says.
func TestPoolAtRandom(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 0))
		p := NewPool(1)
		var other *Pool
		if seed%3 == 0 {
			other = NewPool(1)
			a := NewAlignment(4, 2)
			p.Align(a, 0)
			other.Align(a, 1)
			other.Input(0, mtime.Time(rng.IntN(20)))
			other.Realign()
		}
		var running []*Split
		for now := mtime.Time(0); now < 200; now++ {
			switch rng.IntN(10) {
			case 0, 1:
				p.Add(split{mtime.Time(rng.IntN(10)), rng.IntN(2) == 0})
			case 2:
				p.Input(0, max(p.input.Min(), now/4))
			case 3:
				if now > 150 && rng.IntN(5) == 0 {
					p.Drain()
				}
			case 4, 5:
				if len(running) == 0 {
					continue
				}
				i := rng.IntN(len(running))
				s := running[i]
				running = append(running[:i], running[i+1:]...)
				r := exec.Residual{Work: s.Work, Idle: rng.IntN(3) == 0, Watermark: s.Watermark + mtime.Time(rng.IntN(5))}
				if rng.IntN(6) == 0 {
					r.Work = nil
				}
				p.Give(s, r, now+mtime.Time(rng.IntN(8)))
			default:
				want, _, _, _ := looked(p, now)
				got := p.Take(now)
				if got != want {
					t.Fatalf("seed %d at %d: took %+v, not %+v", seed, now, got, want)
				}
				if got != nil {
					running = append(running, got)
				}
			}
			p.Realign()
			_, least, mark, wake := looked(p, now)
			if p.Least() != least || p.Watermark() != mark {
				t.Fatalf("seed %d at %d: least %d and watermark %d, not %d and %d", seed, now, p.Least(), p.Watermark(), least, mark)
			}
			// Of several splits whose time has come it says that of one.
			if got := p.Wake(); max(got, now) != max(wake, now) {
				t.Fatalf("seed %d at %d: wakes at %d, not %d", seed, now, got, wake)
			}
		}
	}
}

// What a bundle costs hardly depends on how many splits there are.
func TestPoolOfManySplits(t *testing.T) {
	const n = 200_000
	began := time.Now()
	p := NewPool(1)
	for range n {
		p.Add(split{0, true})
	}
	p.Input(0, mtime.Max)
	for i := range n {
		s := p.Take(0)
		if s == nil {
			t.Fatalf("nothing to take, %d have been", i)
		}
		p.Give(s, exec.Residual{Work: s.Work, Watermark: s.Watermark + mtime.Time(1+i%7), Idle: i%3 == 0}, mtime.Time(i%5))
		_, _ = p.Watermark(), p.Wake()
	}
	for p.Take(10) != nil {
	}
	if took := time.Since(began); took > 20*time.Second { // a second; looking at each takes minutes
		t.Errorf("%d splits took %v", n, took)
	}
}
