package lineio_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace-go/millrace/io/lineio"
	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
	"github.com/millrace-go/millrace/transforms/stats"
)

// seen is what a pipeline has given so far; tests wait for it.
type seen[T any] struct {
	mu   sync.Mutex
	v    []T
	more chan struct{}
}

func newSeen[T any]() *seen[T] { return &seen[T]{more: make(chan struct{}, 1)} }

func (s *seen[T]) add(v T) bool {
	s.mu.Lock()
	s.v = append(s.v, v)
	s.mu.Unlock()
	select {
	case s.more <- struct{}{}:
	default:
	}
	return true
}

func (s *seen[T]) all() []T {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.v)
}

// await waits until there are n.
func (s *seen[T]) await(t *testing.T, n int) []T {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		if got := s.all(); len(got) >= n {
			return got
		}
		select {
		case <-s.more:
		case <-deadline:
			t.Fatalf("%d elements after 10 s, want %d: %.300v", len(s.all()), n, s.all())
		}
	}
}

type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start runs a pipeline; at the end of the test it is cancelled.
func start(t *testing.T, build func(p *sdk.Pipeline)) (sdk.Job, *logged) {
	t.Helper()
	g, err := sdk.Build(func(p *sdk.Pipeline) error { build(p); return nil })
	if err != nil {
		t.Fatal(err)
	}
	log := &logged{}
	job, err := (&direct.Runner{Workers: 2, TempDir: t.TempDir(), Log: slog.New(slog.NewTextHandler(log, nil))}).Start(context.Background(), g)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		job.Cancel(nil)
		_ = job.Wait()
	})
	return job, log
}

// cancelled cancels a job and checks that it ends soon.
func cancelled(t *testing.T, job sdk.Job) {
	t.Helper()
	begin := time.Now()
	job.Cancel(nil)
	if err := job.Wait(); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if d := time.Since(begin); d > 10*time.Second { // it would wait for ever
		t.Errorf("the job took %v to end", d)
	}
}

// pipe is a stream that the test writes.
func pipe(t *testing.T) (open func(context.Context) (io.ReadCloser, error), w *io.PipeWriter) {
	r, w := io.Pipe()
	t.Cleanup(func() { _ = w.Close() })
	return func(context.Context) (io.ReadCloser, error) { return r, nil }, w
}

func TestReadToTheEnd(t *testing.T) {
	long := strings.Repeat("x", 300_000)
	tests := []struct {
		name, text string
		want       []string
	}{
		{"nothing", "", nil},
		{"lines", "a\nb\n", []string{"a", "b"}},
		{"no end at the end", "a\nb", []string{"a", "b"}},
		{"empty lines and carriage returns", "\n\r\na\rb\r\n", []string{"", "", "a\rb"}},
		{"bytes that are not UTF-8", "\xff\x00\n", []string{"\xff\x00"}},
		{"a line longer than the buffers", "a\n" + long + "\nb\n", []string{"a", long, "b"}},
		{"more than may wait", strings.Repeat("0123456789\n", 300_000), slices.Repeat([]string{"0123456789"}, 300_000)},
		{"many empty lines", strings.Repeat("\n", 100_000), make([]string, 100_000)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := newSeen[string]()
			_, err := sdk.Run(t.Context(), &direct.Runner{Workers: 2}, func(p *sdk.Pipeline) error {
				sdk.Filter(lineio.Read(p, "text", func(context.Context) (io.ReadCloser, error) {
					return io.NopCloser(strings.NewReader(tt.text)), nil
				}), got.add)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.v, tt.want) {
				t.Errorf("%d lines, want %d: %.200q", len(got.v), len(tt.want), got.v)
			}
		})
	}
}

