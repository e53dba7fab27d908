// Package webdataset writes crops as tar files in WebDataset's form: of each
// sample KEY.png (or .jpg), KEY.json and KEY.cls, next to each other, in files
// SET/NAME-000000.tar of bounded size.
//
// The same stream makes the same files byte for byte: samples stand in the
// order of the stream, and headers hold no time and no owner. Files appear when
// the whole stream is through, each whole or not at all.
package webdataset

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/opensandwich/oi/cmd/internal/export/classlist"
	"github.com/opensandwich/oi/cmd/internal/export/provenance"
	"github.com/opensandwich/oi/cmd/internal/export/safename"
	"github.com/opensandwich/oi/cmd/internal/filelock"
	"github.com/opensandwich/oi/cmd/internal/posixfile"
	"github.com/opensandwich/oi/record"
)

// Options say how a Writer writes.
type Options struct {
	// Pattern is where the files go: their folder, which holds those of the
	// sets, and their name with one %d or %06d for their number.
	Pattern  string
	MaxBytes int64  // of a file, its end included
	MaxCount int    // samples in a file
	Ending   string // of the pictures, such as "png"
	Force    bool   // replace the files of another run
	Part     bool   // the stream is a piece: replace nothing
	Warn     func(format string, args ...any)
}

// A Writer writes tar files. Its Encode may be called from many goroutines, its
// other methods from one at a time.
type Writer struct {
	Options
	name   name
	lock   *filelock.Lock
	trails []provenance.Trail
	sets   map[string]*set
	seed   maphash.Seed
	taken  map[uint64]bool // hashes of the samples' names, folded

	mu      sync.Mutex
	known   []string // classes of the headers so far
	classes []class  // of the samples, in the order of their first
	ids     map[string]int
}

// A class is one of the samples, and the number that they were written with
// while not all classes were known.
type class struct {
	name    string
	written int
}

// A name is a pattern of file names, taken apart.
type name struct{ dir, before, verb, after string }

// pattern is a file name with one number in it.
var pattern = regexp.MustCompile(`^([^%]*)(%(?:0[1-9])?d)([^%]*)$`)

// CheckPattern returns an error for a pattern that does not name files by their
// number.
func CheckPattern(text string) error {
	_, err := parsePattern(text)
	return err
}

func parsePattern(text string) (name, error) {
	dir, base := filepath.Split(text)
	m := pattern.FindStringSubmatch(base)
	switch {
	case m == nil || strings.Contains(dir, "%"):
		return name{}, fmt.Errorf("%q: want a file name with one %%06d in it, such as crops-%%06d.tar", text)
	case !strings.HasSuffix(m[3], ".tar"):
		return name{}, fmt.Errorf("%q: want a name that ends in .tar", text)
	}
	if example := m[1] + "0" + m[3]; safename.Of(example) != example {
		return name{}, fmt.Errorf("%q: %q is no file name on every system", text, example)
	}
	return name{filepath.Clean(dir), m[1], m[2], m[3]}, nil
}

// file returns the path of a file of a set.
func (n name) file(set string, number int) string {
	return filepath.Join(n.folder(set), n.before+fmt.Sprintf(n.verb, number)+n.after)
}

func (n name) folder(set string) string {
	if set == "" {
		return n.dir
	}
	return filepath.Join(n.dir, safename.Of(set))
}

// matches reports whether a file's name is one of the pattern's.
func (n name) matches(base string) bool {
	rest, ok := strings.CutPrefix(base, n.before)
	digits, ok2 := strings.CutSuffix(rest, n.after)
	return ok && ok2 && digits != "" && strings.Trim(digits, "0123456789") == ""
}

// setNames are the sets that a record can have.
func setNames() []string { return []string{"", "test", "train", "val"} }

// New returns a Writer. Before Finish nothing of it is seen under the names of
// the pattern. Close it.
func New(o Options) (*Writer, error) {
	n, err := parsePattern(o.Pattern)
	if err != nil {
		return nil, err
	}
	w := &Writer{Options: o, name: n, sets: map[string]*set{}, seed: maphash.MakeSeed(), taken: map[uint64]bool{}, ids: map[string]int{}}
	if err := os.MkdirAll(n.dir, 0o777); err != nil {
		return nil, err
	}
	// Two runs with one pattern would take each other's files.
	lock, err := filelock.Try(filepath.Join(n.dir, "."+safename.Of(n.before+n.after)+".lock"))
	switch {
	case errors.Is(err, filelock.ErrUnsupported):
		o.Warn("%s cannot be locked, so only one oi-crop at a time may write to it: %v", n.dir, err)
	case errors.Is(err, filelock.ErrHeld):
		return nil, &provenance.Problem{Err: fmt.Errorf("another oi-crop writes %s", o.Pattern), Next: "give each a pattern of its own"}
	case err != nil:
		return nil, fmt.Errorf("lock the folder: %w", err)
	}
	w.lock = lock
	return w, nil
}

