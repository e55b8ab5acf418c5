package limit

import (
	"bytes"
	"errors"
	"io"
	"os"
	"sync"
)

const (
	chunk = 256 << 10
	pad   = 8 // bytes that may be read, but mean nothing, behind the lines given to a function
)

// lines calls f with pieces of a file that are whole lines, those of the first half on one goroutine with half 0,
// those of the second on another with half 1. Eight more bytes than b has may be read. A line is no longer than
// 128 KB.
func lines(path string, f func(b []byte, half int)) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return err
	}
	buf := make([]byte, chunk/2)
	n, err := file.ReadAt(buf, st.Size()/2)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	mid := st.Size()
	if i := bytes.IndexByte(buf[:n], '\n'); i >= 0 {
		mid = st.Size()/2 + int64(i) + 1
	}
	var wg sync.WaitGroup
	errs := make([]error, 2)
	for half, r := range []io.Reader{io.NewSectionReader(file, 0, mid), io.NewSectionReader(file, mid, st.Size()-mid)} {
		wg.Go(func() { errs[half] = chunks(r, func(b []byte) { f(b, half) }) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func chunks(r io.Reader, f func(b []byte)) error {
	buf := make([]byte, chunk+1+pad)
	n := 0
	for {
		k, err := r.Read(buf[n:chunk])
		n += k
		if err == io.EOF {
			if n > 0 && buf[n-1] != '\n' { // the last line may lack it
				buf[n], n = '\n', n+1
			}
			f(buf[:n])
			return nil
		}
		if err != nil {
			return err
		}
		end := bytes.LastIndexByte(buf[:n], '\n') + 1
		f(buf[:end])
		n = copy(buf, buf[end:n])
	}
}

// both runs f for the two halves of [0, n), on two goroutines.
func both(n int64, f func(lo, hi int64, half int)) {
	var wg sync.WaitGroup
	wg.Go(func() { f(0, n/2, 0) })
	wg.Go(func() { f(n/2, n, 1) })
	wg.Wait()
}
