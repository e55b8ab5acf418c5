package textio_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace-go/millrace/io/textio"
	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/runners/ptest"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
	"github.com/millrace-go/millrace/transforms/stats"
)

// watching is a job that watches a directory, and what it has given and logged.
type watching struct {
	t    *testing.T
	dir  string
	job  sdk.Job
	mu   sync.Mutex
	got  []sdk.Element[textio.Line]
	log  bytes.Buffer
	more chan struct{}
}

const poll = 5 * time.Millisecond

// watchDir watches the files *.log of a new directory.
func watchDir(t *testing.T, prepare func(w *watching), opts ...textio.WatchOption) *watching {
	t.Helper()
	w := &watching{t: t, dir: t.TempDir(), more: make(chan struct{}, 1)}
	if prepare != nil {
		prepare(w)
	}
	w.run(func(p *sdk.Pipeline) {
		sdk.Filter(sdk.Reify(textio.WatchLines(p, filepath.ToSlash(w.dir)+"/*.log*", append([]textio.WatchOption{textio.Poll(poll)}, opts...)...)), w.add)
	})
	return w
}

func (w *watching) run(build func(p *sdk.Pipeline)) {
	w.t.Helper()
	g, err := sdk.Build(func(p *sdk.Pipeline) error { build(p); return nil })
	if err != nil {
		w.t.Fatal(err)
	}
	w.job, err = (&direct.Runner{Workers: 2, TempDir: w.t.TempDir(), Log: slog.New(slog.NewTextHandler(w, nil))}).Start(context.Background(), g)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		w.job.Cancel(nil)
		_ = w.job.Wait()
	})
}

func (w *watching) signal() {
	select {
	case w.more <- struct{}{}:
	default:
	}
}

func (w *watching) add(e sdk.Element[textio.Line]) bool {
	w.mu.Lock()
	w.got = append(w.got, e)
	w.mu.Unlock()
	w.signal()
	return true
}

// Write implements io.Writer for the job's log.
func (w *watching) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer w.signal()
	return w.log.Write(b)
}

// await waits until something holds.
func (w *watching) await(what string, holds func() bool) {
	w.t.Helper()
	deadline := time.After(time.Minute)
	for {
		w.mu.Lock()
		ok := holds()
		w.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-w.more:
		case <-deadline:
			w.mu.Lock()
			defer w.mu.Unlock()
			w.t.Fatalf("after a minute not yet: %s; there are %d lines: %.300v; log: %s", what, len(w.got), w.got, w.log.String())
		}
	}
}

// lines waits for n lines, checks that there is no further one, and returns the texts, sorted.
func (w *watching) lines(n int) []string {
	w.t.Helper()
	w.await(fmt.Sprintf("%d lines", n), func() bool { return len(w.got) >= n })
	w.mu.Lock()
	defer w.mu.Unlock()
	var s []string
	for _, e := range w.got {
		s = append(s, e.Value.Text)
	}
	slices.Sort(s)
	if len(s) != n {
		w.t.Fatalf("%d lines, want %d: %q", len(s), n, s)
	}
	return s
}

func (w *watching) logs(what string) {
	w.t.Helper()
	w.await("a log that says "+what, func() bool { return strings.Contains(w.log.String(), what) })
}

func (w *watching) path(name string) string { return filepath.Join(w.dir, name) }

