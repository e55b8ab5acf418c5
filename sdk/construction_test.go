package sdk_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/sdf"
	"github.com/millrace-go/millrace/sdk/window"
)

func ints(p *sdk.Pipeline) sdk.PCollection[int] { return sdk.Of(p, 1, 2, 3) }

func double(i int) int { return 2 * i }

type sharing struct{ seen map[string]bool }

func (s *sharing) ProcessElement(*sdk.Context, int, sdk.Emitter[int]) error { return nil }

type locked struct{ mu sync.Mutex }

func (s *locked) ProcessElement(*sdk.Context, int, sdk.Emitter[int]) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return nil
}

type withOutput struct{ Odd sdk.Output[int] }

func (w *withOutput) ProcessElement(_ *sdk.Context, v int, out sdk.Emitter[int]) error {
	if v%2 == 1 {
		w.Odd.Emit(v)
	} else {
		out.Emit(v)
	}
	return nil
}

type withView struct{ Mean sdk.SingletonView[int] }

func (w *withView) ProcessElement(*sdk.Context, int, sdk.Emitter[int]) error { return nil }

type buffering struct{}

func (buffering) ProcessElement(*sdk.Context, int, sdk.Emitter[int]) error { return nil }
func (buffering) StartBundle(*sdk.Context) error                           { return nil }

