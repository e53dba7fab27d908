package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/export/newfile"
	"github.com/opensandwich/oi/cmd/internal/export/safename"
	"github.com/opensandwich/oi/cmd/internal/filelock"
	"github.com/opensandwich/oi/cmd/internal/pix"
	"github.com/opensandwich/oi/record"
)

// keepName is the file in the folder of a class without pictures, so that
// programs that copy only files keep the folder.
const keepName = ".keep"

// lockTime is how long this process waits for others to write .oi.json. Each
// needs the lock for a moment.
const lockTime = 10 * time.Minute

// A folder is where crops go as files: DIR/SET/LABEL/KEY.png. Several processes
// may fill one folder at the same time. Its save and saw may be called from
// many goroutines.
type folder struct {
	env   *cli.Env
	path  string
	own   record.Stage // this stage in the trail
	force bool         // add to another run's folder
	part  bool         // the stream is a piece
	shard bool         // the stream is a shard
	seed  maphash.Seed

	joined []trail // the trails of this run, which the folder now has

	mu      sync.Mutex
	taken   map[uint64]bool // hashes of the files' names
	classes map[class]bool
	sets    map[string]bool
}

func newFolder(o *options, env *cli.Env) *folder {
	return &folder{
		env: env, path: o.dir, own: record.Stage{Tool: env.Name, Version: env.Version, Args: o.args()},
		force: o.force, part: o.stream.Part, seed: maphash.MakeSeed(),
		taken: map[uint64]bool{}, classes: map[class]bool{}, sets: map[string]bool{},
	}
}

// begin checks that the folder belongs to the run that a header describes,
// before anything is written to it.
func (f *folder) begin(ctx context.Context, h *record.Header) error {
	f.mu.Lock()
	for _, c := range h.Classes {
		f.classes[class{c.MID, c.Name}] = true
	}
	classes := slices.Collect(maps.Keys(f.classes))
	f.mu.Unlock()
	trail, shard := trailOf(append(slices.Clone(h.Stages), f.own))
	f.shard = f.shard || shard
	if slices.ContainsFunc(f.joined, trail.Equal) {
		return nil
	}
	return f.locked(ctx, func() error { return f.join(trail, classes) })
}

// join adds this run to the folder, unless that is another run's.
func (f *folder) join(trail trail, classes []class) error {
	refused := func(err error) error {
		return cli.WithHint(fmt.Errorf("--dir %s: %w", f.path, err), "name a new folder, or add to this one all the same with --force")
	}
	p, err := readProvenance(f.path)
	if err != nil {
		if !f.force {
			return refused(err)
		}
		p = nil
	}
	if p == nil {
		filled, err := hasFolders(f.path)
		if err != nil {
			return err
		}
		if filled && !f.force {
			return refused(errors.New("there are folders in it, and no " + provenanceName + " that says of what run"))
		}
		p = &provenance{}
	}
	// A run of several streams meets their headers one after the other.
	mayAdd := p.Trail == nil || f.force || len(f.joined) > 0 && !p.Complete
	if !p.has(trail) && !mayAdd {
		return refused(fmt.Errorf("it holds the crops of another run: %s", p.difference(trail)))
	}
	f.joined = append(f.joined, trail)
	if p.has(trail) {
		return nil
	}
	p.add(trail)
	p.merge(classes, nil)
	return p.write(f.path)
}

// locked calls do while this process holds the folder's lock.
func (f *folder) locked(ctx context.Context, do func() error) error {
	if err := os.MkdirAll(f.path, 0o777); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, lockTime, fmt.Errorf("waited for %s", lockTime))
	defer cancel()
	lock, err := filelock.Acquire(ctx, filepath.Join(f.path, ".oi.lock"))
	if errors.Is(err, filelock.ErrUnsupported) {
		f.env.Warnf("--dir %s cannot be locked, so only one oi-crop at a time may write to it: %v", f.path, err)
		return do()
	}
	if err != nil {
		return fmt.Errorf("--dir %s: lock the folder: %w", f.path, err)
	}
	return errors.Join(do(), lock.Release())
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

// saw notes the set and the label of an item that came in. A set that is new
// gets a folder for every class that is known.
func (f *folder) saw(item *record.Item) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if item.Label != nil && item.Label.Name != "" {
		f.classes[class{item.Label.MID, item.Label.Name}] = true
	}
	if f.sets[item.Set] {
		return nil
	}
	f.sets[item.Set] = true
	for c := range f.classes {
		if err := os.MkdirAll(filepath.Join(f.path, folderName(item.Set, c.Name)), 0o777); err != nil {
			return err
		}
	}
	return nil
}