func (w *watching) write(name, text string) {
	w.t.Helper()
	f, err := os.OpenFile(w.path(name), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	if err == nil {
		_, err = f.WriteString(text)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *watching) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *watching) want(got []string, want ...string) {
	w.t.Helper()
	slices.Sort(want)
	if !slices.Equal(got, want) {
		w.t.Fatalf("got %q, want %q", got, want)
	}
}

// Files that are there, files that come, and lines that are appended, each when its end has been written.
func TestWatchGrowth(t *testing.T) {
	w := watchDir(t, func(w *watching) { w.write("a.log", "one\ntwo\n") })
	w.want(w.lines(2), "one", "two")
	w.write("a.log", "thr")
	w.write("b.log", "bee\n")
	w.write("c.txt", "no match\n")
	w.want(w.lines(3), "one", "two", "bee")
	w.write("a.log", "ee\r\n\nfour\n")
	w.want(w.lines(6), "one", "two", "bee", "three", "", "four")
	long := strings.Repeat("x", 300_000)
	w.write("b.log", long[:200_000])
	w.write("b.log", long[200_000:]+"\nend\n")
	w.want(w.lines(8), "one", "two", "bee", "three", "", "four", long, "end")
	offsets := map[string]int64{}
	for _, e := range w.got {
		offsets[filepath.Base(e.Value.Path)+" "+e.Value.Text] = e.Value.Offset
	}
	if offsets["a.log three"] != 8 || offsets["a.log four"] != 16 || offsets["b.log end"] != 4+300_001 {
		t.Errorf("offsets %v", offsets["a.log four"])
	}
	begin := time.Now()
	w.job.Cancel(nil)
	if err := w.job.Wait(); !errors.Is(err, context.Canceled) || time.Since(begin) > 10*time.Second {
		t.Errorf("cancelled: error %v after %v", err, time.Since(begin))
	}
}

// A renamed file is read on under whatever name, and the one that takes its place is new.
func TestWatchRotation(t *testing.T) {
	w := watchDir(t, nil)
	w.write("a.log", "one\n")
	w.lines(1)
	// To a name that matches.
	w.must(os.Rename(w.path("a.log"), w.path("a.log.1")))
	w.write("a.log", "two\n")
	w.lines(2)
	w.logs("a file has been renamed")
	w.write("a.log.1", "late for one\n")
	w.lines(3)
	// To one that does not.
	w.must(os.Rename(w.path("a.log"), w.path("old")))
	w.write("old", "late for two\n")
	w.write("a.log", "three\n")
	w.lines(5)
	w.logs("removed or renamed away")
	w.must(os.Rename(w.path("a.log.1"), w.path("a.log.2")))
	w.must(os.Rename(w.path("a.log"), w.path("a.log.1")))
	w.write("a.log", "four\n")
	w.want(w.lines(6), "one", "two", "late for one", "late for two", "three", "four")
}

// A removed file is read to its end, and its last line need not have one.
func TestWatchRemove(t *testing.T) {
	w := watchDir(t, nil)
	w.write("a.log", "one\nno end")
	w.lines(1)
	w.must(os.Remove(w.path("a.log")))
	w.want(w.lines(2), "one", "no end")
	w.write("a.log", "anew\n")
	w.want(w.lines(3), "one", "no end", "anew")
}

// A file that is cut short is read from its beginning again, and what was given is not given again.
func TestWatchTruncate(t *testing.T) {
	w := watchDir(t, nil)
	w.write("a.log", "one\ntwo\nhalf")
	w.lines(2)
	w.must(os.Truncate(w.path("a.log"), 0))
	w.logs("cut short")
	w.write("a.log", "three\n")
	w.want(w.lines(3), "one", "two", "three")
	// Cut and grown beyond where reading was, before anybody looks.
	w.must(os.WriteFile(w.path("a.log"), []byte("four is longer than what was there\nfive\n"), 0o666))
	w.want(w.lines(5), "one", "two", "three", "four is longer than what was there", "five")
	// Cut to a part of what was read: that part is taken for new, as it may be.
	w.must(os.WriteFile(w.path("a.log"), []byte("six\n"), 0o666))
	w.want(w.lines(6), "one", "two", "three", "four is longer than what was there", "five", "six")
}

// Two names of one file are one file, and what is not a file is none.
func TestWatchNames(t *testing.T) {
	w := watchDir(t, func(w *watching) {
		w.write("a.log", "one\n")
		w.must(os.Link(w.path("a.log"), w.path("b.log")))
		w.must(os.Symlink(w.path("a.log"), w.path("c.log")))
		w.must(os.Symlink(w.path("nowhere"), w.path("e.log")))
		w.must(os.Mkdir(w.path("d.log"), 0o777))
		w.must(os.Symlink(w.path("d.log"), w.path("g.log")))
		w.write("f.log.gz", "not lines\n")
	})
	w.lines(1)
	w.logs("it is compressed")
	w.logs("it is not a regular file")
	w.write("a.log", "two\n")
	w.want(w.lines(2), "one", "two")
}

// When nothing comes any more the source ends, with a last line that lacks its end.
func TestWatchUntilQuiet(t *testing.T) {
	w := watchDir(t, func(w *watching) {
		w.write("a.log", "one\ntwo")
		w.write("b.log", "three\n")
	}, textio.UntilQuiet(60*time.Millisecond))
	if err := w.job.Wait(); err != nil {
		t.Fatal(err)
	}
	w.want(w.lines(3), "one", "two", "three")

	empty := watchDir(t, nil, textio.UntilQuiet(20*time.Millisecond))
	if err := empty.job.Wait(); err != nil {
		t.Fatal(err)
	}
	empty.lines(0)
}

// Without a function event time is arrival, and goes on while nothing comes: windows close.
func TestWatchArrival(t *testing.T) {
	w := &watching{t: t, dir: t.TempDir(), more: make(chan struct{}, 1)}
	counts := int64(0)
	w.run(func(p *sdk.Pipeline) {
		lines := textio.Watch(p, filepath.ToSlash(w.dir)+"/*.log", textio.Poll(poll))
		n := stats.CountPerKey(sdk.WithKeys(sdk.WindowInto(lines, window.Fixed(20*time.Millisecond)), func(string) bool { return true }))
		sdk.Filter(sdk.Values(n), func(n int64) bool {
			w.mu.Lock()
			counts += n
			w.mu.Unlock()
			w.signal()
			return true
		})
	})
	w.write("a.log", "one\ntwo\n")
	w.write("b.log", "three\n")
	w.await("3 lines counted", func() bool { return counts == 3 })
}

// Each file is a split, of which the status tells what has been read.
func TestWatchStatus(t *testing.T) {
	clock, dir := ptest.NewClock(time.Now()), t.TempDir()
	for name, text := range map[string]string{"a.log": "one\ntwo\n", "b.log": "three\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	job := ptest.Start(t, func(p *sdk.Pipeline) { textio.Watch(p, filepath.ToSlash(dir)+"/*.log") }, ptest.OnClock(clock))
	clock.Advance(time.Second)
	lines := map[int64]int64{} // by bytes
	for _, s := range job.Status().Stages {
		for _, x := range s.Streaming.Splits {
			if x.Busy > 0 && x.Elements > 0 {
				lines[x.Bytes] = x.Elements
			}
		}
	}
	if lines[8] != 2 || lines[6] != 1 {
		t.Errorf("lines by bytes: %v", lines)
	}
}

// Arrival is processing time: that of a test, if the job lives by one.
func TestWatchArrivalByTheClock(t *testing.T) {
	epoch := time.Date(2001, 1, 2, 3, 0, 0, 0, time.UTC)
	clock, dir := ptest.NewClock(epoch), t.TempDir()
	path := filepath.Join(dir, "a.log")
	if err := os.WriteFile(path, []byte("one\ntwo\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	var lines ptest.Seen[string]
	var counts ptest.Seen[int64]
	ptest.Start(t, func(p *sdk.Pipeline) {
		in := textio.Watch(p, filepath.ToSlash(dir)+"/*.log", textio.Poll(time.Second))
		lines.Watch(in)
		counts.Watch(sdk.Values(stats.CountPerKey(sdk.WithKeys(sdk.WindowInto(in, window.Fixed(time.Minute)), func(string) bool { return true }))))
	}, ptest.OnClock(clock))
	clock.Advance(2 * time.Second)
	if err := os.WriteFile(path, []byte("one\ntwo\nthree\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	clock.Advance(2 * time.Second)
	var got []string
	for _, e := range lines.TakeElements() {
		got = append(got, fmt.Sprint(e.Value, " after ", e.Time.Time().Sub(epoch)))
	}
	if want := []string{"one after 0s", "two after 0s", "three after 3s"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := counts.Take(); len(got) > 0 {
		t.Errorf("a minute that lasts counts %v", got)
	}
	clock.Advance(time.Minute)
	if got := counts.Take(); !slices.Equal(got, []int64{3}) {
		t.Errorf("the minute counts %v", got)
	}
}

// stamp finds the time, in seconds, at the beginning of a line.
func stamp(line string) (sdk.Time, bool) {
	n, err := strconv.Atoi(strings.SplitN(line, " ", 2)[0])
	return mtime.Time(n * 1000), err == nil
}

// With times of the lines, a window closes when lines behind it have been read, in whatever file; files that have been
// read to their end do not keep it open.
func TestWatchEventTime(t *testing.T) {
	w := &watching{t: t, dir: t.TempDir(), more: make(chan struct{}, 1)}
	var panes []string
	w.write("quiet.log", "3 a quiet file\n")
	w.run(func(p *sdk.Pipeline) {
		lines := textio.Watch(p, filepath.ToSlash(w.dir)+"/*.log", textio.Poll(poll), textio.LineTime(stamp, 5*time.Second))
		n := stats.CountPerKey(sdk.WithKeys(sdk.WindowInto(lines, window.Fixed(10*time.Second)), func(string) bool { return true }))
		sdk.Map(sdk.Reify(n), func(e sdk.Element[sdk.KV[bool, int64]]) bool {
			w.mu.Lock()
			panes = append(panes, fmt.Sprint(int64(e.Windows[0].Start)/1000, ":", e.Value.Value, " ", e.Pane.Timing))
			w.mu.Unlock()
			w.signal()
			return true
		})
	})
	has := func(want ...string) {
		t.Helper()
		w.await(fmt.Sprint(want), func() bool { return len(panes) >= len(want) })
		w.mu.Lock()
		defer w.mu.Unlock()
		if !slices.Equal(panes, want) {
			t.Fatalf("panes %q, want %q", panes, want)
		}
	}
	w.write("a.log", "1 one\n  a line without a time\n12 still open\n")
	w.write("a.log", "8 late by 4 s\n14 still open\n")
	w.write("b.log", "9 another file\n15 closes the first window\n")
	has("0:5 on-time")
	w.write("new.log", "13 a new file\n26 closes the second\n")
	has("0:5 on-time", "10:4 on-time")
	w.write("quiet.log", "36 closes the third\n")
	has("0:5 on-time", "10:4 on-time", "20:1 on-time")
}

func TestWatchLongLine(t *testing.T) {
	w := watchDir(t, func(w *watching) { w.write("a.log", strings.Repeat("y", 100_000)+"\nlong") }, textio.WatchMaxLine(100_000))
	w.lines(1)
	w.write("a.log", strings.Repeat("z", 100_000))
	if err := w.job.Wait(); !errors.Is(err, textio.ErrLineTooLong) || !strings.Contains(err.Error(), "a.log: the line at offset 100001") {
		t.Errorf("error %v", err)
	}
}

func TestWatchOptionErrors(t *testing.T) {
	for says, opts := range map[string][]textio.WatchOption{
		"every 0s":         {textio.Poll(0)},
		"is negative":      {textio.UntilQuiet(-1)},
		"negative":         {textio.LineTime(stamp, -1)},
		"at most 0 bytes":  {textio.WatchMaxLine(0)},
		"only local files": nil,
	} {
		_, err := sdk.Build(func(p *sdk.Pipeline) error {
			textio.Watch(p, map[bool]string{true: "s3://b/*", false: "x"}[opts == nil], opts...)
			return nil
		})
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "watch_test.go") {
			t.Errorf("error %v, want one that says %q", err, says)
		}
	}
}

// Writers that append, rotate, and end, at random: every line comes, once.
func TestWatchAtRandom(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	w := watchDir(t, nil)
	const writers, each = 3, 600
	var wg sync.WaitGroup
	for i := range writers {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		wg.Go(func() {
			name, rotated := fmt.Sprintf("w%d.log", i), 0
			for n := range each {
				line := fmt.Sprintf("%d %d %s\n", i, n, strings.Repeat("x", r.IntN(100)))
				f, err := os.OpenFile(w.path(name), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
				if err != nil {
					t.Error(err)
					return
				}
				cut := r.IntN(len(line) + 1) // a line may come in two parts
				_, _ = f.WriteString(line[:cut])
				_, _ = f.WriteString(line[cut:])
				_ = f.Close()
				if r.IntN(40) == 0 {
					rotated++
					if err := os.Rename(w.path(name), w.path(fmt.Sprintf("%s.%d", name, rotated))); err != nil {
						t.Error(err)
						return
					}
				}
				if r.IntN(20) == 0 {
					time.Sleep(poll) // so that it goes on for some polls
				}
			}
		})
	}
	wg.Wait()
	w.await("all lines", func() bool { return len(w.got) >= writers*each })
	w.mu.Lock()
	defer w.mu.Unlock()
	times := map[string]int{}
	for _, e := range w.got {
		f := strings.Fields(e.Value.Text)
		times[f[0]+" "+f[1]]++
	}
	for i := range writers {
		for n := range each {
			if c := times[fmt.Sprint(i, " ", n)]; c != 1 {
				t.Errorf("line %d of writer %d came %d times", n, i, c)
			}
		}
	}
	if len(w.got) != writers*each {
		t.Errorf("%d lines, want %d", len(w.got), writers*each)
	}
}