// Lines come while the stream is open, and event time is when they came: windows close although nothing follows.
func TestArrival(t *testing.T) {
	open, w := pipe(t)
	got, panes := newSeen[sdk.Element[string]](), newSeen[int64]()
	before := mtime.FromTime(time.Now())
	job, _ := start(t, func(p *sdk.Pipeline) {
		lines := lineio.Read(p, "pipe", open)
		sdk.Filter(sdk.Reify(lines), got.add)
		counts := stats.CountPerKey(sdk.WithKeys(sdk.WindowInto(lines, window.Fixed(50*time.Millisecond)), func(string) bool { return true }))
		sdk.Filter(sdk.Values(counts), panes.add)
	})
	for i := range 3 {
		fmt.Fprintf(w, "line %d\n", i)
		e := got.await(t, i+1)[i]
		if e.Value != fmt.Sprintf("line %d", i) || e.Time < before || e.Time > mtime.FromTime(time.Now()) {
			t.Errorf("%v, want line %d at a time after %v", e, i, before)
		}
		before = e.Time
	}
	total := int64(0)
	for n := 1; total < 3; n++ { // nothing else is written
		total = 0
		for _, c := range panes.await(t, n) {
			total += c
		}
	}
	cancelled(t, job)
}

func TestStdin(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	old := os.Stdin
	os.Stdin = r
	defer func() { os.Stdin = old; _ = r.Close() }()
	fmt.Fprint(w, "to be\nor not")
	_ = w.Close()
	got := newSeen[string]()
	_, err = sdk.Run(t.Context(), &direct.Runner{}, func(p *sdk.Pipeline) error {
		sdk.Filter(lineio.Stdin(p), got.add)
		return nil
	})
	if err != nil || !slices.Equal(got.v, []string{"to be", "or not"}) {
		t.Errorf("%q, %v", got.v, err)
	}
}

// listen runs a job that listens and returns its address.
func listen(t *testing.T, got *seen[lineio.Line], opts ...lineio.Option) (job sdk.Job, log *logged, address string) {
	t.Helper()
	addr := make(chan string, 1)
	job, log = start(t, func(p *sdk.Pipeline) {
		opts := append([]lineio.Option{lineio.OnListen(func(a net.Addr) { addr <- a.String() })}, opts...)
		sdk.Filter(lineio.ListenLines(p, "127.0.0.1:0", opts...), got.add)
	})
	select {
	case address = <-addr:
	case <-time.After(time.Minute):
		t.Fatal("the source does not listen")
	}
	return job, log, address
}

func dial(t *testing.T, address string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c.(*net.TCPConn)
}

// Connections come and go; the lines of each stay in order, and are told apart.
func TestListen(t *testing.T) {
	got := newSeen[lineio.Line]()
	job, log, address := listen(t, got)
	const conns, each = 4, 500
	from := map[string]int{}
	var wg sync.WaitGroup
	for c := range conns {
		conn := dial(t, address)
		from[conn.LocalAddr().String()] = c
		wg.Go(func() {
			for i := range each {
				fmt.Fprintf(conn, "%d %d\r\n", c, i)
			}
			fmt.Fprintf(conn, "%d %d", c, each) // without its end
			_ = conn.Close()
		})
	}
	wg.Wait()
	next := map[int]int{}
	for _, l := range got.await(t, conns*(each+1)) {
		c, ok := from[l.From]
		if want := fmt.Sprintf("%d %d", c, next[c]); !ok || l.Text != want {
			t.Fatalf("%v, want %q", l, want)
		}
		next[c]++
	}

	// A connection that breaks is no failure of the job; what there is of a line is left out.
	conn := dial(t, address)
	fmt.Fprint(conn, "whole\nbro")
	got.await(t, conns*(each+1)+1)
	_ = conn.SetLinger(0)
	_ = conn.Close() // resets
	other := dial(t, address)
	fmt.Fprint(other, "after\n")
	if all := got.await(t, conns*(each+1)+2); all[len(all)-1].Text != "after" {
		t.Errorf("the last line is %q", all[len(all)-1])
	}
	cancelled(t, job)
	if !strings.Contains(log.String(), `"bytes of a line left out"=3`) {
		t.Errorf("the log does not tell of the broken connection: %s", log)
	}
	if _, err := net.DialTimeout("tcp", address, time.Second); err == nil {
		t.Error("the source listens after the job has ended")
	}
}

