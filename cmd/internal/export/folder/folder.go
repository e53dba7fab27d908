// Package folder writes pictures as the folder tree DIR/SET/CLASS/KEY.png, which
// torchvision's ImageFolder, Keras and Hugging Face's imagefolder read as it is.
//
// Every class has a folder in every set, each set a metadata.csv, and DIR a
// classes.txt. Several processes may fill one folder at the same time, and what
// they leave is what one alone would leave.
package folder

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/opensandwich/oi/cmd/internal/export/classlist"
	"github.com/opensandwich/oi/cmd/internal/export/newfile"
	pv "github.com/opensandwich/oi/cmd/internal/export/provenance"
	"github.com/opensandwich/oi/cmd/internal/export/safename"
	"github.com/opensandwich/oi/cmd/internal/filelock"
	"github.com/opensandwich/oi/record"
)

// Options say how a Folder is filled.
type Options struct {
	Path   string
	Ending string // of the pictures' names, such as "png"
	Force  bool   // add to another run's folder
	Part   bool   // the stream is a piece
	Warn   func(format string, args ...any)
}

// A Folder is where pictures go as files. Its Saw and Save may be called from
// many goroutines.
type Folder struct {
	Options
	shard  bool // the stream is a shard
	seed   maphash.Seed
	joined []trail // those of this run, which the folder now has

	mu      sync.Mutex
	taken   map[uint64]bool // hashes of the files' names, folded
	classes map[Class]bool
	names   safename.Folder // those of the classes, and what stands next to them
	tables  map[string]*table
	size    [2]int // height and width of the pictures; 0 if they differ
}

// New returns a Folder to which nothing is written yet.
func New(o Options) *Folder {
	return &Folder{
		Options: o, seed: maphash.MakeSeed(),
		taken: map[uint64]bool{}, classes: map[Class]bool{}, tables: map[string]*table{}, size: [2]int{-1, -1},
	}
}

// Begin checks that the folder belongs to the run that a header describes,
// before anything is written to it. The trail is that of the pictures, with what
// this stage has done to them.
func (f *Folder) Begin(ctx context.Context, h *record.Header) error {
	classes, err := f.knowAll(h.Classes)
	if err != nil {
		return err
	}
	trail, shard := trailOf(h.Stages)
	f.shard = f.shard || shard
	if slices.ContainsFunc(f.joined, trail.Equal) {
		return nil
	}
	return f.locked(ctx, func() error { return f.join(trail, classes) })
}

// knowAll notes classes, and returns all that are known.
func (f *Folder) knowAll(classes []record.Class) ([]Class, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range classes {
		if err := f.know(Class{c.MID, c.Name}); err != nil {
			return nil, err
		}
	}
	return slices.Collect(maps.Keys(f.classes)), nil
}

// know notes a class, unless another one's folder would be the same.
func (f *Folder) know(c Class) error {
	if f.classes[c] {
		return nil
	}
	f.classes[c] = true
	return f.collision(addClass(&f.names, c.Name))
}

func addClass(names *safename.Folder, name string) error {
	return names.Add(safename.Of(name), fmt.Sprintf("class %q", name))
}

// checkNames checks that no two things in a set, or next to the sets, have one
// name.
func (f *Folder) checkNames(classes []Class, sets []string) error {
	things := [][2]string{{metadataName, "the list of pictures"}}
	if slices.Contains(sets, "") { // classes stand next to sets
		things = append(things, [2]string{classlist.FileName, "the list of classes"})
		for _, set := range slices.Sorted(slices.Values(sets)) {
			things = append(things, [2]string{folderName(set, ""), fmt.Sprintf("set %q", set)})
		}
	}
	var names safename.Folder
	for _, thing := range things {
		if err := names.Add(thing[0], thing[1]); err != nil {
			return f.collision(err)
		}
	}
	classes = slices.SortedFunc(slices.Values(classes), func(a, b Class) int { return strings.Compare(a.Name, b.Name) })
	for _, c := range classes {
		if err := addClass(&names, c.Name); err != nil {
			return f.collision(err)
		}
	}
	return nil
}

func (f *Folder) collision(err error) error {
	if err == nil {
		return nil
	}
	return &pv.Problem{Err: fmt.Errorf("--dir %s: %w", f.Path, err), Next: "give one of them another name, as oi-boxes NAME=CLASS does, or write each into a folder of its own"}
}

// join adds this run to the folder, unless that is another run's.
func (f *Folder) join(t trail, classes []Class) error {
	refused := func(err error) error {
		return &pv.Problem{Err: fmt.Errorf("--dir %s: %w", f.Path, err), Next: "name a new folder, or add to this one all the same with --force"}
	}
	p, err := readProvenance(f.Path)
	if err != nil {
		if !f.Force {
			return refused(err)
		}
		p = nil
	}
	if p == nil {
		filled, err := hasFolders(f.Path)
		if err != nil {
			return err
		}
		if filled && !f.Force {
			return refused(errors.New("there are folders in it, and no " + provenanceName + " that says of what run"))
		}
		p = &provenance{}
	}
	// A run of several streams meets their headers one after the other.
	mayAdd := p.Trail == nil || f.Force || len(f.joined) > 0 && !p.Complete
	if !p.has(t) && !mayAdd {
		return refused(fmt.Errorf("it holds the crops of another run: %s", p.difference(t)))
	}
	known := p.has(t)
	p.add(t)
	p.merge(classes, nil)
	if err := f.checkNames(p.Classes, p.Sets); err != nil {
		return err
	}
	f.joined = append(f.joined, t)
	if known {
		return nil
	}
	return p.write(f.Path)
}

