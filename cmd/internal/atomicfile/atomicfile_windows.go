package atomicfile

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/opensandwich/oi/cmd/internal/posixfile"
)

// A File is written under a hidden name in the folder of its own. It is ended by
// CloseAtomicallyReplace, which gives it its name once its bytes are on the
// disk, or by Cleanup, which removes it and is nothing after the other.
type File struct {
	*os.File
	name         string
	closed, done bool
}

// Create begins a file.
func Create(name string) (*File, error) {
	file, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name))
	if err != nil {
		return nil, err
	}
	return &File{File: file, name: name}, nil
}

// CloseAtomicallyReplace gives the file its name.
func (f *File) CloseAtomicallyReplace() error {
	if err := f.Sync(); err != nil {
		return err
	}
	f.closed = true
	if err := f.File.Close(); err != nil {
		return err
	}
	err := posixfile.Rename(f.File.Name(), f.name)
	f.done = err == nil
	return err
}

// Cleanup removes the file.
func (f *File) Cleanup() error {
	if f.done {
		return nil
	}
	f.done = true
	var err error
	if !f.closed {
		err = f.File.Close()
	}
	return errors.Join(err, os.Remove(f.File.Name()))
}
