package spill

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// contents reads a segment to its end. What it returns is a copy.
func contents(s Segment) ([]byte, error) {
	var all []byte
	for r := s.Open(); ; {
		b, err := r.Block()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, b...)
	}
}

func create(t testing.TB, stats *Stats) *File {
	t.Helper()
	f, err := Create(t.TempDir(), stats)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func writeSegment(t testing.TB, f *File, rows int64, recs ...[]byte) Segment {
	t.Helper()
	w := f.Writer()
	for _, r := range recs {
		if err := w.Append(r); err != nil {
			t.Fatal(err)
		}
	}
	s, err := w.Close(rows)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// randomRecords are short and long, some of them easy to compress, some not at all.
func randomRecords(rng *rand.Rand, n int) [][]byte {
	recs := make([][]byte, n)
	for i := range recs {
		b := make([]byte, []int{0, 1, 7, 300, 20_000, blockSize, 3 * blockSize}[rng.IntN(7)])
		switch rng.IntN(3) {
		case 0:
			for j := range b {
				b[j] = byte(rng.Uint32())
			}
		case 1:
			for j := range b {
				b[j] = "abcd"[rng.IntN(4)]
			}
		}
		recs[i] = b
	}
	return recs
}

func TestRoundTrip(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	var stats Stats
	f := create(t, &stats)
	type written struct {
		seg  Segment
		want []byte
	}
	var all []written
	var stored int64
	for i := range 60 {
		recs := randomRecords(rng, rng.IntN(12))
		want := slices.Concat(recs...)
		s := writeSegment(t, f, int64(i), recs...)
		if s.Rows != int64(i) || s.Raw != int64(len(want)) {
			t.Errorf("segment %d says %d rows of %d bytes, it has %d bytes", i, s.Rows, s.Raw, len(want))
		}
		all = append(all, written{s, want})
		stored += s.end - s.off
	}
	if stats.Written.Load() != stored || stats.Read.Load() != 0 {
		t.Errorf("counted %d bytes written and %d read, want %d and 0", stats.Written.Load(), stats.Read.Load(), stored)
	}
	// Any number of readers at once, while more is written.
	var wg sync.WaitGroup
	for range 4 {
		for i, w := range all {
			wg.Go(func() {
				if got, err := contents(w.seg); err != nil || !bytes.Equal(got, w.want) {
					t.Errorf("segment %d: %d bytes, %v; want %d", i, len(got), err, len(w.want))
				}
			})
		}
	}
	wg.Go(func() {
		w := f.Writer()
		for _, r := range randomRecords(rng, 20) {
			if err := w.Append(r); err != nil {
				t.Error(err)
			}
		}
		if _, err := w.Close(0); err != nil {
			t.Error(err)
		}
	})
	wg.Wait()
	if stats.Read.Load() != 4*stored {
		t.Errorf("counted %d bytes read, want %d", stats.Read.Load(), 4*stored)
	}
}

// Records that are made in the block are as those that are given: never cut, and all there. A file has room for
// another segment while one is being written.
func TestRecordsInPlace(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	f := create(t, nil)
	recs := randomRecords(rng, 60)
	w, other := f.Writer(), f.Writer()
	if err := other.Append([]byte("another segment's")); err != nil {
		t.Fatal(err)
	}
	for i, r := range recs {
		if i%3 == 0 {
			if err := w.Append(r); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := w.End(append(w.Begin(), r...)); err != nil {
			t.Fatal(err)
		}
	}
	s, err := w.Close(60)
	if err != nil {
		t.Fatal(err)
	}
	want := slices.Concat(recs...)
	got, err := contents(s)
	if err != nil || !bytes.Equal(got, want) || s.Raw != int64(len(want)) {
		t.Errorf("%d bytes, %v, %d said; want %d", len(got), err, s.Raw, len(want))
	}
	ends := map[int]bool{}
	at := 0
	for _, r := range recs {
		at += len(r)
		ends[at] = true
	}
	at = 0
	for r := s.Open(); at < len(want); {
		b, err := r.Block()
		if err != nil {
			t.Fatal(err)
		}
		if at += len(b); !ends[at] {
			t.Errorf("a block ends at %d, within a record", at)
		}
	}
	// A reader's memory serves for one segment after the other.
	r := s.Open()
	if _, err := r.Block(); err != nil {
		t.Fatal(err)
	}
	small := writeSegment(t, f, 1, []byte("small"))
	r.Reset(small)
	if b, err := r.Block(); err != nil || string(b) != "small" || !r.Segment().Same(small) {
		t.Errorf("%q, %v", b, err)
	}
}

func TestCompression(t *testing.T) {
	text := bytes.Repeat([]byte("some text that comes again "), 10_000)
	noise := make([]byte, len(text))
	_, _ = rand.NewChaCha8([32]byte{1}).Read(noise)
	if s := writeSegment(t, create(t, nil), 1, text); s.end > s.Raw/4 {
		t.Errorf("text takes %d of %d bytes", s.end, s.Raw)
	}
	if s := writeSegment(t, create(t, nil), 1, noise); s.end != s.Raw+headerSize {
		t.Errorf("noise takes %d for %d bytes", s.end, s.Raw)
	}
}

// A record is never cut: each block is whole records, so that a reader may begin at any block.
func TestOpenAtEveryBlock(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	f := create(t, nil)
	var recs [][]byte
	for i := range 400 {
		b := make([]byte, 2+rng.IntN(4000))
		binary.LittleEndian.PutUint16(b, uint16(i))
		recs = append(recs, b)
	}
	s := writeSegment(t, f, 400, recs...)
	var at []int64
	var blocks [][]byte
	for r := s.Open(); ; {
		b, err := r.Block()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(b) > blockSize {
			t.Errorf("a block of %d bytes", len(b))
		}
		if !r.Segment().Same(s) {
			t.Error("the reader's segment is another one")
		}
		at, blocks = append(at, r.Pos()), append(blocks, bytes.Clone(b))
	}
	if len(at) < 4 {
		t.Fatalf("%d blocks only", len(at))
	}
	if !bytes.Equal(slices.Concat(blocks...), slices.Concat(recs...)) {
		t.Error("the blocks are not the records")
	}
	next := 0
	for i, b := range blocks {
		if n := int(binary.LittleEndian.Uint16(b)); n != next {
			t.Fatalf("block %d begins with record %d, want %d", i, n, next)
		}
		for len(b) > 0 {
			b = b[len(recs[next]):] // panics if a record is cut
			next++
		}
		got, err := s.OpenAt(at[i]).Block()
		if err != nil || !bytes.Equal(got, blocks[i]) {
			t.Errorf("block %d, opened at %d: %v", i, at[i], err)
		}
	}
}

func TestMemory(t *testing.T) {
	b := []byte("records")
	s := Memory(b, 3)
	for range 2 {
		if got, err := contents(s); err != nil || string(got) != "records" || s.Rows != 3 || s.Raw != 7 {
			t.Errorf("%q, %v, %d rows, %d bytes", got, err, s.Rows, s.Raw)
		}
	}
	if got, err := s.OpenAt(0).Block(); err != nil || string(got) != "records" {
		t.Errorf("%q, %v", got, err)
	}
	f := create(t, nil)
	one, two := writeSegment(t, f, 1, b), writeSegment(t, f, 1, b)
	for _, x := range []struct {
		a, b Segment
		same bool
	}{{s, s, true}, {s, Memory([]byte("records"), 3), false}, {one, one, true}, {one, two, false}, {one, s, false}} {
		if x.a.Same(x.b) != x.same {
			t.Errorf("Same is %v", !x.same)
		}
	}
}

// lengthsAlike is a record whose stored and raw lengths differ in one byte only.
func lengthsAlike(t *testing.T, noise []byte) []byte {
	for n := 256; n < 4096; n++ {
		b := append(bytes.Repeat([]byte{'z'}, n), noise...)
		s := writeSegment(t, create(t, nil), 1, b)
		if stored := s.end - headerSize; stored != s.Raw && stored&0xff == s.Raw&0xff {
			return b
		}
	}
	t.Fatal("there is no such record")
	return nil
}

// damaged calls try for a segment of every kind of block, after each change of one byte of its file and each
// truncation of it: change says what was done.
func damaged(t *testing.T, values func(old byte) []byte, try func(change string, s Segment, want []byte)) {
	rng := rand.New(rand.NewPCG(2, 2))
	noise := make([]byte, 600)
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	inputs := map[string][]byte{
		"one byte":   {1},
		"as it is":   noise,
		"compressed": bytes.Repeat([]byte("compress me "), 200),
		// With one byte changed, the lengths say that the block is stored as it is.
		"lengths alike": lengthsAlike(t, noise[:256]),
	}
	for name, in := range inputs {
		f := create(t, nil)
		s := writeSegment(t, f, 1, in)
		path := f.f.Name()
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := contents(s); err != nil || !bytes.Equal(got, in) {
			t.Fatalf("%s: %v", name, err)
		}
		for at, old := range whole {
			for _, v := range values(old) {
				if _, err := f.f.WriteAt([]byte{v}, int64(at)); err != nil {
					t.Fatal(err)
				}
				try(fmt.Sprintf("%s: byte %d of %d from %#x to %#x", name, at, len(whole), old, v), s, in)
			}
			if _, err := f.f.WriteAt([]byte{old}, int64(at)); err != nil {
				t.Fatal(err)
			}
		}
		for n := len(whole) - 1; n >= 0; n-- {
			if err := os.Truncate(path, int64(n)); err != nil {
				t.Fatal(err)
			}
			try(fmt.Sprintf("%s: cut to %d of %d bytes", name, n, len(whole)), s, in)
		}
	}
}

// Whatever happens to one byte of a file, or to its end, is an error: never other data, and never a panic.
func TestEveryDamageIsAnError(t *testing.T) {
	tried := 0
	all := func(old byte) []byte {
		var vs []byte
		for v := range 256 {
			if byte(v) != old {
				vs = append(vs, byte(v))
			}
		}
		return vs
	}
	damaged(t, all, func(change string, s Segment, _ []byte) {
		tried++
		got, err := contents(s)
		if !errors.Is(err, ErrCorrupt) || len(got) > 0 {
			t.Errorf("%s: %d bytes, error %v", change, len(got), err)
		}
	})
	t.Logf("%d kinds of damage", tried)
}

// The error says which file it is, where in it, and that the file is damaged.
func TestDamageIsNamed(t *testing.T) {
	f := create(t, nil)
	writeSegment(t, f, 1, []byte("before"))
	s := writeSegment(t, f, 1, []byte("some records"))
	if _, err := f.f.WriteAt([]byte{'S'}, s.off+headerSize); err != nil {
		t.Fatal(err)
	}
	_, err := s.Open().Block()
	for _, part := range []string{f.f.Name(), fmt.Sprint("offset ", s.off), "checksum", ErrCorrupt.Error()} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not say %q", err, part)
		}
	}
	// What comes before it is as it was, and a reader that has failed fails again.
	r := s.Open()
	for range 2 {
		if _, err := r.Block(); !errors.Is(err, ErrCorrupt) {
			t.Errorf("error %v", err)
		}
	}
}

func TestRemoval(t *testing.T) {
	dir := t.TempDir()
	f, err := Create(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := writeSegment(t, f, 1, []byte("record"))
	if found, _ := os.ReadDir(dir); len(found) != 1 {
		t.Errorf("%d files", len(found))
	}
	for range 2 {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	if found, _ := os.ReadDir(dir); len(found) != 0 {
		t.Errorf("left behind: %v", found)
	}
	if _, err := s.Open().Block(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("reading what has been closed: %v", err)
	}
	if err := f.Writer().Append([]byte("record")); err != nil {
		t.Error(err)
	}
	w := f.Writer()
	_ = w.Append([]byte("record"))
	if _, err := w.Close(1); !errors.Is(err, os.ErrClosed) {
		t.Errorf("writing to what has been closed: %v", err)
	}
}

func TestNoDirectory(t *testing.T) {
	_, err := Create(filepath.Join(t.TempDir(), "nowhere"), nil)
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "temporary directory") {
		t.Errorf("error %v", err)
	}
}

// A disk that is full is an error that says where there is no room and what to do.
func TestFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("needs /dev/full, which is always full")
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("opening /dev/full: %v", err)
	}
	defer func() { _ = full.Close() }()
	var stats Stats
	w := (&File{f: full, stats: &stats}).Writer()
	for err == nil { // it fails when the first block is full
		err = w.Append(make([]byte, 1000))
	}
	for _, part := range []string{"/dev", "no space left", "free space", "budget"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not say %q", err, part)
		}
	}
	if stats.Written.Load() != 0 {
		t.Errorf("counted %d bytes", stats.Written.Load())
	}
}

