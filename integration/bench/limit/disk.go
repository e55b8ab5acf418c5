package limit

import (
	"errors"
	"io"
	"os"

	"github.com/millrace-go/millrace/integration/bench/data"
)

// Disk writes n bytes to a file in dir, syncs it and reads it back: the speed of the disk, or of what the operating
// system keeps of it in memory, as it would be for a program that spills n bytes.
func Disk(dir string, n int64) (err error) {
	f, err := os.CreateTemp(dir, "disk-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	block := make([]byte, 1<<20)
	data.Fill(block, 1)
	for left := n; left > 0; left -= int64(len(block)) {
		if _, err := f.Write(block[:min(left, int64(len(block)))]); err != nil {
			return err
		}
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{f}, block)
	return err
}
