package oracle

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// maxLine is the longest result line that can be read, in bytes.
const maxLine = 1 << 20

var shardForm = regexp.MustCompile(`^-(\d+)-of-(\d+)$`)

// Files returns the files that hold the result written to path, sorted by name: path itself, or all its shards
// path-00000-of-00004 and so on. Other files beside them, such as path-_SUCCESS, are no result. It is an error if there
// are none, if some of the shards are missing, and if there are shards of two numbers or shards and the file itself;
// errors.Is(err, fs.ErrNotExist) tells the first.
func Files(path string) ([]string, error) {
	dir, base := filepath.Split(path)
	entries, err := os.ReadDir(filepath.Clean(dir))
	if err != nil {
		return nil, fmt.Errorf("oracle: looking for results: %w", err)
	}
	var files []string
	shards := map[int]bool{}
	total := -1 // 0 stands for a single file
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), base)
		if !ok {
			continue
		}
		of := 0
		if rest != "" {
			form := shardForm.FindStringSubmatch(rest)
			if form == nil {
				continue
			}
			shard, err1 := strconv.Atoi(form[1])
			n, err2 := strconv.Atoi(form[2])
			if err := errors.Join(err1, err2); err != nil {
				return nil, fmt.Errorf("oracle: result %s: %w", e.Name(), err)
			}
			if shard >= n {
				return nil, fmt.Errorf("oracle: result %s: there is no such shard", e.Name())
			}
			shards[shard] = true
			of = n
		}
		if total >= 0 && total != of {
			return nil, fmt.Errorf("oracle: results of two runs at %s: %s and %s", path, filepath.Base(files[0]), e.Name())
		}
		total = of
		files = append(files, filepath.Join(dir, e.Name()))
	}
	switch {
	case total < 0:
		return nil, fmt.Errorf("oracle: results at %s: %w", path, fs.ErrNotExist)
	case total != len(shards):
		return nil, fmt.Errorf("oracle: results at %s: %d of %d shards", path, len(shards), total)
	}
	slices.Sort(files)
	return files, nil
}

// readLines calls f with each line of a file, without its end, and with its place, for errors.
func readLines(file string, f func(place, text string) error) (err error) {
	in, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("oracle: reading a result: %w", err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		if err := f(fmt.Sprintf("%s:%d", file, n), lines.Text()); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("oracle: reading %s: %w", file, err)
	}
	return nil
}

// readRows calls f with the fields of each row of a file, in canonical form, and with its place, for errors.
func readRows(file string, f func(place string, row fields) error) error {
	return readLines(file, func(place, text string) error {
		row, err := parse(text)
		if err != nil {
			return fmt.Errorf("oracle: %s: %w: %.200s", place, err, text)
		}
		return f(place, row)
	})
}
