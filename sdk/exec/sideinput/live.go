package sideinput

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// Live is a view in a streaming job. What it says of a window is what the last pane of the window held; what has been
// handed out stays as it is. It is safe for concurrent use.
type Live[T any] struct {
	Mapper
	name string

	mu      sync.Mutex // of publishing
	data    atomic.Pointer[any]
	windows atomic.Pointer[map[window.Window]bool] // that have been opened
	mark    atomic.Int64                           // the watermark of the view's input
	changed func()
	// with returns what old says with vs as the contents of w; without, what it says without some windows.
	with    func(old any, w window.Window, vs []T) (any, error)
	without func(old any, gone func(window.Window) bool) any
}

func newLive[T any](name string, fn window.Fn, empty any, with func(any, window.Window, []T) (any, error), without func(any, func(window.Window) bool) any) *Live[T] {
	l := &Live[T]{Mapper: NewMapper(fn), name: name, with: with, without: without, changed: func() {}}
	l.data.Store(&empty)
	l.windows.Store(&map[window.Window]bool{})
	l.mark.Store(int64(mtime.Min))
	return l
}

// Watch sets what is called when the view has changed.
func (l *Live[T]) Watch(f func()) { l.changed = f }

// Data is what the typed view handle reads.
func (l *Live[T]) Data() any { return *l.data.Load() }

// Ready reports whether the view has something to say for an element in w.
func (l *Live[T]) Ready(w window.Window) bool {
	side := l.Side(w)
	return (*l.windows.Load())[side] || side.End <= mtime.Time(l.mark.Load())
}

// Publish makes vs, which it keeps, the contents of a window.
func (l *Live[T]) Publish(w window.Window, vs []T) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	d, err := l.with(l.Data(), w, vs)
	if err != nil {
		return err
	}
	l.data.Store(&d)
	if !(*l.windows.Load())[w] {
		ws := maps.Clone(*l.windows.Load())
		ws[w] = true
		l.windows.Store(&ws)
	}
	l.changed()
	return nil
}

// Pass says that nothing before t is still to come.
func (l *Live[T]) Pass(t mtime.Time) {
	if int64(t) > l.mark.Load() {
		l.mark.Store(int64(t))
		l.changed()
	}
}

// Expire forgets the windows that end at t or before.
func (l *Live[T]) Expire(t mtime.Time) {
	gone := func(w window.Window) bool { return w.End <= t }
	any := false
	for w := range *l.windows.Load() {
		any = any || gone(w)
	}
	if !any {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.without(l.Data(), gone)
	l.data.Store(&d)
	ws := maps.Clone(*l.windows.Load())
	maps.DeleteFunc(ws, func(w window.Window, _ bool) bool { return gone(w) })
	l.windows.Store(&ws)
}

// clone returns a copy of m without the windows that are gone.
func clone[V any](m map[window.Window]V, gone func(window.Window) bool) map[window.Window]V {
	c := make(map[window.Window]V, len(m)+1)
	for w, v := range m {
		if gone == nil || !gone(w) {
			c[w] = v
		}
	}
	return c
}

// NewLiveSingleton returns a view of one element per window.
func NewLiveSingleton[T any](name string, fn window.Fn) *Live[T] {
	of := func(m Mapper, r *rows[T]) any { return &Singleton[T]{rows: r, Mapper: m} }
	with := func(old any, w window.Window, vs []T) (any, error) {
		s := old.(*Singleton[T])
		if len(vs) > 1 {
			return nil, fmt.Errorf("%s: a singleton view of %d elements in one pane of window %v: it takes exactly one; combine them, or use AsIterable", name, len(vs), w)
		}
		return of(s.Mapper, s.rows.with(w, vs)), nil
	}
	return newLive(name, fn, of(NewMapper(fn), &rows[T]{name: name, sealed: true}), with, func(old any, gone func(window.Window) bool) any {
		s := old.(*Singleton[T])
		return of(s.Mapper, s.rows.without(gone))
	})
}

// NewLiveList returns a view of all elements of a window.
func NewLiveList[T any](name string, fn window.Fn) *Live[T] {
	of := func(m Mapper, r *rows[T]) any { return &List[T]{rows: r, Mapper: m} }
	with := func(old any, w window.Window, vs []T) (any, error) {
		l := old.(*List[T])
		return of(l.Mapper, l.rows.with(w, vs)), nil
	}
	return newLive(name, fn, of(NewMapper(fn), &rows[T]{name: name, sealed: true}), with, func(old any, gone func(window.Window) bool) any {
		l := old.(*List[T])
		return of(l.Mapper, l.rows.without(gone))
	})
}

// with returns a copy of r in which a window has other elements.
func (r *rows[T]) with(w window.Window, vs []T) *rows[T] {
	bags := clone(r.byWindow, nil)
	bags[w] = &bag[T]{mem: vs, last: -1}
	return &rows[T]{name: r.name, byWindow: bags, sealed: true}
}

// without returns a copy of r without the windows that are gone.
func (r *rows[T]) without(gone func(window.Window) bool) *rows[T] {
	return &rows[T]{name: r.name, byWindow: clone(r.byWindow, gone), sealed: true}
}

// NewLiveMultimap returns a view of the values of each key; unique says that a key may have one value only.
func NewLiveMultimap[K, V any](name string, fn window.Fn, k coder.Coder[K], unique bool) *Live[coder.KV[K, V]] {
	of := func(m Mapper, index map[window.Window]map[string][]V) *Multimap[K, V] {
		return &Multimap[K, V]{rows: &rows[coder.KV[K, V]]{name: name, sealed: true}, Mapper: m, key: k, unique: unique, index: index}
	}
	return newLive(name, fn, any(of(NewMapper(fn), nil)), func(old any, w window.Window, kvs []coder.KV[K, V]) (any, error) {
		m := old.(*Multimap[K, V])
		idx := make(map[string][]V, len(kvs))
		var buf []byte
		for i := range kvs {
			var err error
			if buf, err = k.Append(buf[:0], &kvs[i].Key); err != nil {
				return nil, fmt.Errorf("%s: encoding a key of the view: %w", name, err)
			}
			vs := idx[string(buf)]
			if unique && len(vs) > 0 {
				return nil, m.twice(kvs[i].Key, w)
			}
			idx[string(buf)] = append(slices.Clip(vs), kvs[i].Value)
		}
		index := clone(m.index, nil)
		index[w] = idx
		return of(m.Mapper, index), nil
	}, func(old any, gone func(window.Window) bool) any {
		m := old.(*Multimap[K, V])
		return of(m.Mapper, clone(m.index, gone))
	})
}

// NewLiveSignal returns a view that has no contents: it is there when its input has ended.
func NewLiveSignal[T any](name string) *Live[T] {
	keep := func(old any, _ func(window.Window) bool) any { return old }
	return newLive(name, window.GlobalWindows(), nil, func(old any, _ window.Window, _ []T) (any, error) { return old, nil }, keep)
}
