package oracle

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// successName is the empty file that marks a complete partition.
const successName = "_SUCCESS"

var (
	dayForm       = regexp.MustCompile(`^day=\d{4}-\d\d-\d\d$`)
	partitionForm = regexp.MustCompile(`^day=(\d{4}-\d\d-\d\d)/minute=(\d\d)-(\d\d)$`)
)

// readPartitions returns the rows of query 10 below dir. Every file must be a .jsonl file of a partition's rows, or the
// empty marker of a partition; every partition must have its marker. A directory that does not exist has no rows.
func readPartitions(dir string) ([]string, error) {
	var rows []string
	marked, needed := map[string]bool{}, map[string]bool{}
	err := filepath.WalkDir(dir, func(file string, e fs.DirEntry, err error) error {
		if file == dir && errors.Is(err, fs.ErrNotExist) {
			return fs.SkipAll
		}
		if err != nil || file == dir {
			return err
		}
		rel, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if e.IsDir() {
			needed[rel] = partitionForm.MatchString(rel)
			if !needed[rel] && !dayForm.MatchString(rel) {
				return fmt.Errorf("oracle: %s is no partition", file)
			}
			return nil
		}
		partition, name := path.Dir(rel), path.Base(rel)
		form := partitionForm.FindStringSubmatch(partition)
		switch {
		case form == nil:
			return fmt.Errorf("oracle: %s is in no partition", file)
		case name == successName:
			marked[partition] = true
			return checkEmpty(e, file)
		case !strings.HasSuffix(name, ".jsonl"):
			return fmt.Errorf("oracle: %s is neither rows nor a marker", file)
		}
		return readRows(file, func(place string, row fields) error {
			if row.get("day") != quote(form[1]) || row.get("minute") != quote(form[2]+":"+form[3]) {
				return fmt.Errorf("oracle: %s is in the wrong partition: %s", place, row.line())
			}
			rows = append(rows, row.line())
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	for partition, need := range needed {
		if need && !marked[partition] {
			return nil, fmt.Errorf("oracle: partition %s has no %s", filepath.Join(dir, partition), successName)
		}
	}
	return rows, nil
}

func checkEmpty(e fs.DirEntry, file string) error {
	info, err := e.Info()
	if err != nil {
		return err
	}
	if info.Size() > 0 {
		return fmt.Errorf("oracle: the marker %s has %d bytes", file, info.Size())
	}
	return nil
}
