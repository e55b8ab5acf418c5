package main

import (
	"fmt"
	"hash/maphash"
	"os"
	"path/filepath"
	"time"
)

// calibrate says how fast the machine is now, so that figures of different machines and days can be compared.
func calibrate(dir string, s sizes) (string, error) {
	const hashes = 20_000_000
	seed := maphash.MakeSeed()
	start := time.Now()
	var sink uint64
	for range hashes {
		sink += maphash.String(seed, "8 bytes.")
	}
	hash := float64(time.Since(start).Nanoseconds()) / hashes

	a, b := make([]byte, 64<<20), make([]byte, 64<<20)
	copy(a, b) // touch the memory
	const copies = 16
	start = time.Now()
	for range copies {
		copy(a, b)
	}
	move := copies * float64(len(a)) / time.Since(start).Seconds() / 1e9
	a[0] = byte(sink) // so that the loop above stays

	write, read, err := diskSpeed(filepath.Join(dir, "disk"), a, max(s.spill/8, int64(len(a))))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("maphash.String of 8 bytes %.1f ns, memmove %.1f GB/s, disk write and sync %.0f MB/s, read back %.0f MB/s",
		hash, move, write/1e6, read/1e6), nil
}

// diskSpeed writes about n bytes to a file, syncs it and reads it back, in bytes a second. What is read back comes
// from the operating system's cache if there is room for it.
func diskSpeed(path string, block []byte, n int64) (write, read float64, err error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, 0, err
	}
	defer func() {
		_ = f.Close() // what it holds is not needed
		_ = os.Remove(path)
	}()
	blocks := n / int64(len(block))
	start := time.Now()
	for range blocks {
		if _, err := f.Write(block); err != nil {
			return 0, 0, err
		}
	}
	if err := f.Sync(); err != nil {
		return 0, 0, err
	}
	write = float64(blocks*int64(len(block))) / time.Since(start).Seconds()
	start = time.Now()
	for i := range blocks {
		if _, err := f.ReadAt(block, i*int64(len(block))); err != nil {
			return 0, 0, err
		}
	}
	read = float64(blocks*int64(len(block))) / time.Since(start).Seconds()
	return write, read, nil
}