// save writes the item's tensor as PNG, which keeps the very pixels that the
// stream has, whole or not at all. Two items of one name are an error: which
// of them stayed would depend on the order of the work.
func (f *folder) save(item *record.Item) error {
	name := fileName(item)
	f.mu.Lock()
	sum := maphash.String(f.seed, name)
	twice := f.taken[sum]
	f.taken[sum] = true
	f.mu.Unlock()
	if twice {
		return cli.WithHint(fmt.Errorf("--dir: two items would be %s", name), "the stream holds an item twice, perhaps because a file was given twice")
	}
	path := filepath.Join(f.path, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	var data bytes.Buffer
	if err := pix.EncodePNG(&data, item.Tensor.Data, item.Tensor.Shape[1], item.Tensor.Shape[0]); err != nil {
		return err
	}
	err := newfile.Create(path, data.Bytes())
	if errors.Is(err, newfile.ErrDiffers) {
		return cli.WithHint(fmt.Errorf("--dir: %s: %w", path, err), "it is of another run, or was changed: name a new folder, or remove the file")
	}
	return err
}

// finish gives every class a folder in every set, as programs that read folders
// number the classes of each set by its folders, and names those without a
// picture.
func (f *folder) finish(ctx context.Context) error {
	var empty map[string][]string
	err := f.locked(ctx, func() (err error) {
		p, err := readProvenance(f.path)
		if err != nil {
			return err
		}
		if p == nil { // somebody has removed it
			p = &provenance{}
		}
		for _, trail := range f.joined {
			p.add(trail)
		}
		p.merge(slices.Collect(maps.Keys(f.classes)), slices.Collect(maps.Keys(f.sets)))
		p.Complete = p.Complete || !f.part
		if err := p.write(f.path); err != nil {
			return err
		}
		empty, err = f.complete(p)
		return err
	})
	if err == nil {
		f.reportEmpty(empty)
	}
	return err
}

// complete makes the folders of all classes in all sets, with a file .keep
// where there is no picture, and returns the names of those classes by set.
func (f *folder) complete(p *provenance) (map[string][]string, error) {
	empty := map[string][]string{}
	for _, set := range p.Sets {
		for _, c := range p.Classes {
			dir := filepath.Join(f.path, folderName(set, c.Name))
			if err := os.MkdirAll(dir, 0o777); err != nil {
				return nil, err
			}
			filled, err := hasFiles(dir)
			if err != nil {
				return nil, err
			}
			keep := filepath.Join(dir, keepName)
			if filled {
				if err := os.Remove(keep); err != nil && !errors.Is(err, fs.ErrNotExist) {
					return nil, err
				}
				continue
			}
			empty[set] = append(empty[set], c.Name)
			if err := os.WriteFile(keep, nil, 0o666); err != nil {
				return nil, err
			}
		}
	}
	return empty, nil
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

// reportEmpty names the classes without pictures, and what to do about them.
// For a piece or a shard it is no warning: others may have pictures of them.
func (f *folder) reportEmpty(empty map[string][]string) {
	say, soFar := f.env.Warnf, ""
	if f.part || f.shard {
		say, soFar = f.env.Infof, " so far"
	}
	for _, set := range slices.Sorted(maps.Keys(empty)) {
		names := empty[set]
		const most = 20
		more := ""
		if len(names) > most {
			more = fmt.Sprintf(" and %d other classes", len(names)-most)
			names = names[:most]
		}
		dir := filepath.Join(f.path, folderName(set, ""))
		say("%s has no picture of %s%s%s: a file %s keeps the folder, so that the classes have the same numbers in every set", dir, strings.Join(names, ", "), more, soFar, keepName)
	}
	if len(empty) > 0 {
		say("hint: torchvision's ImageFolder refuses a class without pictures unless it is called with allow_empty=True")
	}
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

// fileName returns SET/LABEL/KEY.png. Variants of one item differ in their
// epoch and copy.
func fileName(item *record.Item) string {
	name := item.Key
	if name == "" {
		name = item.ID
	}
	name = safename.Of(name)
	if a := item.Augment; a != nil {
		name += fmt.Sprintf("-e%d-c%d", a.Epoch, a.Copy)
	}
	label := ""
	if item.Label != nil {
		label = item.Label.Name
	}
	return filepath.Join(folderName(item.Set, label), name+".png")
}
