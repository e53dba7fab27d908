package csvscan

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/opensandwich/oi/cmd/internal/posixfile"

	"github.com/opensandwich/oi/cmd/internal/leftover"
)

// An indexTarget takes an index as it is written, in a temporary file in the
// first of some places that has room for it. When a place takes no more, what
// is written so far moves to the next one. After the last, nothing is kept,
// which is no error.
type indexTarget struct {
	places []string // the names to come
	name   string   // what the file is to be called
	file   *os.File // nil if nothing is kept
	size   int64
}

// next begins an empty file in the next place that takes one.
func (t *indexTarget) next() {
	t.file = nil
	for len(t.places) > 0 {
		t.name, t.places = t.places[0], t.places[1:]
		dir := filepath.Dir(t.name)
		if os.MkdirAll(dir, 0o777) != nil {
			continue
		}
		file, err := os.CreateTemp(dir, "."+filepath.Base(t.name)+"-*")
		if err != nil {
			continue
		}
		t.file = file
		if leftover.Sweep(t.name, "") == nil && file.Chmod(0o644) == nil {
			return
		}
		t.drop()
	}
}

// Write never fails.
func (t *indexTarget) Write(data []byte) (int, error) {
	for t.file != nil {
		if _, err := t.file.WriteAt(data, t.size); err == nil {
			t.size += int64(len(data))
			break
		}
		t.move()
	}
	return len(data), nil
}

// move takes what is written to the next place.
func (t *indexTarget) move() {
	full := t.file.Name()
	_ = t.file.Close()           // a write has failed already
	defer posixfile.Remove(full) // nobody takes it for an index
	from, err := os.Open(full)
	if err != nil {
		t.file = nil
		return
	}
	defer from.Close() // read only
	for t.next(); t.file != nil; t.next() {
		n, err := io.Copy(t.file, io.NewSectionReader(from, 0, t.size))
		if err == nil && n == t.size {
			return
		}
		t.drop()
	}
}

// keep gives the file its name, in the next place if this one refuses, and
// returns it, or "" if nothing is kept.
func (t *indexTarget) keep() (name string) {
	for t.file != nil {
		err := t.file.Close()
		if err == nil {
			err = posixfile.Rename(t.file.Name(), t.name)
		}
		if err == nil {
			t.file = nil
			return t.name
		}
		t.move()
	}
	return ""
}

// drop gives the file up.
func (t *indexTarget) drop() {
	if t.file != nil {
		_, _ = t.file.Close(), posixfile.Remove(t.file.Name())
		t.file = nil
	}
}

// spareAge is the age from which an index in a spare folder makes room for one
// of a list with the same name.
const spareAge = 30 * 24 * time.Hour

// sweepSpare removes from the spare folder what may be of earlier states of the
// file, where something with that ending has been kept there.
func (f *File) sweepSpare(kept, ending string) {
	if f.Spare == "" || filepath.Dir(kept) != f.Spare {
		return
	}
	entries, err := os.ReadDir(f.Spare)
	if err != nil {
		return // what is old only takes room
	}
	for _, e := range entries {
		state, ok := strings.CutSuffix(e.Name(), "-"+filepath.Base(f.Name())+ending)
		if !ok || len(state) != len(fingerprint{}.name()) || e.Name() == filepath.Base(kept) {
			continue
		}
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > spareAge {
			_ = leftover.Remove(filepath.Join(f.Spare, e.Name())) // as above
		}
	}
}
