package credits

import (
	"bufio"
	"crypto/sha256"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/atomicfile"
)

// A File says who made photos: each photo once, in the order in which they
// come. It appears when it is finished. The methods do nothing on nil.
type File struct {
	file      *atomicfile.File
	buffer    *bufio.Writer
	format    format
	seen      map[[16]byte]struct{} // hashes of subset and id
	anonymous int
}

// A format is a form that the file is written in.
type format interface {
	row(Row) error
	end(counts string) error
}

// Create begins a file: a page for the endings .html and .htm, plain text for
// .txt, and CSV for .csv and for none. Any other is an error.
func Create(path string) (*File, error) {
	ending := strings.ToLower(filepath.Ext(path))
	if !slices.Contains([]string{"", ".csv", ".html", ".htm", ".txt"}, ending) {
		return nil, fmt.Errorf("%s: credits are written as .csv, .html or .txt", path)
	}
	file, err := atomicfile.Create(path)
	if err != nil {
		return nil, err
	}
	f := &File{file: file, buffer: bufio.NewWriter(file), seen: map[[16]byte]struct{}{}}
	switch ending {
	case ".html", ".htm":
		f.format, err = newPage(f.buffer)
	case ".txt":
		f.format, err = newText(f.buffer)
	default:
		f.format, err = newTable(f.buffer)
	}
	if err != nil {
		return nil, errors.Join(err, file.Cleanup())
	}
	return f, nil
}

// Add gives credit for a photo, unless it has been given.
func (f *File) Add(r Row) error {
	if f == nil {
		return nil
	}
	sum := sha256.Sum256([]byte(r.Subset + "/" + r.ID))
	key := [16]byte(sum[:])
	if _, ok := f.seen[key]; ok {
		return nil
	}
	f.seen[key] = struct{}{}
	if r.Anonymous() {
		f.anonymous++
	}
	return wrap(f.format.row(r))
}

// Counts says in words how many photos there are, and of how many the author
// is not known.
func (f *File) Counts() string {
	text := fmt.Sprintf("%d photos", len(f.seen))
	if len(f.seen) == 1 {
		text = "1 photo"
	}
	if f.anonymous > 0 {
		text += fmt.Sprintf("; of %d the author is not known", f.anonymous)
	}
	return text
}

// Finish makes the file appear if the run came to its end without err.
func (f *File) Finish(err error) error {
	if f == nil {
		return nil
	}
	if err != nil {
		return wrap(f.file.Cleanup())
	}
	if err := errors.Join(f.format.end(f.Counts()), f.buffer.Flush()); err != nil {
		return wrap(errors.Join(err, f.file.Cleanup()))
	}
	return wrap(f.file.CloseAtomicallyReplace())
}

func wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("write the credits: %w", err)
}

// A table is CSV, with the column names of the image list where it has them.
type table struct{ csv *csv.Writer }

func newTable(w io.Writer) (table, error) {
	t := table{csv.NewWriter(w)}
	return t, t.csv.Write(Columns())
}

func (t table) row(r Row) error { return t.csv.Write(r.Fields()) }

func (t table) end(string) error {
	t.csv.Flush()
	return t.csv.Error()
}