// A drain takes in what has been received, and ends the job with its last panes.
func TestDrain(t *testing.T) {
	open, w := pipe(t)
	const n = 20_000
	first, release := make(chan bool), make(chan bool)
	var once sync.Once
	panes := newSeen[int64]()
	job, _ := start(t, func(p *sdk.Pipeline) {
		lines := sdk.Filter(lineio.Read(p, "pipe", open), func(string) bool {
			once.Do(func() { close(first); <-release })
			return true
		})
		w := sdk.WindowInto(lines, window.Fixed(1000*time.Hour))
		sdk.Filter(sdk.Values(stats.CountPerKey(sdk.WithKeys(w, func(string) bool { return true }))), panes.add)
	})
	// All has been received when the write returns; the pipeline is still at the first line.
	if _, err := io.WriteString(w, strings.Repeat("x\n", n)); err != nil {
		t.Fatal(err)
	}
	<-first
	job.Drain()
	close(release)
	if err := job.Wait(); err != nil {
		t.Fatal(err)
	}
	if sum := slices.Max(append(panes.v, 0)); sum != n {
		t.Errorf("the panes are %v, want one of %d", panes.v, n)
	}
}

// A slow pipeline slows the sender: only so much waits in memory.
func TestBackPressure(t *testing.T) {
	open, w := pipe(t)
	release := make(chan bool)
	job, _ := start(t, func(p *sdk.Pipeline) {
		sdk.Filter(lineio.Read(p, "pipe", open), func(string) bool { <-release; return true })
	})
	written := make(chan int, 1<<20)
	go func() {
		line := []byte(strings.Repeat("x", 1023) + "\n")
		for {
			n, err := w.Write(line)
			if err != nil {
				close(written)
				return
			}
			written <- n
		}
	}()
	total := 0
	for quiet := false; !quiet; {
		select {
		case n := <-written:
			total += n
		case <-time.After(200 * time.Millisecond):
			quiet = total > 512<<10 // else the machine is slow
		}
	}
	if total > 3<<20 {
		t.Errorf("%d bytes were taken while the pipeline stood still", total)
	}
	close(release)
	for range 4000 { // it goes on
		<-written
	}
	cancelled(t, job)
}

func TestLongLines(t *testing.T) {
	text := "first\n" + strings.Repeat("y", 100) + "\nlast\n" + strings.Repeat("z", 5000)
	read := func(t *testing.T, opts ...lineio.Option) ([]string, *sdk.Result, error) {
		got := newSeen[string]()
		res, err := sdk.Run(t.Context(), &direct.Runner{}, func(p *sdk.Pipeline) error {
			sdk.Filter(lineio.Read(p, "text", func(context.Context) (io.ReadCloser, error) {
				return io.NopCloser(strings.NewReader(text)), nil
			}, opts...), got.add)
			return nil
		})
		return got.v, res, err
	}
	t.Run("fail", func(t *testing.T) {
		got, _, err := read(t, lineio.MaxLine(99))
		if !errors.Is(err, lineio.ErrLineTooLong) || !strings.Contains(err.Error(), "text: line 2 ") || !slices.Equal(got, []string{"first"}) {
			t.Errorf("%q, %v", got, err)
		}
	})
	t.Run("skip", func(t *testing.T) {
		got, res, err := read(t, lineio.MaxLine(99), lineio.SkipLong())
		if err != nil || !slices.Equal(got, []string{"first", "last"}) {
			t.Errorf("%q, %v", got, err)
		}
		if n := res.Counter("ParDoSplittable", "Skipped"); n != 2 {
			t.Errorf("%d lines are counted as skipped, want 2", n)
		}
	})
	t.Run("just fits", func(t *testing.T) {
		if got, _, err := read(t, lineio.MaxLine(5000)); err != nil || len(got) != 4 {
			t.Errorf("%d lines, %v", len(got), err)
		}
	})
}

