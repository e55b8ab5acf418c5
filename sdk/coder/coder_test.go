package coder

import (
	"errors"
	"iter"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"
)

type inner struct {
	A int32
	B *string
}

type all struct {
	Bool    bool
	I8      int8
	I16     int16
	I32     int32
	I64     int64
	U8      uint8
	U16     uint16
	U32     uint32
	U64     uint64
	F32     float32
	F64     float64
	S       string
	Bytes   []byte
	List    []inner
	Array   [3]int16
	Map     map[string][]int64
	Ptr     *inner
	Time    time.Time
	Message *wrapperspb.StringValue
	KV      KV[string, int64]
	inner2
}

type inner2 struct{ Promoted string }

type eight struct {
	A, B, C string
	D, E    int64
	F       float64
	G       bool
	H       int32
}

var anEight = eight{"some text", "a little more of it", "x", 1, 1 << 40, 3.14, true, -5}

func sample() all {
	s := "text"
	return all{
		true, -8, -16, -32, -64, 8, 16, 32, math.MaxUint64, 1.5, -2.5, "s\x00\xff",
		[]byte{0, 1},
		[]inner{{1, nil}, {2, &s}},
		[3]int16{1, -2, 3},
		map[string][]int64{"a": {1}, "b": nil},
		&inner{3, &s}, time.Unix(-5, 999).UTC(), wrapperspb.String("m"),
		KV[string, int64]{"k", 1},
		inner2{"p"},
	}
}

