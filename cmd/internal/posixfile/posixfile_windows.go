package posixfile

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/windows"
)

// Windows lets an open file be renamed and removed if all that have it open
// allow that, and if it is asked for with POSIX semantics. An os.Root does both;
// os.OpenFile, os.Rename and os.Remove do not.

// OpenFile is os.OpenFile.
func OpenFile(name string, flag int, perm os.FileMode) (file *os.File, err error) {
	err = within(filepath.Dir(name), func(root *os.Root) (err error) {
		file, err = root.OpenFile(filepath.Base(name), flag, perm)
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist) {
		if info, e := os.Lstat(name); e == nil && !info.Mode().IsRegular() {
			return os.OpenFile(name, flag, perm) // a link that leads out of the folder, a device
		}
	}
	return file, named(err, name)
}

// Rename is os.Rename. Both names must be on one disk.
func Rename(from, to string) error {
	dir := filepath.Dir(from)
	for {
		local, err := filepath.Rel(dir, to)
		if err != nil {
			return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
		}
		if filepath.IsLocal(local) {
			break
		}
		up := filepath.Join(dir, "..")
		if up == dir {
			return os.Rename(from, to) // another disk, about which this has words
		}
		dir = up
	}
	old, err1 := filepath.Rel(dir, from)
	local, err2 := filepath.Rel(dir, to)
	if err := errors.Join(err1, err2); err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	err := within(dir, func(root *os.Root) error { return root.Rename(old, local) })
	var link *os.LinkError
	if errors.As(err, &link) {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: link.Err}
	}
	return err
}

// Remove is os.Remove for a file.
func Remove(name string) error {
	err := within(filepath.Dir(name), func(root *os.Root) error { return root.Remove(filepath.Base(name)) })
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return os.Remove(name) // the file system has no POSIX semantics
	}
	return named(err, name)
}

// CreateUnnamed makes a temporary file in dir, "" being the system's folder for
// them, that goes when it is closed, and with the process however that ends.
// Where the system lets an open file be without a name, it has none.
func CreateUnnamed(dir, pattern string) (*os.File, error) {
	if dir == "" {
		dir = os.TempDir()
	}
	before, after, _ := strings.Cut(pattern, "*")
	for {
		name := filepath.Join(dir, before+strconv.FormatUint(rand.Uint64(), 36)+after)
		file, err := OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL|windows.O_FILE_FLAG_DELETE_ON_CLOSE, 0o600)
		if !errors.Is(err, fs.ErrExist) {
			return file, err
		}
	}
}

const (
	// attempts is how often a file is asked for that another program, such
	// as a virus scanner, does not share, or that is being removed.
	attempts = 25
	pause    = 20 * time.Millisecond
)

// within does something in a folder, again and again while a file is not
// shared.
func within(dir string, do func(*os.Root) error) (err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	for range attempts {
		if err = do(root); !errors.Is(err, windows.ERROR_SHARING_VIOLATION) && !errors.Is(err, windows.ERROR_DELETE_PENDING) && !errors.Is(err, windows.ERROR_ACCESS_DENIED) {
			return err
		}
		time.Sleep(pause)
	}
	return err
}

// named gives an error the whole name of its file.
func named(err error, name string) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return &os.PathError{Op: path.Op, Path: name, Err: path.Err}
	}
	return err
}
