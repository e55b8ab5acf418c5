package iotest

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/millrace-go/millrace/io/filesystem"
	"github.com/millrace-go/millrace/io/filesystem/local"
	"github.com/millrace-go/millrace/io/filesystem/memfs"
)

// place is an empty directory of a file system.
type place struct {
	filesystem.FileSystem
	dir  string
	list func() []string // the paths of all files, temporary ones included
}

// set is the place's file system, and f around it, as transforms are given it.
func (p place) set(f filesystem.FileSystem) filesystem.Set {
	if scheme, _, ok := strings.Cut(p.dir, "://"); ok {
		return filesystem.Set{scheme: f}
	}
	return filesystem.Set{"": f}
}

func onDisk(t *testing.T) place {
	dir := filepath.ToSlash(t.TempDir())
	return place{local.FileSystem{}, dir, func() []string {
		var all []string
		err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				all = append(all, filepath.ToSlash(p))
			}
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
		return all
	}}
}

func inMemory(*testing.T) place {
	m := &memfs.FileSystem{}
	return place{m, "mem://dir", m.Paths}
}

// below is a directory of the place: name has no special characters.
func (p place) below(name string) place {
	dir := p.dir + "/" + name
	return place{p.FileSystem, dir, func() []string {
		all := p.list()
		return slices.DeleteFunc(all, func(f string) bool { return !strings.HasPrefix(f, dir+"/") })
	}}
}

// eachPlace runs a test on this machine's file system and on one in memory.
func eachPlace(t *testing.T, f func(t *testing.T, p place)) {
	t.Run("local", func(t *testing.T) { f(t, onDisk(t)) })
	t.Run("memory", func(t *testing.T) { f(t, inMemory(t)) })
}

// put writes a file, whatever is there.
func (p place) put(t *testing.T, path string, b []byte) {
	t.Helper()
	w, err := p.Create(t.Context(), path)
	if err == nil {
		_, err = w.Write(b)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// contents is every file and what is in it.
func (p place) contents(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, path := range p.list() {
		b, err := filesystem.ReadAll(context.Background(), p.FileSystem, path, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		all[path] = string(b)
	}
	return all
}

// entries is the names in a directory of this machine.
func entries(t *testing.T, dir string) []string {
	t.Helper()
	es, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range es {
		names = append(names, e.Name())
	}
	return names // os.ReadDir sorts
}
