package main

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
)

// errDiffers says that a file is there already and holds something else.
var errDiffers = errors.New("the file is there already, with other bytes")

// createFile makes a file of data, whole or not at all. A file that is there
// already is never replaced: it is left as it is if it holds the same bytes,
// and is errDiffers if not.
func createFile(path string, data []byte) error {
	err := compareFile(path, data)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err = createUnnamed(path, data); errors.Is(err, errNoUnnamed) {
		err = createNamed(path, data)
	}
	if errors.Is(err, fs.ErrExist) { // another process was quicker
		err = compareFile(path, data)
	}
	return err
}

// compareFile returns nil if a file holds data, and errDiffers if it holds
// something else.
func compareFile(path string, data []byte) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Size() != int64(len(data)) {
		return errDiffers
	}
	there, err := os.ReadFile(path)
	if err == nil && !bytes.Equal(there, data) {
		return errDiffers
	}
	return err
}

// createNamed writes data under another name, hidden from those who read the
// folder, and then gives it its own.
func createNamed(path string, data []byte) error {
	temp := filepath.Join(filepath.Dir(path), ".oi-"+strconv.FormatUint(rand.Uint64(), 36))
	file, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	if err := writeAll(file, data); err != nil {
		return errors.Join(err, file.Close(), os.Remove(temp))
	}
	if err := file.Close(); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	err = os.Link(temp, path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		// Some file systems have no second names.
		if _, statErr := os.Lstat(path); errors.Is(statErr, fs.ErrNotExist) {
			return os.Rename(temp, path)
		}
	}
	return errors.Join(err, os.Remove(temp))
}

// writeAll writes data to the disk, so that no power cut leaves a name without
// its bytes.
func writeAll(file *os.File, data []byte) error {
	if _, err := file.Write(data); err != nil {
		return err
	}
	return file.Sync()
}
