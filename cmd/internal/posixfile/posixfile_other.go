//go:build !windows

package posixfile

import (
	"errors"
	"os"
)

// OpenFile is os.OpenFile.
func OpenFile(name string, flag int, perm os.FileMode) (*os.File, error) {
	return os.OpenFile(name, flag, perm)
}

// Rename is os.Rename. Both names must be on one disk.
func Rename(from, to string) error { return os.Rename(from, to) }

// Remove is os.Remove for a file.
func Remove(name string) error { return os.Remove(name) }

// CreateUnnamed makes a temporary file in dir, "" being the system's folder for
// them, that goes when it is closed, and with the process however that ends.
// Where the system lets an open file be without a name, it has none.
func CreateUnnamed(dir, pattern string) (*os.File, error) {
	file, err := os.CreateTemp(dir, pattern)
	if err != nil {
		return nil, err
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}
