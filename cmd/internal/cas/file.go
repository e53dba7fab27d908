package cas

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/opensandwich/oi/cmd/internal/posixfile"
)

// A File is an entry and its bytes, open. They stay readable if the cache
// removes them meanwhile.
type File struct {
	entry Entry
	file  *os.File
	used  time.Time // last
}

// Entry is what the bytes are an answer to.
func (f *File) Entry() Entry { return f.entry }

// openFile opens a file of the cache.
func openFile(path string) (*File, error) {
	return open(path, readFooter)
}

// openBytes opens the bytes of e in the earlier layout.
func (c *Cache) openBytes(e Entry) (*File, error) {
	return open(c.bytesPath(e.SHA256), func(_ io.ReaderAt, size int64) (Entry, error) {
		if size != e.Size {
			return Entry{}, ErrMiss
		}
		return e, nil
	})
}

// open opens a file, of which entry says what it holds. A missing one is
// ErrMiss.
func open(path string, entry func(f io.ReaderAt, size int64) (Entry, error)) (*File, error) {
	f, err := posixfile.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrMiss
	}
	if err != nil {
		return nil, fmt.Errorf("read cache: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read cache: %w", err), f.Close())
	}
	e, err := entry(f, info.Size())
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &File{entry: e, file: f, used: info.ModTime()}, nil
}

// Bytes returns the bytes after checking their hash; damaged ones are ErrMiss.
// It allocates as many as the entry says there are; a caller that does not
// trust the folder looks at that first.
func (f *File) Bytes() ([]byte, error) {
	data := make([]byte, f.entry.Size)
	if err := f.Read(data); err != nil {
		return nil, err
	}
	return data, nil
}

// Read is Bytes into data, which is as long as the entry says.
func (f *File) Read(data []byte) error {
	if n, err := f.file.ReadAt(data, 0); n < len(data) {
		return missOr(err)
	}
	sum := sha256.Sum256(data)
	if int64(len(data)) != f.entry.Size || hex.EncodeToString(sum[:]) != f.entry.SHA256 {
		return ErrMiss
	}
	return nil
}

// Check is the check of Bytes without holding them.
func (f *File) Check() error {
	h := sha256.New()
	n, err := io.Copy(h, io.NewSectionReader(f.file, 0, f.entry.Size))
	switch {
	case err != nil:
		return missOr(err)
	case n != f.entry.Size, hex.EncodeToString(h.Sum(nil)) != f.entry.SHA256:
		return ErrMiss
	}
	return nil
}

// ReadAt reads without a check.
func (f *File) ReadAt(p []byte, off int64) (int, error) { return f.file.ReadAt(p, off) }

// Close closes the file.
func (f *File) Close() error { return f.file.Close() }

// missOr turns a file that ended early into a miss.
func missOr(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrMiss
	}
	return fmt.Errorf("read cache: %w", err)
}