// Begin checks that the files that are there, if any, are of the run that a
// header describes. The trail is that of the pictures, with what this stage has
// done to them.
func (w *Writer) Begin(h *record.Header) error {
	trail := provenance.TrailOf(h.Stages)
	if !slices.ContainsFunc(w.trails, trail.Equal) {
		w.trails = append(w.trails, trail)
	}
	w.mu.Lock()
	for _, c := range h.Classes {
		w.known = append(w.known, c.Name)
	}
	w.mu.Unlock()
	for _, set := range setNames() {
		if err := w.checkSet(set, trail); err != nil {
			return err
		}
	}
	return nil
}

// checkSet returns an error if a set has files of another run, or whose run is
// not known.
func (w *Writer) checkSet(set string, trail provenance.Trail) error {
	there, err := w.files(set)
	if err != nil || len(there) == 0 || w.Force {
		return err
	}
	hint := "name other files, or replace these with --force"
	m, err := readManifest(w.name.folder(set))
	if err != nil {
		return &provenance.Problem{Err: err, Next: hint}
	}
	e, ok := m.Tars[w.key()]
	switch {
	case !ok:
		return &provenance.Problem{Err: fmt.Errorf("%s is there, and no %s that says of what run", there[0], provenance.Name), Next: hint}
	case !slices.ContainsFunc(e.Trails, trail.Equal):
		return &provenance.Problem{Err: fmt.Errorf("%s is of another run: %s", there[0], e.Trails[0].Difference(trail)), Next: hint}
	}
	return nil
}

// key names the pattern in a manifest.
func (w *Writer) key() string { return w.name.before + w.name.verb + w.name.after }

// files returns the files of the pattern that are in a set, sorted.
func (w *Writer) files(set string) ([]string, error) {
	return w.list(set, w.name.matches)
}

// parts returns the unfinished files of the pattern that are in a set.
func (w *Writer) parts(set string) ([]string, error) {
	return w.list(set, func(base string) bool {
		base, hidden := strings.CutPrefix(base, ".")
		base, part := strings.CutSuffix(base, ".part")
		return hidden && part && w.name.matches(base)
	})
}

func (w *Writer) list(set string, matches func(string) bool) (files []string, err error) {
	dir := w.name.folder(set)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		if matches(e.Name()) {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	return files, err
}

// finalClasses returns the classes in the order of their numbers.
func (w *Writer) finalClasses() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	names := slices.Clone(w.known)
	for _, c := range w.classes {
		names = append(names, c.name)
	}
	return classlist.Sort(slices.DeleteFunc(names, func(name string) bool { return name == "" }))
}

// Add appends a sample that Encode has made to the files of its set. The order
// of the calls is that of the samples.
func (w *Writer) Add(ctx context.Context, item *record.Item, sample []byte) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	base := safename.OfItem(item)
	sum := maphash.String(w.seed, item.Set+"/"+safename.Fold(base))
	if w.taken[sum] {
		return &provenance.Problem{Err: fmt.Errorf("two samples would be %s, or one that differs in case only", base), Next: "the stream holds an item twice, perhaps because a file was given twice"}
	}
	w.taken[sum] = true
	s := w.sets[item.Set]
	if s == nil {
		s = &set{name: item.Set}
		w.sets[item.Set] = s
	}
	id := -1
	if item.Label != nil && item.Label.Name != "" {
		id = w.classID(item.Label.Name)
		cls, err := encodeClass(base, w.classes[id].written)
		if err != nil {
			return err
		}
		sample = append(sample, cls...)
	}
	return s.append(w, sample, id)
}

// classID returns the position of a class in w.classes. A new one gets the
// number that it has among those that are known.
func (w *Writer) classID(name string) int {
	if id, ok := w.ids[name]; ok {
		return id
	}
	written := max(0, slices.Index(w.finalClasses(), name)) // 0 is as good as any: see renumber
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ids[name] = len(w.classes)
	w.classes = append(w.classes, class{name, written})
	return w.ids[name]
}

// Close removes what is not finished, and lets others write.
func (w *Writer) Close() error {
	var errs []error
	for _, s := range w.sets {
		errs = append(errs, s.close())
	}
	for _, set := range setNames() {
		parts, err := w.parts(set)
		errs = append(errs, err)
		for _, part := range parts {
			errs = append(errs, posixfile.Remove(part))
		}
	}
	if w.lock != nil {
		errs = append(errs, w.lock.Release())
		w.lock = nil
	}
	return errors.Join(errs...)
}
