// Package fileset writes sets of files that are seen whole or not at all, and finds them again.
//
// The files of a set, its shards, are called PATH-00000-of-00004 and so on. They are written under temporary
// names in the same directory and renamed when all of them are there; the set is complete when its marker
// PATH-_SUCCESS appears, which is written last, by put-if-absent, and says what belongs to the set. Whoever
// reads a set that has a marker reads exactly that.
//
// Replacing a set removes the old marker first, then puts the new shards in place and removes the old ones, and
// writes the new marker last: all of that when the new shards are complete, so that a job that fails leaves the
// old set as it was. A process that dies in between leaves a set without a marker, or a whole one.
package fileset

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/zeebo/xxh3"

	"github.com/millrace-go/millrace/io/filesystem"
)

// ErrExists is wrapped by the error of writing where there is a set already.
var ErrExists = errors.New("there is a result already; remove it, choose another path, or set Overwrite")

// ErrIncomplete is wrapped by the error of reading a set that is not what its marker says.
var ErrIncomplete = errors.New("the set is not what its marker says")

// MarkerSuffix ends the name of a set's marker.
const MarkerSuffix = "-_SUCCESS"

// Target is a set that is being written.
type Target struct {
	FS        filesystem.FileSystem
	Path      string // what the names of shards and marker begin with
	Suffix    string // what the names of shards end with, as ".gz"
	Overwrite bool
	JobID     string // tells the temporary files of jobs apart
}

// Shard describes a file that has been written under its temporary name. It can be sent between workers.
type Shard struct {
	Temp     string
	Rows     int64
	Bytes    int64
	Checksum string // xxh3-64 of the bytes, in hexadecimal
}

// File is a shard of a complete set.
type File struct {
	Name     string `json:"name"` // relative to the marker's directory
	Rows     int64  `json:"rows"`
	Bytes    int64  `json:"bytes"`
	Checksum string `json:"xxh3"`
}

// Manifest is the contents of a marker.
type Manifest struct {
	JobID string `json:"job"`
	Files []File `json:"files"`
	Rows  int64  `json:"rows"`
	Bytes int64  `json:"bytes"`
}

// Marker is the path of the set's marker.
func (t Target) Marker() string { return t.Path + MarkerSuffix }

// isShard reports whether name is that of a shard of a set with the given base name and suffix.
func isShard(name, base, suffix string) (set string, ok bool) {
	rest, ok := strings.CutSuffix(name, suffix)
	if !ok {
		return "", false
	}
	i := strings.LastIndex(rest, "-of-")
	if i < 6 || len(rest)-i-4 < 5 {
		return "", false
	}
	if _, err := strconv.Atoi(rest[i+4:]); err != nil {
		return "", false
	}
	j := strings.LastIndexByte(rest[:i], '-')
	if j < 0 || i-j-1 < 5 {
		return "", false
	}
	if _, err := strconv.Atoi(rest[j+1 : i]); err != nil {
		return "", false
	}
	return rest[:j], base == "" || rest[:j] == base
}

// Check refuses, with an error that is [ErrExists], a target where there is a result, unless it is to be
// overwritten, and one that cannot be written to. It removes what dead processes have left there.
func (t Target) Check(ctx context.Context) error {
	if j, ok := t.FS.(filesystem.Janitor); ok {
		if _, err := j.RemoveStale(ctx, t.Path); err != nil {
			return fmt.Errorf("fileset: %s: %w", t.Path, err)
		}
	}
	if !t.Overwrite {
		switch _, err := t.FS.Stat(ctx, t.Marker()); {
		case err == nil:
			return fmt.Errorf("fileset: %s: %w", t.Path, ErrExists)
		case !errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("fileset: %s: %w", t.Path, err)
		}
		old, err := t.existing(ctx)
		if err != nil {
			return err
		}
		if len(old) > 0 {
			return fmt.Errorf("fileset: %s: %w (found %s)", t.Path, ErrExists, old[0])
		}
	}
	// Writing and taking back tells now what would fail at the end.
	w, err := t.FS.Create(ctx, t.temp("check"))
	if err != nil {
		return fmt.Errorf("fileset: %s cannot be written to: %w", t.Path, err)
	}
	if err := w.Abort(); err != nil {
		return fmt.Errorf("fileset: %s cannot be written to: %w", t.Path, err)
	}
	return nil
}

func (t Target) existing(ctx context.Context) ([]string, error) {
	found, err := t.FS.Glob(ctx, escape(t.Path)+"-*")
	if err != nil {
		return nil, fmt.Errorf("fileset: %s: %w", t.Path, err)
	}
	var out []string
	for _, f := range found {
		if _, ok := isShard(path.Base(f.Path), path.Base(t.Path), t.Suffix); ok {
			out = append(out, f.Path)
		}
	}
	return out, nil
}

func escape(p string) string {
	return strings.NewReplacer("*", "[*]", "?", "[?]", "[", "[[]").Replace(p)
}

var serial atomic.Int64

func (t Target) temp(unique string) string {
	dir, base := path.Split(t.Path)
	return dir + filesystem.TempName(base, t.JobID+"-"+unique+strconv.FormatInt(serial.Add(1), 10))
}

// ShardWriter writes one shard. It belongs to one goroutine.
type ShardWriter struct {
	w     filesystem.Writer
	path  string // of the set
	temp  string
	sum   hash.Hash64
	bytes int64
	Rows  int64 // counted by the caller
}