func TestConstructionErrors(t *testing.T) {
	var outside sdk.PCollection[int]
	if _, err := sdk.Build(func(p *sdk.Pipeline) error { outside = ints(p); return nil }); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		build func(p *sdk.Pipeline) error
		is    error
		says  []string
	}{
		{"no transforms", func(*sdk.Pipeline) error { return nil }, nil, []string{"no transforms"}},
		{"one name twice", func(p *sdk.Pipeline) error {
			c := ints(p)
			sdk.Map(c, double, sdk.Name("twice"))
			sdk.Map(c, double, sdk.Name("twice"))
			return nil
		}, nil, []string{"twice (", "another transform has this name"}},
		{"a nil function", func(p *sdk.Pipeline) error {
			sdk.Map[int, int](ints(p), nil)
			return nil
		}, nil, []string{"Map (", "nil"}},
		{"a nil DoFn", func(p *sdk.Pipeline) error {
			sdk.ParDo(ints(p), (*withOutput)(nil))
			return nil
		}, nil, []string{"nil"}},
		{"a key that cannot be encoded", func(p *sdk.Pipeline) error {
			sdk.GroupByKey(sdk.Map(ints(p), func(i int) sdk.KV[chan int, int] { return sdk.KV[chan int, int]{} }))
			return nil
		}, coder.ErrUnencodable, []string{"key", "chan int"}},
		{"a key without a fixed encoding", func(p *sdk.Pipeline) error {
			sdk.GroupByKey(sdk.Map(ints(p), func(i int) sdk.KV[struct{ M map[string]int }, int] {
				return sdk.KV[struct{ M map[string]int }, int]{}
			}))
			return nil
		}, nil, []string{"field M"}},
		{"a DoFn applied twice", func(p *sdk.Pipeline) error {
			d := &withOutput{}
			sdk.ParDo(ints(p), d)
			sdk.ParDo(ints(p), d)
			return nil
		}, nil, []string{"applied already, at construction_test.go:"}},
		{"a DoFn with an output given as a value", func(p *sdk.Pipeline) error {
			sdk.ParDo[int, int](ints(p), valueOutput{})
			return nil
		}, nil, []string{"pointer"}},
		{"a shared map", func(p *sdk.Pipeline) error {
			sdk.ParDo(ints(p), &sharing{seen: map[string]bool{}})
			return nil
		}, nil, []string{"seen", "Setup"}},
		{"a copied lock", func(p *sdk.Pipeline) error {
			sdk.ParDo(ints(p), &locked{})
			return nil
		}, nil, []string{"mu", "sync.Mutex"}},
		{"a view that is not set", func(p *sdk.Pipeline) error {
			sdk.ParDo(ints(p), &withView{})
			return nil
		}, nil, []string{"Mean", "not set"}},
		{"a view of the wrong windowing", func(p *sdk.Pipeline) error {
			v := sdk.AsSingleton(sdk.WindowInto(ints(p), window.Fixed(time.Second)))
			sdk.ParDo(ints(p), &withView{Mean: v})
			return nil
		}, nil, []string{"Mean", "fixed"}},
		{"a zero collection", func(*sdk.Pipeline) error {
			var c sdk.PCollection[int]
			sdk.Map(c, double)
			return nil
		}, nil, []string{"construction_test.go:", "zero PCollection"}},
		{"a collection of another pipeline", func(p *sdk.Pipeline) error {
			sdk.Flatten(ints(p), outside)
			return nil
		}, nil, []string{"another Pipeline"}},
		{"a handle used after the pipeline is built", func(*sdk.Pipeline) error {
			sdk.Map(outside, double)
			return nil
		}, nil, []string{"built already"}},
		{"sources aligned twice, by a negative drift, and none", func(p *sdk.Pipeline) error {
			endless := func() sdk.PCollection[int64] {
				return sdk.ParDoSplittable(sdk.Of(p, sdf.OffsetRange{}), &endlessFn{})
			}
			a, b := endless(), endless()
			sdk.AlignWatermarks(time.Second, a, sdk.Flatten(a, b))
			sdk.AlignWatermarks(-time.Second, b, ints(p))
			return nil
		}, nil, []string{"AlignWatermarks (construction_test.go:", "-1s is negative", "ParDoSplittable#2 (construction_test.go:", "another alignment already", "has no source without an end"}},
		{"stable input of a grouping", func(p *sdk.Pipeline) error {
			sdk.GroupByKey(sdk.WithKeys(ints(p), double), sdk.StableInput())
			return nil
		}, nil, []string{"GroupByKey (construction_test.go:", "sdk.StableInput does not apply"}},
		{"alignment of a zero collection", func(p *sdk.Pipeline) error {
			sdk.AlignWatermarks(time.Second, ints(p), sdk.PCollection[int]{})
			return nil
		}, nil, []string{"AlignWatermarks (construction_test.go:", "zero PCollection"}},
		{"a policy for a DoFn that buffers", func(p *sdk.Pipeline) error {
			sdk.ParDo(ints(p), buffering{}, sdk.OnError(sdk.Retry(3, 0)))
			return nil
		}, nil, []string{"StartBundle"}},
		{"a dead letter of another type", func(p *sdk.Pipeline) error {
			var failed sdk.Output[sdk.Failed[string]]
			sdk.TryMap(ints(p), func(int) (int, error) { return 0, nil }, sdk.OnError(sdk.DeadLetter(&failed)))
			return nil
		}, nil, []string{"Failed[int]"}},
		{"a policy where nothing can fail", func(p *sdk.Pipeline) error {
			sdk.Map(ints(p), double, sdk.OnError(sdk.Retry(3, 0)))
			return nil
		}, nil, []string{"sdk.OnError does not apply to Map"}},
		{"windows of no size", func(p *sdk.Pipeline) error {
			sdk.WindowInto(ints(p), window.Fixed(0))
			return nil
		}, nil, []string{"1ms"}},
		{"flattening of different windows", func(p *sdk.Pipeline) error {
			sdk.Flatten(ints(p), sdk.WindowInto(ints(p), window.Fixed(time.Second)))
			return nil
		}, nil, []string{"input 2", "fixed"}},
		{"cogrouping of different windows", func(p *sdk.Pipeline) error {
			kv := sdk.WithKeys(ints(p), double)
			sdk.CoGroupByKey2(kv, sdk.WindowInto(kv, window.Fixed(time.Second)))
			return nil
		}, nil, []string{"input 2"}},
		{"sessions without a key", func(p *sdk.Pipeline) error {
			sdk.CombineGlobally(sdk.WindowInto(ints(p), window.Sessions(time.Second)), addUp{})
			return nil
		}, nil, []string{"CombinePerKey"}},
		{"no partitions", func(p *sdk.Pipeline) error {
			sdk.Partition(ints(p), 0, double)
			return nil
		}, nil, []string{"0 partitions"}},
	}
	at := regexp.MustCompile(`construction_test\.go:\d+`)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := sdk.Build(tt.build)
			if err == nil {
				t.Fatal("no error")
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("error %v is not %v", err, tt.is)
			}
			for _, s := range tt.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("error %q does not say %q", err, s)
				}
			}
			if tt.name != "no transforms" && !at.MatchString(err.Error()) {
				t.Errorf("error %q does not say where", err)
			}
		})
	}
}