// locked calls do while this process holds the folder's lock.
func (f *Folder) locked(ctx context.Context, do func() error) error {
	err := pv.Locked(ctx, f.Path, func(err error) {
		f.Warn("--dir %s cannot be locked, so only one oi-crop at a time may write to it: %v", f.Path, err)
	}, do)
	if errors.Is(err, filelock.ErrHeld) {
		return fmt.Errorf("--dir %s: %w", f.Path, err)
	}
	return err
}

// hasFolders reports whether there is a folder below dir with anything in it,
// other than hidden ones.
func hasFolders(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if info, err := os.Stat(path); err != nil || !info.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if filled, err := hasFiles(path); filled || err != nil {
			return true, err
		}
	}
	return false, nil
}

// hasFiles reports whether a folder holds anything that is not hidden.
func hasFiles(dir string) (bool, error) {
	d, err := os.Open(dir)
	if err != nil {
		return false, err
	}
	defer d.Close() // only read from
	for {
		names, err := d.Readdirnames(64)
		if slices.ContainsFunc(names, func(name string) bool { return !strings.HasPrefix(name, ".") }) {
			return true, nil
		}
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
}

// Saw notes the set and the label of an item that came in. A set that is new
// gets a folder for every class that is known.
func (f *Folder) Saw(item *record.Item) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if item.Label != nil && item.Label.Name != "" {
		if err := f.know(Class{item.Label.MID, item.Label.Name}); err != nil {
			return err
		}
	}
	if f.tables[item.Set] != nil {
		return nil
	}
	f.tables[item.Set] = newTable()
	classes := slices.Collect(maps.Keys(f.classes))
	if err := f.checkNames(classes, slices.Collect(maps.Keys(f.tables))); err != nil {
		return err
	}
	for _, c := range classes {
		if err := os.MkdirAll(filepath.Join(f.Path, folderName(item.Set, c.Name)), 0o777); err != nil {
			return err
		}
	}
	return nil
}

// Save writes the item's picture, the bytes of a file, whole or not at all. Two
// items of one name are an error: which of them stayed would depend on the
// order of the work.
func (f *Folder) Save(item *record.Item, picture []byte) error {
	set, name := folderName(item.Set, ""), f.fileName(item)
	full := filepath.Join(f.Path, set, filepath.FromSlash(name))
	f.mu.Lock()
	sum := maphash.String(f.seed, safename.Fold(path.Join(filepath.ToSlash(set), name)))
	twice := f.taken[sum]
	f.taken[sum] = true
	if t := item.Tensor; t != nil && f.size[0] == -1 {
		f.size = [2]int{t.Shape[0], t.Shape[1]}
	} else if t == nil || f.size != [2]int{t.Shape[0], t.Shape[1]} {
		f.size = [2]int{}
	}
	f.mu.Unlock()
	if twice {
		return f.repeated(filepath.Join(set, filepath.FromSlash(name)))
	}
	if err := os.MkdirAll(filepath.Dir(full), 0o777); err != nil {
		return err
	}
	err := newfile.Create(full, picture)
	if errors.Is(err, newfile.ErrDiffers) {
		return &pv.Problem{Err: fmt.Errorf("--dir: %s: %w", full, err), Next: "it is of another run, or was changed: name a new folder, or remove the file"}
	}
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.tables[item.Set].add(cells(item, name))
}

// repeated is the error for an item whose file another item has, or has on some
// systems.
func (f *Folder) repeated(name string) error {
	if other := sibling(filepath.Join(f.Path, name)); other != "" {
		return f.collision(fmt.Errorf("%s and %s would have the same name on Windows or macOS", name, other))
	}
	return &pv.Problem{Err: fmt.Errorf("--dir: two items would be %s", name), Next: "the stream holds an item twice, perhaps because a file was given twice"}
}

// sibling returns the name of a file next to path whose name is the same on some
// systems, "" if there is none.
func sibling(path string) string {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return ""
	}
	name := filepath.Base(path)
	for _, e := range entries {
		if e.Name() != name && safename.Fold(e.Name()) == safename.Fold(name) {
			return e.Name()
		}
	}
	return ""
}

// folderName returns SET/LABEL. A level is left out where it has no name.
func folderName(set, label string) string {
	path := ""
	if set != "" {
		path = safename.Of(set)
	}
	if label != "" {
		path = filepath.Join(path, safename.Of(label))
	}
	return path
}

// fileName returns the name of an item's picture below its set: LABEL/KEY.png.
func (f *Folder) fileName(item *record.Item) string {
	label := ""
	if item.Label != nil {
		label = item.Label.Name
	}
	return path.Join(filepath.ToSlash(folderName("", label)), safename.OfItem(item)+"."+f.Ending)
}
