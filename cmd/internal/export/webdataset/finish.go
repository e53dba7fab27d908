package webdataset

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/posixfile"

	"github.com/opensandwich/oi/cmd/internal/export/classlist"
	"github.com/opensandwich/oi/cmd/internal/export/newfile"
	"github.com/opensandwich/oi/cmd/internal/export/provenance"
)

// A manifest is the file .oi.json in a set: which run the files of each pattern
// are of.
type manifest struct {
	Version int              `json:"version"`
	Tars    map[string]entry `json:"tars"`
}

type entry struct {
	Trails []provenance.Trail `json:"trails"`
}

const manifestVersion = 1

// readManifest returns an empty one if there is none.
func readManifest(dir string) (*manifest, error) {
	m := &manifest{}
	ok, err := provenance.Read(dir, m)
	if err != nil {
		return nil, err
	}
	if ok && (m.Version != manifestVersion || m.Tars == nil) {
		return nil, fmt.Errorf("%s is of another program or version", filepath.Join(dir, provenance.Name))
	}
	for key, e := range m.Tars {
		if len(e.Trails) == 0 {
			return nil, fmt.Errorf("%s has no trail of %s", filepath.Join(dir, provenance.Name), key)
		}
	}
	if m.Tars == nil {
		m.Tars = map[string]entry{}
	}
	m.Version = manifestVersion
	return m, nil
}

// A Summary says what was written.
type Summary struct {
	Classes int
	Sets    []Set
	Removed []string // files of a former run of the same
}

// A Set says what was written of one set.
type Set struct {
	Name           string
	Files, Samples int
	first, last    string // paths
	before, after  string
	ending         string
	unlabelled     bool // some samples have no class
}

// Finish makes the files appear.
func (w *Writer) Finish(ctx context.Context) (*Summary, error) {
	final := w.finalClasses()
	numbers := make([]int, len(w.classes))
	for i, c := range w.classes {
		numbers[i] = slices.Index(final, c.name)
	}
	for _, s := range w.sets {
		if err := s.end(); err != nil {
			return nil, err
		}
		for _, shard := range s.shards {
			if err := shard.renumber(w.classes, numbers); err != nil {
				return nil, err
			}
		}
	}
	var out *Summary
	err := provenance.Locked(ctx, w.name.dir, func(error) {}, func() (err error) { // New has warned
		out, err = w.publish(final)
		return err
	})
	return out, err
}

// publish gives the files their names, after all is checked. The caller has the
// folder's lock.
func (w *Writer) publish(classes []string) (*Summary, error) {
	text := []byte(classlist.Text(classes))
	manifests := map[string]*manifest{}
	for _, set := range setNames() {
		if err := w.checkPublish(set, text, manifests); err != nil {
			return nil, err
		}
	}
	out := &Summary{Classes: len(classes)}
	for _, set := range setNames() {
		there, err := w.files(set)
		if err != nil {
			return nil, err
		}
		s := w.sets[set]
		if s == nil && len(there) == 0 {
			continue
		}
		// A run that is killed from here on is the one that the file
		// names: the same line again completes.
		dir, m := w.name.folder(set), manifests[set]
		m.Tars[w.key()] = entry{w.trails}
		if s == nil {
			delete(m.Tars, w.key())
		}
		if err := provenance.Write(dir, m); err != nil {
			return nil, err
		}
		if s != nil {
			if err := newfile.Replace(filepath.Join(dir, classlist.FileName), text); err != nil {
				return nil, err
			}
			for _, shard := range s.shards {
				if err := posixfile.Rename(newfile.Part(shard.path), shard.path); err != nil {
					return nil, err
				}
				there = slices.DeleteFunc(there, func(path string) bool { return path == shard.path })
			}
			out.Sets = append(out.Sets, w.summary(s))
		}
		for _, stale := range there {
			if err := posixfile.Remove(stale); err != nil {
				return nil, err
			}
		}
		out.Removed = append(out.Removed, there...)
	}
	return out, nil
}

