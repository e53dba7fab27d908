package newfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// errNoUnnamed says that a file cannot be made without a name.
var errNoUnnamed = errors.New("no files without a name")

// createUnnamed writes data to a file that has no name before it is whole, so
// that nothing remains after kill -9.
func createUnnamed(path string, data []byte) (err error) {
	fd, err := unix.Open(filepath.Dir(path), unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o666)
	if err != nil {
		return errNoUnnamed // as on network file systems; other reasons show when a name is used
	}
	file := os.NewFile(uintptr(fd), path)
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := WriteSynced(file, data); err != nil {
		return err
	}
	err = unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), unix.AT_FDCWD, path, unix.AT_SYMLINK_FOLLOW)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return errNoUnnamed // as without /proc
	}
	return err
}
