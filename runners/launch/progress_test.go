package launch

import (
	"bytes"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/sdf"
)

// fakeJob is a job that reads 1000 elements and 1 MiB a second, of 100 MiB.
type fakeJob struct {
	sdk.Job
	started time.Time
}

func (j *fakeJob) Status() sdk.Status {
	d := time.Since(j.started)
	secs := d.Seconds()
	return sdk.Status{
		JobID: "j1", State: "running", Elapsed: d,
		Steps:  []sdk.StepStatus{{Transform: "Create", Out: 1}, {Transform: "Read", Out: int64(1000 * secs), Bytes: int64(secs * (1 << 20))}},
		Stages: []sdk.StageStatus{{Name: "Create", State: "done"}, {Name: "Read", State: "running", LeftBytes: (100 - secs) * (1 << 20)}, {Name: "Group", State: "waiting"}},
	}
}

// untimed is a logger without times, and what it has written.
func untimed() (*slog.Logger, *bytes.Buffer) {
	var b bytes.Buffer
	return slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
			return slog.Attr{}
		}
		return a
	}})), &b
}

// TestProgressLog: off a terminal a record every ten seconds, and one for the whole at the end.
func TestProgressLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, got := untimed()
		stop := startProgress(&fakeJob{started: time.Now()}, sources{"Read": true}, nil, false, log)
		time.Sleep(25 * time.Second) // the bubble's time
		stop()
		const want = `msg=progress elapsed=10 stage=2 stages=3 read=10000 read_per_sec=1000 bytes=10485760 bytes_per_sec=1048576 percent=10 eta=90
msg=progress elapsed=20 stage=2 stages=3 read=20000 read_per_sec=1000 bytes=20971520 bytes_per_sec=1048576 percent=20 eta=80
msg=progress elapsed=25 stage=2 stages=3 read=25000 read_per_sec=1000 bytes=26214400 bytes_per_sec=1048576 percent=25 eta=75
`
		if d := cmp.Diff(want, got.String()); d != "" {
			t.Errorf("-want +got:\n%s", d)
		}
	})
}

// TestProgressLine: on a terminal a line four times a second, which what is logged meanwhile does not break.
func TestProgressLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got bytes.Buffer
		s := &screen{w: &got, terminal: true}
		stop := startProgress(&fakeJob{started: time.Now()}, sources{"Read": true}, s, true, nil)
		time.Sleep(10*time.Second + time.Millisecond)
		synctest.Wait()
		if n := strings.Count(got.String(), eraseLine); n != 40 {
			t.Errorf("%d lines in ten seconds, want 40", n)
		}
		got.Reset()
		if _, err := s.Write([]byte("a log line\n")); err != nil {
			t.Error(err)
		}
		stop()
		if _, err := s.Write([]byte("the end\n")); err != nil {
			t.Error(err)
		}
		const want = eraseLine + "a log line\n" + "10s  stage 2/3  10.0k read, 1.0k/s  10.0MiB, 1.0MiB/s  10%, 1m30s left" + eraseLine + "the end\n"
		if d := cmp.Diff(want, got.String()); d != "" {
			t.Errorf("-want +got:\n%s", d)
		}
	})
}

