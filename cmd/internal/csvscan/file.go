package csvscan

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/opensandwich/oi/cmd/internal/posixfile"
)

// A Growing is a file while it is being downloaded.
type Growing interface {
	// ReadAt waits for what it is to read.
	io.ReaderAt
	// Size waits until the size is known, and returns it in bytes, or -1
	// where nobody knows it.
	Size() (int64, error)
	// Available waits until there is something after offset, and returns
	// how much can be read, and whether that is all.
	Available(offset int64) (have int64, done bool)
	// Failed reports whether the file will not come.
	Failed() bool
	// Whole waits until all is there, and returns why it will not be.
	Whole() error
	// Abandon ends the download if it is still on its way, and returns what
	// is wrong with it, or nil.
	Abandon() error
	// Reject is Abandon because of err, which was found in the file.
	Reject(err error) error
}

// A File is a CSV file on this machine, or on its way there.
type File struct {
	*os.File
	Growing Growing  // set while it is being downloaded, else nil
	Indexes []string // where its index may be: the first name that works
	Spare   string   // a folder for it where none of these works, or ""
	Least   int64    // size from which an index is worth while, in bytes
	Step    int64    // bytes of a block of a scan, 0 for the usual size

	mu      sync.Mutex
	indexes []*openedIndex // those found, until the file is closed
}

// ReadAt waits for what has not arrived yet.
func (f *File) ReadAt(p []byte, offset int64) (int, error) {
	if f.Growing != nil {
		return f.Growing.ReadAt(p, offset)
	}
	return f.File.ReadAt(p, offset)
}

// size is how large the file is or will be, -1 where nobody knows.
func (f *File) size() (int64, error) {
	if f.Growing != nil {
		return f.Growing.Size()
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Whole waits until all of the file is there.
func (f *File) Whole() error {
	if f.Growing == nil {
		return nil
	}
	return f.Growing.Whole()
}

// Close gives the file back with its indexes, and gives a download up that has
// not ended.
func (f *File) Close() error {
	if f.Growing != nil {
		_ = f.Growing.Abandon() // who has read all of it knows
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, x := range f.indexes {
		_ = x.file.Close() // read only
	}
	f.indexes = nil
	return f.File.Close()
}

// IndexFrom is the size from which a file gets an index: smaller ones are
// scanned in a few milliseconds, and are not worth a file next to them.
const IndexFrom = 4 << 20

// places returns where the index of the file as it is now may be. In the spare
// folder it has a name by what the file is like, not by where it is: one list
// on two paths has one index there, and two that take turns on a path have two.
func (f *File) places(now fingerprint) []string {
	if f.Spare == "" {
		return f.Indexes
	}
	spare := filepath.Join(f.Spare, now.name()+"-"+filepath.Base(f.Name())+IndexEnding)
	return append(slices.Clip(f.Indexes), spare)
}

// An openedIndex is an index that is valid, with its file.
type openedIndex struct {
	*Index
	file *os.File
}

// index returns the file's index, or nil if it has none that is valid. It is
// opened once, and closed with the file.
func (f *File) index(kind Kind) *openedIndex {
	if f.Growing != nil {
		return nil
	}
	now, err := fingerprintOf(f.File)
	if err != nil || now.size < f.Least {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, x := range f.indexes {
		if x.kind == kind && x.fingerprint == now {
			return x
		}
	}
	for _, name := range f.places(now) {
		if x := openIndexOf(now, name, kind); x != nil {
			f.indexes = append(f.indexes, x)
			return x
		}
	}
	return nil
}

// State tells the file as it is now from any other, and from itself after a
// change. It is "" where that is not known: where the file has no valid index
// of that kind.
func (f *File) State(kind Kind) string {
	if x := f.index(kind); x != nil {
		return x.fingerprint.String()
	}
	return ""
}

// forget gives up an index that turned out to be wrong, so that it is not found
// again.
func (f *File) forget(x *openedIndex) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.indexes = slices.DeleteFunc(f.indexes, func(y *openedIndex) bool { return y == x })
	return x.file.Close()
}

// openRegular opens a regular file and returns its size, or nil.
func openRegular(name string) (*os.File, int64) {
	file, err := posixfile.Open(name)
	if err != nil {
		return nil, 0
	}
	about, err := file.Stat()
	if err != nil || !about.Mode().IsRegular() {
		_ = file.Close() // read only
		return nil, 0
	}
	return file, about.Size()
}

// openIndexOf returns the index in a file if it is of a list with this
// fingerprint.
func openIndexOf(list fingerprint, name string, kind Kind) *openedIndex {
	file, size := openRegular(name)
	if file == nil {
		return nil
	}
	x, err := readIndex(file, size, kind)
	if err != nil || x.fingerprint != list {
		_ = file.Close()
		return nil
	}
	return &openedIndex{x, file}
}

// A pendingIndex is an index that is being written.
type pendingIndex struct {
	*indexWriter
	to *indexTarget
}

// newIndex begins an index of a file that has the fingerprint now and comes to
// size bytes, or one that only counts where none can be kept.
func (f *File) newIndex(kind Kind, now fingerprint, size int64) *pendingIndex {
	to := &indexTarget{places: f.places(now)}
	if size < 0 || size >= f.Least {
		to.next()
	}
	return &pendingIndex{newIndexWriter(to, kind), to}
}

// keep puts the index in its place after a scan of the whole of f, which had
// the fingerprint before if it was all there. An index that cannot be kept is
// no failure: it is made again next time.
func (p *pendingIndex) keep(f *File, before fingerprint) {
	if p == nil || p.to.file == nil {
		return
	}
	now, err := fingerprintOf(f.File)
	switch {
	case err != nil:
	case f.Growing == nil && now != before:
		err = ErrStale
	default:
		err = p.finish(now)
	}
	if err != nil {
		p.drop()
		return
	}
	f.sweepSpare(p.to.keep(), IndexEnding)
}

// drop gives up the index.
func (p *pendingIndex) drop() {
	if p != nil {
		p.to.drop()
	}
}

// giveUp ends the download of a file that is not read on because of err, and
// returns what is wrong with the download, or nil. A file that is no list, or
// ends within a row, is not kept.
func giveUp(f Growing, err error) error {
	var row *RowError
	if errors.As(err, &row) {
		return f.Reject(err)
	}
	return f.Abandon()
}

// unchanged returns an error if the file is not as it was.
func (f *File) unchanged(before fs.FileInfo, name string) error {
	after, err := f.Stat()
	if err != nil {
		return err
	}
	if after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime()) {
		return fmt.Errorf("%s: %w", name, ErrChanged)
	}
	return nil
}
