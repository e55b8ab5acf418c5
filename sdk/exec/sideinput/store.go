package sideinput

import (
	"fmt"
	"slices"
	"sync"
	"unsafe"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/exec/budget"
	"github.com/millrace-go/millrace/sdk/exec/spill"
	"github.com/millrace-go/millrace/sdk/window"
)

// rows collects a view's elements, by window. It is what all stores are made of. Beyond the budget the elements
// are on disk, in blocks.
type rows[T any] struct {
	name    string
	host    *exec.Host
	account *budget.Account
	coder   coder.Coder[T] // nil: cannot be spilled
	sizer   coder.Sizer[T]
	lent    bool

	// most, if not 0, is how many elements a window may have.
	most int
	// lookup is what looking elements up will take, in bytes for each element that stays in memory.
	lookup int64

	// order, if not nil, sorts elements before they go to disk and returns by what: each spill is then a run in
	// which an element can be looked up.
	order func(vs []T) ([]uint64, error)

	mu       sync.Mutex
	byWindow map[window.Window]*bag[T]
	held     int64
	file     *spill.File
	sealed   bool

	cached  sync.Mutex  // of what follows
	recent  [16]*bag[T] // those that have a block in memory
	nextOut int         // which of them is the oldest
}

// bag is the elements of one window: those on disk first.
type bag[T any] struct {
	blocks []block
	runs   []int // where in blocks each sorted run begins
	onDisk int
	mem    []T

	mu    sync.Mutex // of the block that was read last
	last  int
	cache []T
}

// block is some elements on disk: a segment of one block.
type block struct {
	seg   spill.Segment
	first int // index of its first element
	n     int
	last  uint64 // in a sorted run: by what its last element is sorted
}

func newRows[T any](h *exec.Host, name string, c coder.Coder[T]) *rows[T] {
	r := &rows[T]{
		name: name, host: h, coder: c,
		sizer: coder.SizerFor[T](), lent: exec.Lent[T](),
		byWindow: map[window.Window]*bag[T]{},
	}
	r.account = h.Budget.Open(name, r.spill)
	return r
}

type writer[T any] struct {
	r    *rows[T]
	step *exec.Step
}

// NewWriter implements exec.ViewStore.
func (r *rows[T]) NewWriter(b *exec.Build, step *exec.Step) (exec.Sink, error) {
	if r.lent {
		return nil, fmt.Errorf("a view of group values, which are valid during a call only: collect them first, in a slice for instance")
	}
	w := &writer[T]{r: r, step: step}
	b.Add(w)
	return exec.Sink(w), nil
}

func (w *writer[T]) StartBundle() error  { return nil }
func (w *writer[T]) FinishBundle() error { return nil }
func (w *writer[T]) Close(bool) error    { return nil }

// Push implements exec.Sink.
func (w *writer[T]) Push(batch any) error {
	b := batch.(*exec.Batch[T])
	w.step.In.Add(int64(len(b.V)))
	size, err := w.r.add(b)
	if err != nil {
		return err
	}
	if w.r.account.Charge(size) {
		return w.r.account.Relieve()
	}
	return nil
}

// bagSize is about what a window takes, beside its elements, whether these are in memory or not.
const bagSize = 256

