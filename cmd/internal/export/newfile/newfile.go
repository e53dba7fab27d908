// Package newfile makes files that were not there before, whole or not at all,
// by any number of processes at the same time.
package newfile

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/posixfile"
)

// ErrDiffers says that a file is there already and holds something else.
var ErrDiffers = errors.New("the file is there already, with other bytes")

// Create makes a file of data, whole or not at all. A file that is there
// already is never replaced: it is left as it is if it holds the same bytes,
// and is ErrDiffers if not.
func Create(path string, data []byte) error {
	err := compare(path, data)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err = createUnnamed(path, data); errors.Is(err, errNoUnnamed) {
		err = createNamed(path, data)
	}
	if errors.Is(err, fs.ErrExist) { // another process was quicker
		err = compare(path, data)
	}
	return err
}

// compare returns nil if a file holds data, and ErrDiffers if it holds
// something else.
func compare(path string, data []byte) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Size() != int64(len(data)) {
		return ErrDiffers
	}
	there, err := readFile(path)
	if err == nil && !bytes.Equal(there, data) {
		return ErrDiffers
	}
	return err
}

func readFile(path string) (_ []byte, err error) {
	file, err := posixfile.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return io.ReadAll(file)
}

// createNamed writes data under another name, hidden from those who read the
// folder, and then gives it its own.
func createNamed(path string, data []byte) error {
	temp := filepath.Join(filepath.Dir(path), ".oi-"+strconv.FormatUint(rand.Uint64(), 36))
	file, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	if err := WriteSynced(file, data); err != nil {
		return errors.Join(err, file.Close(), posixfile.Remove(temp))
	}
	if err := file.Close(); err != nil {
		return errors.Join(err, posixfile.Remove(temp))
	}
	err = os.Link(temp, path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		// Some file systems have no second names.
		if _, statErr := os.Lstat(path); errors.Is(statErr, fs.ErrNotExist) {
			return posixfile.Rename(temp, path)
		}
	}
	return errors.Join(err, posixfile.Remove(temp))
}

// WriteSynced writes data to the disk, so that no power cut leaves a name
// without its bytes.
func WriteSynced(file *os.File, data []byte) error {
	if _, err := file.Write(data); err != nil {
		return err
	}
	return file.Sync()
}

// Replace writes a file, whole or not at all, in place of one that may be there.
// Only one process at a time may do this to a file: of two, one would take the
// other's temporary file. One that a killed run has left is used again.
func Replace(path string, data []byte) error {
	temp := Part(path)
	file, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return err
	}
	if err := errors.Join(WriteSynced(file, data), file.Close()); err != nil {
		return err
	}
	return posixfile.Rename(temp, path)
}

// Part returns the name of a file while it is not whole: a hidden one next to
// it.
func Part(path string) string {
	return filepath.Join(filepath.Dir(path), "."+strings.TrimPrefix(filepath.Base(path), ".")+".part")
}