func roundTrip[T any](t *testing.T, v T) {
	t.Helper()
	c, err := For[T]()
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.Append(nil, &v)
	if err != nil {
		t.Fatal(err)
	}
	if n := c.FixedSize(); n > 0 && n != len(b) {
		t.Errorf("%T: %d bytes, FixedSize says %d", v, len(b), n)
	}
	var got T
	rest, err := c.Decode(append(b, 7), &got)
	if err != nil || len(rest) != 1 || !reflect.DeepEqual(got, v) {
		t.Errorf("%T: got %+v, %d left, %v; want %+v", v, got, len(rest), err, v)
	}
	for i := range b { // no prefix is an encoding, but of types without bytes
		if _, err := c.Decode(b[:i], &got); !errors.Is(err, ErrMalformed) {
			t.Fatalf("%T: decoding %d of %d bytes: %v", v, i, len(b), err)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	v := sample()
	v.Message = nil
	c, err := For[all]()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Append(nil, &v); err == nil {
		t.Error("a nil message was encoded")
	}
	type noMessage struct {
		L []inner
		A [3]int16
		M map[string][]int64
		P *inner
		T time.Time
		K KV[string, int64]
	}
	s := sample()
	roundTrip(t, noMessage{s.List, s.Array, s.Map, s.Ptr, s.Time, s.KV})
	roundTrip(t, noMessage{M: map[string][]int64{}, T: time.Unix(0, 0).UTC()}) // a nil map comes back empty, ready to be written to
	roundTrip(t, anEight)
	roundTrip(t, struct{}{})
	roundTrip(t, KV[int8, struct{ A, B bool }]{1, struct{ A, B bool }{true, false}})
	roundTrip(t, int64(math.MinInt64))
	roundTrip(t, uint16(math.MaxUint16))
	roundTrip(t, math.Inf(-1))
}

func TestMessage(t *testing.T) {
	c, err := For[*wrapperspb.StringValue]()
	if err != nil {
		t.Fatal(err)
	}
	in := wrapperspb.String("hello")
	b, err := c.Append(nil, &in)
	if err != nil {
		t.Fatal(err)
	}
	var out *wrapperspb.StringValue
	if _, err := c.Decode(b, &out); err != nil || out.Value != "hello" {
		t.Errorf("got %v, %v", out, err)
	}
}

type list struct{ Next *list }

type hidden struct{ a int }

func TestUnencodable(t *testing.T) {
	check := func(_ any, err error, says string) {
		t.Helper()
		if !errors.Is(err, ErrUnencodable) || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want ErrUnencodable saying %q", err, says)
		}
	}
	c1, err := For[chan int]()
	check(c1, err, "chan int")
	c2, err := For[struct{ F []func() }]()
	check(c2, err, "field F")
	_ = hidden{}.a
	c3, err := For[hidden]()
	check(c3, err, "field a is not exported")
	c4, err := For[list]()
	check(c4, err, "contains itself")
	c5, err := For[KV[string, any]]()
	check(c5, err, "value")
}

func TestDeterministic(t *testing.T) {
	yes, _ := For[struct {
		A string
		B [2]int
		C *bool
	}]()
	if err := yes.Deterministic(); err != nil {
		t.Error(err)
	}
	no, _ := For[struct{ Outer struct{ M map[string]int } }]()
	if err := no.Deterministic(); err == nil || !strings.Contains(err.Error(), "field M") {
		t.Errorf("error %v, want one that names field M", err)
	}
	f, _ := For[float64]()
	if f.Deterministic() == nil {
		t.Error("floats are said to be deterministic")
	}
}

func TestIterable(t *testing.T) {
	v, _ := For[string]()
	c := Iterable(v)
	in := slices.Values([]string{"a", "b"})
	b, err := c.Append(nil, &in)
	if err != nil {
		t.Fatal(err)
	}
	for _, enc := range [][]byte{b, []byte("\xff\xff\xff\xff\x01\x01a\x01\x01b\x00")} {
		var out iter.Seq[string]
		if _, err := c.Decode(enc, &out); err != nil || !slices.Equal(slices.Collect(out), []string{"a", "b"}) {
			t.Errorf("got %v", err)
		}
	}
}

// The key groups of these keys are part of the checkpoint format.
func TestKeyGroupGolden(t *testing.T) {
	got := []uint8{
		KeyGroupInt(0), KeyGroupInt(1), KeyGroupInt(-1), KeyGroupInt(1 << 40),
		KeyGroupString(""), KeyGroupString("a"), KeyGroupString("millrace"), KeyGroupString(strings.Repeat("x", 1000)),
	}
	if want := goldenGroups; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for _, v := range []int64{0, 1, -1, 300, math.MaxInt64} {
		c, _ := For[int64]()
		b, _ := c.Append(nil, &v)
		if KeyGroup(b) != KeyGroupInt(v) {
			t.Errorf("the group of %d is not that of its encoding", v)
		}
	}
	if n := testing.AllocsPerRun(100, func() { KeyGroupInt(12345); KeyGroupString("some key") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestSizer(t *testing.T) {
	if !SizerFor[eight2]().Fixed() {
		t.Error("a type without pointers is not fixed")
	}
	v := anEight
	if n := SizerFor[eight]().Size(&v); n != int64(len(v.A)+len(v.B)+len(v.C)) {
		t.Errorf("size %d", n)
	}
	m := map[string][]byte{"k": make([]byte, 10_000)}
	if n := SizerFor[map[string][]byte]().Size(&m); n < 10_000 || n > 12_000 {
		t.Errorf("size of a map with 10 kB is %d", n)
	}
}

type eight2 struct {
	A, B int64
	C    [4]bool
}

func TestAllocations(t *testing.T) {
	c, _ := For[eight]()
	v := anEight
	buf := make([]byte, 0, 256)
	if n := testing.AllocsPerRun(1000, func() { buf, _ = c.Append(buf[:0], &v) }); n != 0 {
		t.Errorf("encoding: %v allocations", n)
	}
	var out eight
	if n := testing.AllocsPerRun(1000, func() { _, _ = c.Decode(buf, &out) }); n > 3 {
		t.Errorf("decoding: %v allocations, at most one for each of the three strings", n)
	}
}

func BenchmarkEncode8(b *testing.B) {
	c, _ := For[eight]()
	v := anEight
	buf := make([]byte, 0, 256)
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = c.Append(buf[:0], &v)
	}
}

func BenchmarkDecode8(b *testing.B) {
	c, _ := For[eight]()
	v := anEight
	buf, _ := c.Append(nil, &v)
	var out eight
	b.ReportAllocs()
	for b.Loop() {
		_, _ = c.Decode(buf, &out)
	}
}

func FuzzDecode(f *testing.F) {
	c, err := For[all]()
	if err != nil {
		f.Fatal(err)
	}
	s := sample()
	b, _ := c.Append(nil, &s)
	f.Add(b)
	f.Add([]byte{21, 0})
	seqs := Iterable(Coder[KV[string, []byte]](must(For[KV[string, []byte]]())))
	f.Fuzz(func(t *testing.T, b []byte) {
		var v all
		if _, err := c.Decode(b, &v); err == nil && v.Message != nil {
			again, err := c.Append(nil, &v)
			if err != nil {
				t.Fatalf("decoded %+v, which does not encode: %v", v, err)
			}
			var w all
			if _, err := c.Decode(again, &w); err != nil {
				t.Fatalf("encoded %+v, which does not decode: %v", v, err)
			}
		}
		var q iter.Seq[KV[string, []byte]]
		_, _ = seqs.Decode(b, &q)
	})
}

func must[T any](c Coder[T], err error) Coder[T] {
	if err != nil {
		panic(err)
	}
	return c
}