// add puts rows into the bags of their windows and returns how many bytes that takes.
func (r *rows[T]) add(b *exec.Batch[T]) (size int64, err error) {
	if len(b.V) == 0 {
		return 0, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sealed {
		return 0, fmt.Errorf("%s: internal error: %d elements came after the view was complete", r.name, len(b.V))
	}
	// Each element is in all of its windows; what it leads to is there once. A slice that grows has room for half
	// as many again on average.
	windows := len(r.byWindow)
	put := 0
	if b.Meta.S == nil {
		for _, win := range b.Meta.Windows(0) {
			g := r.bag(win)
			g.mem = append(g.mem, b.V...)
			put += len(b.V)
			if err := r.full(g, win); err != nil {
				return 0, err
			}
		}
	} else {
		for i, v := range b.V {
			for _, win := range b.Meta.Windows(i) {
				g := r.bag(win)
				g.mem = append(g.mem, v)
				put++
				if err := r.full(g, win); err != nil {
					return 0, err
				}
			}
		}
	}
	size = int64(put)*(int64(unsafe.Sizeof(*new(T)))*3/2+r.lookup) + r.sizer.SizeAll(b.V)
	r.held += size
	return size + int64(len(r.byWindow)-windows)*bagSize, nil
}

// full fails when a window has more elements than it may have: before all that there are have been collected.
func (r *rows[T]) full(g *bag[T], w window.Window) error {
	if r.most == 0 || g.len() <= r.most {
		return nil
	}
	return fmt.Errorf("%s: a singleton view of %d elements or more in window %v: it takes exactly one; combine them, or use AsIterable", r.name, g.len(), w)
}

func (r *rows[T]) bag(w window.Window) *bag[T] {
	g := r.byWindow[w]
	if g == nil {
		g = &bag[T]{last: -1}
		r.byWindow[w] = g
	}
	return g
}

// spill writes what is in memory to disk. It is called by whoever needs the memory, until the view is sealed.
func (r *rows[T]) spill() (freed int64, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sealed || r.held == 0 || r.coder == nil {
		return 0, nil
	}
	if r.file == nil {
		if r.file, err = spill.Create(r.host.TempDir, r.host.Budget.Disk()); err != nil {
			return 0, err
		}
	}
	const blockBytes, blockRows = 64 << 10, 4096
	var buf []byte
	for _, g := range r.byWindow {
		var by []uint64
		if r.order != nil && len(g.mem) > 0 {
			if by, err = r.order(g.mem); err != nil {
				return 0, fmt.Errorf("%s: %w", r.name, err)
			}
			g.runs = append(g.runs, len(g.blocks))
		}
		for lo := 0; lo < len(g.mem); {
			buf = buf[:0]
			hi := lo
			for hi < len(g.mem) && hi-lo < blockRows && len(buf) < blockBytes {
				if buf, err = r.coder.Append(buf, &g.mem[hi]); err != nil {
					return 0, fmt.Errorf("%s: encoding an element of the view for disk: %w", r.name, err)
				}
				hi++
			}
			w := r.file.Writer()
			if err := w.Append(buf); err != nil {
				return 0, err
			}
			seg, err := w.Close(int64(hi - lo))
			if err != nil {
				return 0, err
			}
			b := block{seg: seg, first: g.onDisk, n: hi - lo}
			if by != nil {
				b.last = by[hi-1]
			}
			g.blocks = append(g.blocks, b)
			g.onDisk += hi - lo
			lo = hi
		}
		g.mem = nil
	}
	freed = r.held
	r.held = 0
	r.account.Charge(-freed)
	return freed, nil
}

func (r *rows[T]) seal() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sealed = true
}

func (g *bag[T]) len() int {
	if g == nil {
		return 0
	}
	return g.onDisk + len(g.mem)
}

// read returns the elements of block k. The slice is shared and not to be changed.
func (r *rows[T]) read(g *bag[T], k int) ([]T, error) {
	vs, hit, err := r.load(g, k)
	if err == nil && !hit {
		r.keep(g)
	}
	return vs, err
}

func (r *rows[T]) load(g *bag[T], k int) (vs []T, hit bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.last == k {
		return g.cache, true, nil
	}
	b, err := g.blocks[k].seg.Open().Block()
	if err != nil {
		return nil, false, fmt.Errorf("%s: %w", r.name, err)
	}
	vs = make([]T, g.blocks[k].n)
	for i := range vs {
		if b, err = r.coder.Decode(b, &vs[i]); err != nil {
			return nil, false, fmt.Errorf("%s: %w", r.name, err)
		}
	}
	g.last, g.cache = k, vs
	return vs, false, nil
}

// keep notes that g has a block in memory, and drops the one that another window has had for longest: there may
// be any number of windows.
func (r *rows[T]) keep(g *bag[T]) {
	r.cached.Lock()
	if slices.Contains(r.recent[:], g) {
		r.cached.Unlock()
		return
	}
	old := r.recent[r.nextOut]
	r.recent[r.nextOut] = g
	r.nextOut = (r.nextOut + 1) % len(r.recent)
	r.cached.Unlock()
	if old != nil {
		old.mu.Lock()
		old.last, old.cache = -1, nil
		old.mu.Unlock()
	}
}

// each calls yield for the elements of g until it returns false.
func (r *rows[T]) each(g *bag[T], yield func(T) bool) error {
	if g == nil {
		return nil
	}
	for k := range g.blocks {
		vs, err := r.read(g, k)
		if err != nil {
			return err
		}
		for _, v := range vs {
			if !yield(v) {
				return nil
			}
		}
	}
	for _, v := range g.mem {
		if !yield(v) {
			return nil
		}
	}
	return nil
}