// A stream that fails fails the job, when the lines before have been processed.
func TestReadErrors(t *testing.T) {
	broken := errors.New("wire cut")
	got := newSeen[string]()
	open := func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader("a\nb\nhalf"), failing{broken})), nil
	}
	_, err := sdk.Run(t.Context(), &direct.Runner{}, func(p *sdk.Pipeline) error {
		sdk.Filter(lineio.Read(p, "the wire", open), got.add)
		return nil
	})
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "the wire after 2 lines") || !slices.Equal(got.v, []string{"a", "b"}) {
		t.Errorf("%q, %v", got.v, err)
	}
	_, err = sdk.Run(t.Context(), &direct.Runner{}, func(p *sdk.Pipeline) error {
		lineio.Read(p, "the wire", func(context.Context) (io.ReadCloser, error) { return nil, broken })
		return nil
	})
	if !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	_, err = sdk.Run(t.Context(), &direct.Runner{}, func(p *sdk.Pipeline) error {
		lineio.Listen(p, "256.0.0.1:x")
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "256.0.0.1") {
		t.Errorf("error %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// server accepts connections, one after the other.
func server(t *testing.T) (accept func() *net.TCPConn, address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return func() *net.TCPConn {
		t.Helper()
		_ = l.(*net.TCPListener).SetDeadline(time.Now().Add(10 * time.Second))
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c.(*net.TCPConn)
	}, l.Addr().String()
}

// A connection that is closed or breaks is made again.
func TestReconnect(t *testing.T) {
	accept, address := server(t)
	got := newSeen[string]()
	job, log := start(t, func(p *sdk.Pipeline) {
		sdk.Filter(lineio.Dial(p, address, lineio.Backoff(time.Millisecond, 5*time.Millisecond)), got.add)
	})
	c := accept()
	fmt.Fprint(c, "one\ntwo")
	_ = c.Close()
	c = accept()
	fmt.Fprint(c, "three\nbro")
	got.await(t, 3)
	_ = c.SetLinger(0)
	_ = c.Close()
	for range 5 { // nothing comes of these
		_ = accept().Close()
	}
	fmt.Fprint(accept(), "four\n")
	if all := got.await(t, 4); !slices.Equal(all, []string{"one", "two", "three", "four"}) {
		t.Errorf("%q", all)
	}
	cancelled(t, job)
	if s := log.String(); !strings.Contains(s, "connecting again") || !strings.Contains(s, "(3 bytes of a line are left out)") {
		t.Errorf("the log is %s", s)
	}
}

func TestDialEnds(t *testing.T) {
	t.Run("at the end", func(t *testing.T) {
		accept, address := server(t)
		got := newSeen[string]()
		job, _ := start(t, func(p *sdk.Pipeline) { sdk.Filter(lineio.Dial(p, address, lineio.EndAtEOF()), got.add) })
		c := accept()
		fmt.Fprint(c, "one\n")
		_ = c.Close()
		if err := job.Wait(); err != nil || !slices.Equal(got.v, []string{"one"}) {
			t.Errorf("%q, %v", got.v, err)
		}
	})
	t.Run("after some attempts", func(t *testing.T) {
		accept, address := server(t)
		job, _ := start(t, func(p *sdk.Pipeline) {
			lineio.Dial(p, address, lineio.Attempts(3), lineio.Backoff(time.Millisecond, time.Millisecond))
		})
		for range 3 {
			_ = accept().Close()
		}
		if err := job.Wait(); err == nil || !strings.Contains(err.Error(), address) || !strings.Contains(err.Error(), "3 attempts") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("while nobody answers", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := l.Addr().String()
		_ = l.Close()
		job, _ := start(t, func(p *sdk.Pipeline) { lineio.Dial(p, address, lineio.Backoff(time.Hour, time.Hour)) })
		cancelled(t, job)
	})
}

// More connections than may be read at once wait for their turn.
func TestMaxConns(t *testing.T) {
	got := newSeen[lineio.Line]()
	_, _, address := listen(t, got, lineio.MaxConns(1))
	a, b := dial(t, address), dial(t, address)
	fmt.Fprint(a, "a\n")
	got.await(t, 1)
	fmt.Fprint(b, "b\n")
	fmt.Fprint(a, "a\n")
	got.await(t, 2)
	_ = a.Close()
	all := got.await(t, 3)
	if all[0].Text+all[1].Text+all[2].Text != "aab" {
		t.Errorf("%v", all)
	}
}

func TestOptionErrors(t *testing.T) {
	for says, o := range map[string]lineio.Option{
		"at most 0 bytes": lineio.MaxLine(0),
		"0 connections":   lineio.MaxConns(0),
		"backoff from 0s": lineio.Backoff(0, 0),
		"-1 attempts":     lineio.Attempts(-1),
		"backoff from 2s": lineio.Backoff(2*time.Second, time.Second),
	} {
		_, err := sdk.Build(func(p *sdk.Pipeline) error { lineio.Stdin(p, o); return nil })
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "lineio_test.go") {
			t.Errorf("error %v, want one that says %q", err, says)
		}
	}
}
