package folder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/opensandwich/oi/cmd/internal/export/classlist"
	"github.com/opensandwich/oi/cmd/internal/export/newfile"
	"github.com/opensandwich/oi/cmd/internal/export/safename"
	"github.com/opensandwich/oi/cmd/internal/posixfile"
)

// keepName is the file in the folder of a class without pictures, so that
// programs that copy only files keep the folder.
const keepName = ".keep"

// A Summary says what is in a folder.
type Summary struct {
	Classes  int
	Sets     []Set
	Pictures int
	// Height and Width are those of all pictures of this run, 0 if they
	// differ.
	Height, Width int
	// SoFar says that pieces or shards may add to it.
	SoFar bool
}

// A Set is a folder of classes.
type Set struct {
	Name     string
	Path     string
	Pictures int
	Empty    []string // classes without pictures
}

// Finish gives every class a folder in every set, as programs that read folders
// number the classes of each set by its folders, and writes the lists of
// pictures and of classes.
func (f *Folder) Finish(ctx context.Context) (s *Summary, err error) {
	err = f.locked(ctx, func() (err error) {
		p, err := readProvenance(f.Path)
		if err != nil {
			return err
		}
		if p == nil { // somebody has removed it
			p = &provenance{}
		}
		for _, t := range f.joined {
			p.add(t)
		}
		p.merge(slices.Collect(maps.Keys(f.classes)), slices.Collect(maps.Keys(f.tables)))
		if err := f.checkNames(p.Classes, p.Sets); err != nil {
			return err
		}
		p.Complete = p.Complete || !f.Part
		if err := p.write(f.Path); err != nil {
			return err
		}
		s, err = f.complete(p)
		return err
	})
	return s, errors.Join(err, f.Close())
}

// Close gives back what the folder holds. It does no harm after Finish.
func (f *Folder) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var errs []error
	for _, t := range f.tables {
		errs = append(errs, t.close())
	}
	return errors.Join(errs...)
}

// complete makes all that is more than pictures.
func (f *Folder) complete(p *provenance) (*Summary, error) {
	var names []string
	for _, c := range p.Classes {
		names = append(names, c.Name)
	}
	names = classlist.Sort(names)
	if err := newfile.Replace(filepath.Join(f.Path, classlist.FileName), []byte(classlist.Text(names))); err != nil {
		return nil, err
	}
	s := &Summary{Classes: len(names), SoFar: f.Part || f.shard, Height: f.size[0], Width: f.size[1]}
	for _, name := range p.Sets {
		set, err := f.completeSet(name, names)
		if err != nil {
			return nil, err
		}
		s.Sets = append(s.Sets, set)
		s.Pictures += set.Pictures
	}
	return s, nil
}

// completeSet makes the folders of all classes in a set, with a file .keep where
// there is no picture, and its list of pictures.
func (f *Folder) completeSet(name string, classes []string) (Set, error) {
	set := Set{Name: name, Path: filepath.Join(f.Path, folderName(name, ""))}
	if err := os.MkdirAll(set.Path, 0o777); err != nil {
		return set, err
	}
	if f.tables[name] == nil { // nothing of this run
		f.tables[name] = newTable()
	}
	rows, list := f.tables[name], filepath.Join(set.Path, metadataName)
	if err := rows.addFile(list); err != nil { // what others have written
		return set, err
	}
	n, err := rows.write(list)
	var twins *twinsError
	if errors.As(err, &twins) {
		return set, f.repeated(filepath.Join(folderName(name, ""), filepath.FromSlash(twins.name)))
	}
	if err != nil {
		return set, err
	}
	set.Pictures = n
	for _, class := range classes {
		dir := filepath.Join(set.Path, safename.Of(class))
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return set, err
		}
		filled, err := hasFiles(dir)
		if err != nil {
			return set, err
		}
		keep := filepath.Join(dir, keepName)
		if filled {
			if err := posixfile.Remove(keep); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return set, err
			}
			continue
		}
		set.Empty = append(set.Empty, class)
		if err := os.WriteFile(keep, nil, 0o666); err != nil {
			return set, err
		}
	}
	return set, nil
}

// quote writes a text as Python does.
func quote(text string) string { return strconv.QuoteToGraphic(filepath.ToSlash(text)) }

// ReadLines are lines of Python that read the folder.
func (s *Summary) ReadLines(dir string) []string {
	if len(s.Sets) == 0 {
		return nil
	}
	set := s.Sets[0]
	for _, other := range s.Sets {
		if other.Name == "train" {
			set = other
		}
	}
	path, empty, size := quote(set.Path), "", ""
	if len(set.Empty) > 0 {
		empty = ", allow_empty=True"
	}
	if s.Height > 0 {
		size = fmt.Sprintf(", image_size=(%d, %d)", s.Height, s.Width) // which would be 256 by 256
	}
	return []string{
		"torchvision.datasets.ImageFolder(" + path + empty + ")",
		"keras.utils.image_dataset_from_directory(" + path + size + ")",
		`datasets.load_dataset("imagefolder", data_dir=` + quote(dir) + ")",
	}
}
