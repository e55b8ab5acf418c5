package direct_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace-go/millrace/io/textio"
	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
)

const longLine = 200_000_000

func init() {
	children["long line"] = func(dir string) error {
		var lines, bytes atomic.Int64
		_, err := sdk.Run(context.Background(), &direct.Runner{Budget: memBudget, TempDir: dir, Log: quiet()}, func(p *sdk.Pipeline) error {
			in := textio.Read(p, filepath.Join(dir, "in.txt"))
			sdk.Map(in, func(s string) int {
				lines.Add(1)
				bytes.Add(int64(len(s)))
				return 0
			})
			return nil
		})
		if err == nil && (lines.Load() != 3 || bytes.Load() != longLine+10) {
			err = fmt.Errorf("%d lines of %d bytes", lines.Load(), bytes.Load())
		}
		return err
	}
}

// A line of 200 MB between others is read; where lines may not be so long, it is an error that says where it is and
// what to do.
func TestLongLine(t *testing.T) {
	if testing.Short() {
		t.Skip("a file of 200 MB: not with -short")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "in.txt")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, "first")
	for range longLine / 1000 {
		_, _ = w.WriteString(strings.Repeat("x", 1000))
	}
	fmt.Fprintln(w, "\nlast!")
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = sdk.Run(t.Context(), &direct.Runner{Log: quiet()}, func(p *sdk.Pipeline) error {
		textio.Read(p, path, textio.MaxLine(100_000_000))
		return nil
	})
	for _, part := range []string{path, "offset 6", textio.ErrLineTooLong.Error(), "MaxLine"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%.300v does not say %q", err, part)
		}
	}
	if raceEnabled {
		return // as much again takes too long
	}
	peak, wall := measured(t, "long line", dir)
	t.Logf("peak RSS %d MB, in %v", peak>>20, wall.Round(time.Millisecond))
	// The buffer that grows, and the line: four times the line is generous.
	if runtime.GOOS == "linux" && peak > 4*longLine {
		t.Errorf("the peak is %d MB", peak>>20)
	}
}

// A pipeline without transforms is refused: nothing has been started.
func TestNoTransforms(t *testing.T) {
	temp := t.TempDir()
	_, err := sdk.Run(t.Context(), &direct.Runner{TempDir: temp, Log: quiet()}, func(*sdk.Pipeline) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "no transforms") {
		t.Errorf("error %v", err)
	}
	if left := everything(t, temp); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// Ten thousand transforms run: one behind the other, and side by side.
func TestTenThousandTransforms(t *testing.T) {
	const n = 10_000
	add := func(i int) int { return i + 1 }
	got := collect(t, &direct.Runner{Log: quiet()}, func(p *sdk.Pipeline) sdk.PCollection[int] {
		c := sdk.Of(p, 0, 1)
		for i := range n {
			c = sdk.Map(c, add, sdk.Name(fmt.Sprint("m", i)))
		}
		return c
	})
	if fmt.Sprint(got) != fmt.Sprint([]int{n, n + 1}) {
		t.Errorf("one behind the other: %v", got)
	}
	var sum atomic.Int64
	if _, err := sdk.Run(t.Context(), &direct.Runner{Log: quiet()}, func(p *sdk.Pipeline) error {
		c := sdk.Of(p, 1)
		for i := range n {
			sdk.Map(c, func(v int) int { sum.Add(int64(v)); return v }, sdk.Name(fmt.Sprint("m", i)))
		}
		return nil
	}); err != nil || sum.Load() != n {
		t.Errorf("side by side: %v, %d", err, sum.Load())
	}
}