// at returns element i of g.
func (r *rows[T]) at(g *bag[T], i int) (T, error) {
	if i >= g.len() || i < 0 {
		return *new(T), fmt.Errorf("%s: element %d of a list view of %d", r.name, i, g.len())
	}
	if i >= g.onDisk {
		return g.mem[i-g.onDisk], nil
	}
	k, found := slices.BinarySearchFunc(g.blocks, i, func(b block, i int) int { return b.first - i })
	if !found {
		k--
	}
	vs, err := r.read(g, k)
	if err != nil {
		return *new(T), err
	}
	return vs[i-g.blocks[k].first], nil
}

// Close implements exec.ViewStore.
func (r *rows[T]) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.byWindow, r.sealed = nil, true
	r.account.Close()
	if r.file != nil {
		return r.file.Close()
	}
	return nil
}

// Singleton is the store of a view of one element per window.
type Singleton[T any] struct {
	*rows[T] // nil if the view is live
	Mapper
	values map[window.Window]T // those in memory
}

// NewSingleton returns an empty store. Elements of a type that has no encoding stay in memory.
func NewSingleton[T any](h *exec.Host, name string, fn window.Fn) *Singleton[T] {
	c, err := coder.For[T]()
	if err != nil {
		c = nil
	}
	s := &Singleton[T]{rows: newRows(h, name, c), Mapper: NewMapper(fn)}
	s.most = 1
	return s
}

// Seal implements exec.ViewStore.
func (s *Singleton[T]) Seal() error {
	s.seal()
	s.values = map[window.Window]T{}
	for w, g := range s.byWindow {
		if len(g.mem) > 0 {
			s.values[w], g.mem = g.mem[0], nil
		}
	}
	return nil
}

// Data implements exec.ViewStore.
func (s *Singleton[T]) Data() any { return s }

// Get returns the element for c's window. It panics when reading it from disk fails, which fails the element.
func (s *Singleton[T]) Get(c *exec.Context) (T, bool) {
	w := of(c, s.Mapper)
	if v, ok := s.values[w]; ok || s.rows == nil {
		return v, ok
	}
	g := s.byWindow[w]
	if g.len() == 0 {
		return *new(T), false
	}
	v, err := s.at(g, 0)
	if err != nil {
		panic(fmt.Errorf("reading view %w", err))
	}
	return v, true
}

// List is the store of a view of all elements of a window.
type List[T any] struct {
	*rows[T]
	Mapper
}

// NewList returns an empty store.
func NewList[T any](h *exec.Host, name string, fn window.Fn, c coder.Coder[T]) *List[T] {
	return &List[T]{rows: newRows(h, name, c), Mapper: NewMapper(fn)}
}

// Seal implements exec.ViewStore.
func (l *List[T]) Seal() error {
	l.seal()
	return nil
}

// Data implements exec.ViewStore.
func (l *List[T]) Data() any { return l }

// Len is the number of elements in c's window.
func (l *List[T]) Len(c *exec.Context) int { return l.byWindow[of(c, l.Mapper)].len() }

// At returns element i of c's window.
func (l *List[T]) At(c *exec.Context, i int) (T, error) { return l.at(l.byWindow[of(c, l.Mapper)], i) }

// All calls yield for the elements of c's window.
func (l *List[T]) All(c *exec.Context, yield func(T) bool) error {
	return l.each(l.byWindow[of(c, l.Mapper)], yield)
}

// Signal is the store of a view that has no contents: it is complete when its input is.
type Signal[T any] struct{}

// NewWriter implements exec.ViewStore.
func (Signal[T]) NewWriter(b *exec.Build, step *exec.Step) (exec.Sink, error) {
	return &sink[T]{step: step}, nil
}

type sink[T any] struct{ step *exec.Step }

func (s *sink[T]) Push(batch any) error {
	b := batch.(*exec.Batch[T])
	s.step.In.Add(int64(len(b.V)))
	return nil
}

// Seal implements exec.ViewStore.
func (Signal[T]) Seal() error { return nil }

// Data implements exec.ViewStore.
func (Signal[T]) Data() any { return nil }

// Close implements exec.ViewStore.
func (Signal[T]) Close() error { return nil }