// checkPublish returns an error if files would be replaced or mixed that are not
// of this run.
func (w *Writer) checkPublish(set string, classes []byte, manifests map[string]*manifest) error {
	dir := w.name.folder(set)
	m, err := readManifest(dir)
	if err != nil {
		if !w.Force {
			return &provenance.Problem{Err: err, Next: "name other files, or replace these with --force"}
		}
		m = &manifest{Version: manifestVersion, Tars: map[string]entry{}}
	}
	manifests[set] = m
	there, err := w.files(set)
	if err != nil || w.Force {
		return err
	}
	if len(there) > 0 {
		e := m.Tars[w.key()]
		same := func(a, b []provenance.Trail) bool {
			return !slices.ContainsFunc(a, func(t provenance.Trail) bool { return !slices.ContainsFunc(b, t.Equal) })
		}
		if !same(e.Trails, w.trails) || !same(w.trails, e.Trails) {
			return &provenance.Problem{Err: fmt.Errorf("%s is of another run, of other streams", there[0]), Next: "name other files, or replace these with --force"}
		}
		if w.Part {
			if err := w.checkPiece(set, there); err != nil {
				return err
			}
		}
	}
	old, err := os.ReadFile(filepath.Join(dir, classlist.FileName))
	if errors.Is(err, fs.ErrNotExist) || w.sets[set] == nil {
		return nil
	}
	if err != nil {
		return err
	}
	for other := range m.Tars {
		if other != w.key() && !bytes.Equal(old, classes) {
			return &provenance.Problem{Err: fmt.Errorf("%s has other classes: the numbers in %s are theirs", filepath.Join(dir, classlist.FileName), other), Next: "write them into another folder, or all of them with one oi-crop"}
		}
	}
	return nil
}

// checkPiece returns an error if the files of a piece are not those that are
// there: another piece of the run may have written them.
func (w *Writer) checkPiece(set string, there []string) error {
	var mine []string
	if s := w.sets[set]; s != nil {
		for _, shard := range s.shards {
			mine = append(mine, shard.path)
		}
	}
	equal := len(mine) == len(there)
	for _, path := range mine {
		if !equal {
			break
		}
		same, err := sameFiles(path, newfile.Part(path))
		if err != nil {
			return err
		}
		equal = same
	}
	if !equal {
		return &provenance.Problem{Err: fmt.Errorf("%s is there already, of another piece", there[0]), Next: "give each piece names of its own, such as --tar 'crops-{#}-%06d.tar' in parallel"}
	}
	return nil
}

func sameFiles(a, b string) (same bool, err error) {
	var files [2]*bufio.Reader
	for i, path := range []string{a, b} {
		file, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		defer file.Close() // only read from
		files[i] = bufio.NewReaderSize(file, 64<<10)
	}
	for {
		x, err1 := files[0].ReadByte()
		y, err2 := files[1].ReadByte()
		switch {
		case errors.Is(err1, io.EOF) && errors.Is(err2, io.EOF):
			return true, nil
		case errors.Is(err1, io.EOF) || errors.Is(err2, io.EOF) || err1 == nil && err2 == nil && x != y:
			return false, nil
		case err1 != nil || err2 != nil:
			return false, errors.Join(err1, err2)
		}
	}
}

func (w *Writer) summary(s *set) Set {
	n := len(s.shards)
	out := Set{
		Name: s.name, Files: n, first: s.shards[0].path, last: s.shards[n-1].path,
		before: filepath.Join(w.name.folder(s.name), w.name.before), after: w.name.after, ending: w.Ending,
	}
	for _, shard := range s.shards {
		out.Samples += len(shard.samples)
		for _, sample := range shard.samples {
			out.unlabelled = out.unlabelled || sample.class < 0
		}
	}
	return out
}

// ReadLine is a line of Python that reads the set.
func (s Set) ReadLine() string {
	path := s.first
	if s.Files > 1 {
		number := func(path string) string { return strings.TrimSuffix(strings.TrimPrefix(path, s.before), s.after) }
		path = s.before + "{" + number(s.first) + ".." + number(s.last) + "}" + s.after
	}
	with := "cls"
	if s.unlabelled {
		with = "json"
	}
	return fmt.Sprintf(`webdataset.WebDataset(%s).decode("pil").to_tuple("%s", "%s")`, strconv.QuoteToGraphic(filepath.ToSlash(path)), s.ending, with)
}