// FuzzReader gives the reader files that nobody has written.
func FuzzReader(f *testing.F) {
	seed := create(f, nil)
	writeSegment(f, seed, 1, bytes.Repeat([]byte("compress me "), 50))
	writeSegment(f, seed, 1, []byte("short"))
	b, err := os.ReadFile(seed.f.Name())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b, 0)
	f.Add(b[:len(b)-2], 3)
	f.Add([]byte{}, 0)
	f.Add(bytes.Repeat([]byte{0}, 64), 0)
	f.Fuzz(func(t *testing.T, b []byte, at int) {
		file := create(t, nil)
		if _, err := file.f.WriteAt(b, 0); err != nil {
			t.Fatal(err)
		}
		if at < 0 || at >= len(b) {
			at = 0
		}
		r := Segment{file: file, end: int64(len(b)) + 5}.OpenAt(int64(at)) // longer than the file is
		for blocks := 0; ; blocks++ {
			block, err := r.Block()
			if err == nil && blocks <= len(b)/headerSize {
				if len(block) > maxBlock {
					t.Fatalf("a block of %d bytes", len(block))
				}
				continue
			}
			if !errors.Is(err, ErrCorrupt) { // there is no end but the file's, which comes too early
				t.Fatalf("error %v after %d blocks", err, blocks)
			}
			return
		}
	})
}