func TestScreen(t *testing.T) {
	var got bytes.Buffer
	s := &screen{w: &got}
	for _, f := range []func(){
		func() { _, _ = s.Write([]byte("a\n")) },
		func() { s.show("one") },
		func() { s.show("one") },
		func() { _, _ = s.Write([]byte("no end")) },
		func() { s.show("") },
		func() { _, _ = s.Write([]byte("b\n")) },
	} {
		f()
	}
	if want := "a\n" + eraseLine + "one" + eraseLine + "no end\none" + eraseLine + "b\n"; got.String() != want {
		t.Errorf("got %q, want %q", got.String(), want)
	}
	broken := &screen{w: brokenWriter{}, line: "x"}
	if n, err := broken.Write([]byte("a")); n != 0 || err == nil {
		t.Errorf("got %d, %v, want the writer's error", n, err)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

// TestMeter: rates are those of the last seconds, not of the whole job.
func TestMeter(t *testing.T) {
	var m meter
	at := func(secs float64, elements int64) float64 {
		rate, _ := m.add(figures{elapsed: time.Duration(secs * float64(time.Second)), elements: elements})
		return rate
	}
	for i, tt := range []struct {
		secs     float64
		elements int64
		want     float64
	}{{0, 0, 0}, {1, 100, 100}, {5, 500, 100}, {10, 500, 0}, {11, 600, 100. / 6}, {16, 5600, 1000}, {16, 5600, 5000. / 5}} {
		if got := at(tt.secs, tt.elements); got != tt.want {
			t.Errorf("sample %d: got %v a second, want %v", i, got, tt.want)
		}
	}
	if n := len(m.seen); n > 4 {
		t.Errorf("%d samples are kept", n)
	}
}

func TestFigures(t *testing.T) {
	for _, tt := range []struct {
		name string
		st   sdk.Status
		src  sources
		want figures
	}{
		{"nothing yet", sdk.Status{}, sources{}, figures{}},
		{"all done", sdk.Status{Stages: []sdk.StageStatus{{State: "done"}, {State: "done"}}}, nil, figures{stage: 2, stages: 2}},
		{"an impulse tells less than what reads for it", sdk.Status{Steps: []sdk.StepStatus{{Transform: "Impulse", Out: 1}, {Transform: "Gen", In: 1, Out: 500}}}, sources{"Impulse": true}, figures{elements: 500}},
		{
			"units other than bytes are not mixed in",
			sdk.Status{
				Steps:  []sdk.StepStatus{{Transform: "A", Out: 5, Bytes: 10}, {Transform: "B", Out: 7}},
				Stages: []sdk.StageStatus{{Name: "A", LeftBytes: 30}, {Name: "B", LeftBytes: 1e6}},
			},
			sources{"A": true, "B": true},
			figures{elements: 12, bytes: 10, left: 30, stage: 1, stages: 2},
		},
		{
			"a stream is where the slowest stage is that has not ended",
			sdk.Status{Stages: []sdk.StageStatus{
				{Name: "Create", State: "done", Streaming: &sdk.StreamStatus{Watermark: mtime.Max}},
				{Name: "Read", State: "running", Streaming: &sdk.StreamStatus{Watermark: 9000, Lag: time.Second, Holder: "split 1"}},
				{Name: "Sum", State: "running", Streaming: &sdk.StreamStatus{Watermark: 8000, Lag: 2 * time.Second, Holder: "a hold", StateBytes: 70, Droppable: 3}},
			}},
			nil,
			figures{stage: 2, stages: 3, streaming: true, mark: 8000, lag: 2 * time.Second, holder: "a hold", state: 70, dropped: 3},
		},
		{
			"a stream that has ended is at the end of time",
			sdk.Status{Stages: []sdk.StageStatus{{State: "done", Streaming: &sdk.StreamStatus{Watermark: mtime.Max}}}},
			nil,
			figures{stage: 1, stages: 1, streaming: true, mark: mtime.Max},
		},
	} {
		if d := cmp.Diff(tt.want, newFigures(tt.st, tt.src), cmp.AllowUnexported(figures{})); d != "" {
			t.Errorf("%s: -want +got:\n%s", tt.name, d)
		}
	}
}

type rangeFn struct{}

func (rangeFn) InitialRestriction(n int64) sdf.OffsetRange { return sdf.OffsetRange{Hi: n} }

func (rangeFn) NewTracker(r sdf.OffsetRange) *sdf.OffsetTracker { return sdf.NewOffsetTracker(r) }

func (rangeFn) ProcessElement(*sdk.Context, int64, *sdf.OffsetTracker, sdk.Emitter[int64]) (sdf.Continuation, error) {
	return sdf.Continuation{}, nil
}

func TestSources(t *testing.T) {
	same := func(n int64) int64 { return n }
	g, err := sdk.Build(func(p *sdk.Pipeline) error {
		plain := sdk.Create(p, []int64{1}, sdk.Name("Plain"))
		seed := sdk.Map(sdk.Create(p, []int64{1}, sdk.Name("Seed")), same)
		read := sdk.ParDoSplittable(seed, rangeFn{}, sdk.Name("Read"))
		// Regrouped, it is data, not the list of what to read.
		sdk.ParDoSplittable(sdk.Reshuffle(plain), rangeFn{}, sdk.Name("Expand"))
		sdk.Map(sdk.Flatten(plain, read), same)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := slices.Sorted(maps.Keys(newSources(g))), []string{"Expand", "Plain", "Read"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestTable(t *testing.T) {
	st := sdk.Status{
		JobID: "j1", State: "done", Elapsed: 1234567 * time.Microsecond, Budget: 512 << 20, PeakHeld: 3 << 19, Spilled: 100,
		Steps: []sdk.StepStatus{{Transform: "Read", In: 1, Out: 1000, Bytes: 5 << 20}, {Transform: "Count", In: 1000, Out: 7}},
		Metrics: []sdk.Metric{
			{Transform: "Read", Name: "Bad", Kind: "counter", Value: exec.Value{Count: 3}},
			{Transform: "Read", Name: "Len", Kind: "distribution", Value: exec.Value{Count: 2, Sum: 9, Min: 4, Max: 5}},
			{Transform: "Read", Name: "None", Kind: "distribution"},
		},
	}
	const want = `transform  in    out   read
Read       1     1000  5.0MiB
Count      1000  7     
metric     kind          value
Read.Bad   counter       3
Read.Len   distribution  count 2, sum 9, min 4, max 5
Read.None  distribution  count 0
job j1 done in 1.235s; held at most 1.5MiB of a budget of 512.0MiB, spilled 100B
`
	var b bytes.Buffer
	writeTable(&b, st)
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}

	b.Reset()
	writeTable(&b, sdk.Status{Steps: make([]sdk.StepStatus, 10_000), Metrics: make([]sdk.Metric, 10_000)})
	if n := strings.Count(b.String(), "\n"); n > 2*mostRows+10 || !strings.Contains(b.String(), "... and 9900 more transforms\n") || !strings.Contains(b.String(), "... and 9900 more metrics\n") {
		t.Errorf("ten thousand transforms give %d lines:\n%.200s", n, b.String())
	}
}