type valueOutput struct{ Odd sdk.Output[int] }

func (valueOutput) ProcessElement(*sdk.Context, int, sdk.Emitter[int]) error { return nil }

type addUp struct{}

func (addUp) CreateAccumulator() int         { return 0 }
func (addUp) AddInput(a, v int) int          { return a + v }
func (addUp) MergeAccumulators(a, b int) int { return a + b }
func (addUp) ExtractOutput(a int) int        { return a }

func TestAllErrorsAtOnce(t *testing.T) {
	_, err := sdk.Build(func(p *sdk.Pipeline) error {
		sdk.Map[int, int](ints(p), nil)
		sdk.Filter(ints(p), nil)
		return errors.New("the program's own")
	})
	for _, s := range []string{"Map", "Filter", "the program's own"} {
		if err == nil || !strings.Contains(err.Error(), s) {
			t.Errorf("error %v does not say %q", err, s)
		}
	}
}

// A pipeline that comes out differently when it is built again would compute something else on a worker.
func TestNotDeterministic(t *testing.T) {
	factors := map[string]int{"a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 6, "g": 7, "h": 8}
	var err error
	for range 100 { // two iterations may happen to have one order
		if _, err = sdk.Build(func(p *sdk.Pipeline) error {
			c := ints(p)
			for name := range factors {
				c = sdk.Map(c, double, sdk.Name(name))
			}
			return nil
		}); err != nil {
			break
		}
	}
	if !errors.Is(err, sdk.ErrNotDeterministic) {
		t.Errorf("the order of a map: %v", err)
	}
	_, err = sdk.Build(func(p *sdk.Pipeline) error {
		sdk.ParDo(ints(p), &since{Start: time.Now().UnixNano()})
		return nil
	})
	if !errors.Is(err, sdk.ErrNotDeterministic) || !strings.Contains(err.Error(), "Start=") {
		t.Errorf("the time of day: %v", err)
	}
	calls := 0
	_, err = sdk.Build(func(p *sdk.Pipeline) error {
		start := sdk.Once(p, "start", func() (int64, error) { calls++; return time.Now().UnixNano(), nil })
		sdk.ParDo(ints(p), &since{Start: start})
		return nil
	})
	if err != nil || calls != 1 {
		t.Errorf("with Once: %v, %d calls", err, calls)
	}
}

type since struct{ Start int64 }

func (*since) ProcessElement(*sdk.Context, int, sdk.Emitter[int]) error { return nil }

func TestTenThousandTransforms(t *testing.T) {
	n := 0
	_, err := sdk.Run(context.Background(), &direct.Runner{Workers: 1}, func(p *sdk.Pipeline) error {
		c := ints(p)
		for range 10_000 {
			c = sdk.Map(c, func(i int) int { return i + 1 })
		}
		sdk.Map(c, func(i int) int { n += i; return 0 })
		return nil
	})
	if err != nil || n != 30_006 {
		t.Errorf("sum %d, %v", n, err)
	}
}

func TestSecret(t *testing.T) {
	t.Setenv("MILLRACE_TEST_SECRET", "hush")
	s := sdk.Secret("env:MILLRACE_TEST_SECRET")
	if v, err := s.Resolve(); err != nil || v != "hush" {
		t.Errorf("resolved %q, %v", v, err)
	}
	if b, _ := s.MarshalText(); strings.Contains(string(b), "hush") {
		t.Error("the secret is in the text")
	}
	var u sdk.Secret
	if err := u.UnmarshalText([]byte("hush")); err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("a plain secret: %v", err)
	}
}

// endlessFn is a source without an end.
type endlessFn struct{}

func (*endlessFn) Unbounded() bool                                      { return true }
func (*endlessFn) InitialRestriction(r sdf.OffsetRange) sdf.OffsetRange { return r }
func (*endlessFn) NewTracker(r sdf.OffsetRange) *sdf.OffsetTracker      { return sdf.NewOffsetTracker(r) }

func (*endlessFn) ProcessElement(*sdk.Context, sdf.OffsetRange, *sdf.OffsetTracker, sdk.Emitter[int64]) (sdk.Continuation, error) {
	return sdf.Resume(time.Second), nil
}