// NewShard begins a shard.
func (t Target) NewShard(ctx context.Context) (*ShardWriter, error) {
	temp := t.temp("")
	w, err := t.FS.Create(ctx, temp)
	if err != nil {
		return nil, fmt.Errorf("fileset: %s: %w", t.Path, err)
	}
	return &ShardWriter{w: w, path: t.Path, temp: temp, sum: xxh3.New()}, nil
}

// Write implements [io.Writer].
func (w *ShardWriter) Write(b []byte) (int, error) {
	n, err := w.w.Write(b)
	w.bytes += int64(n)
	_, _ = w.sum.Write(b[:n]) // never fails
	if err != nil {
		err = fmt.Errorf("fileset: %s: %w", w.path, err)
	}
	return n, err
}

// Close makes the shard durable under its temporary name.
func (w *ShardWriter) Close() (Shard, error) {
	if err := w.w.Close(); err != nil {
		return Shard{}, fmt.Errorf("fileset: %s: %w", w.path, err)
	}
	return Shard{Temp: w.temp, Rows: w.Rows, Bytes: w.bytes, Checksum: fmt.Sprintf("%016x", w.sum.Sum64())}, nil
}

// Abort removes what has been written.
func (w *ShardWriter) Abort() error { return w.w.Abort() }

// Commit makes the set: it renames the shards and writes the marker. Without shards there is one empty one. It
// may be called again after a failure, with the same shards; if the marker is there and names them, it has
// succeeded before. Unless Overwrite is set it changes nothing where another result has appeared since Check, and
// returns an error that is [ErrExists].
func (t Target) Commit(ctx context.Context, shards []Shard) (Manifest, error) {
	m := Manifest{JobID: t.JobID}
	fail := func(err error) (Manifest, error) {
		return m, fmt.Errorf("fileset: completing %s: %w", t.Path, err)
	}
	if err := ctx.Err(); err != nil {
		return fail(context.Cause(ctx))
	}
	ctx = context.WithoutCancel(ctx) // a set that has begun to appear appears whole
	if len(shards) == 0 {
		w, err := t.NewShard(ctx)
		if err != nil {
			return fail(err)
		}
		s, err := w.Close()
		if err != nil {
			return fail(err)
		}
		shards = []Shard{s}
	}
	shards = slices.Clone(shards)
	slices.SortFunc(shards, func(a, b Shard) int { return strings.Compare(a.Temp, b.Temp) })
	names := make([]string, len(shards))
	for i, s := range shards {
		names[i] = fmt.Sprintf("%s-%05d-of-%05d%s", t.Path, i, len(shards), t.Suffix)
		m.Files = append(m.Files, File{Name: path.Base(names[i]), Rows: s.Rows, Bytes: s.Bytes, Checksum: s.Checksum})
		m.Rows += s.Rows
		m.Bytes += s.Bytes
	}
	have, err := readMarker(ctx, t.FS, t.Marker())
	switch {
	case err == nil && have.JobID == t.JobID && slices.Equal(have.Files, m.Files):
		return have, nil
	case errors.Is(err, fs.ErrNotExist):
	case err != nil && !errors.Is(err, ErrIncomplete):
		return fail(err)
	case !t.Overwrite:
		return fail(ErrExists)
	}
	old, err := t.existing(ctx)
	if err != nil {
		return fail(err)
	}
	if t.Overwrite {
		err = t.FS.Remove(ctx, t.Marker())
	} else {
		err = t.own(ctx, old, names, shards)
	}
	if err != nil {
		return fail(err)
	}
	for i, s := range shards {
		err := t.FS.Rename(ctx, s.Temp, names[i])
		if errors.Is(err, fs.ErrNotExist) {
			// An attempt before this one may have renamed it.
			if in, serr := t.FS.Stat(ctx, names[i]); serr == nil && in.Size == s.Bytes {
				err = nil
			}
		}
		if err != nil {
			return fail(err)
		}
	}
	for _, p := range old {
		if !slices.ContainsFunc(names, func(n string) bool { return path.Base(n) == path.Base(p) }) {
			if err := t.FS.Remove(ctx, p); err != nil {
				return fail(err)
			}
		}
	}
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fail(err)
	}
	if err := t.FS.PutIfAbsent(ctx, t.Marker(), append(b, '\n')); err != nil {
		return fail(err)
	}
	return m, nil
}

// own returns an error that is ErrExists if one of the files old is not a shard that an attempt before this one has
// renamed: such a shard has no temporary file any more.
func (t Target) own(ctx context.Context, old, names []string, shards []Shard) error {
	for _, p := range old {
		i := slices.IndexFunc(names, func(n string) bool { return path.Base(n) == path.Base(p) })
		if i >= 0 {
			if _, err := t.FS.Stat(ctx, shards[i].Temp); errors.Is(err, fs.ErrNotExist) {
				continue
			} else if err != nil {
				return err
			}
		}
		return fmt.Errorf("%w (found %s)", ErrExists, p)
	}
	return nil
}

// Discard removes shards that will not be committed.
func (t Target) Discard(ctx context.Context, shards []Shard) error {
	var errs []error
	for _, s := range shards {
		errs = append(errs, t.FS.Remove(ctx, s.Temp))
	}
	return errors.Join(errs...)
}

func readMarker(ctx context.Context, f filesystem.FileSystem, p string) (Manifest, error) {
	var m Manifest
	b, err := filesystem.ReadAll(ctx, f, p, 64<<20)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return m, fmt.Errorf("%s: %w: %w", p, ErrIncomplete, err)
	}
	return m, nil
}
