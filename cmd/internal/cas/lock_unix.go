//go:build linux || darwin || freebsd

package cas

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// lockByte locks a byte of a file for this process, and reports whether another
// one has it.
func lockByte(file *os.File, at int64) (taken bool, err error) {
	err = setLock(file, unix.F_WRLCK, at)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return true, nil
	}
	return false, err
}

// unlockByte cannot fail in a way that the caller could mend: closing the file
// unlocks all.
func unlockByte(file *os.File, at int64) { _ = setLock(file, unix.F_UNLCK, at) }

func setLock(file *os.File, kind int16, at int64) error {
	lock := unix.Flock_t{Type: kind, Whence: io.SeekStart, Start: at, Len: 1}
	for {
		err := unix.FcntlFlock(file.Fd(), setLockCommand, &lock)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
