package cas

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lockByte locks a byte of a file for this open file, and reports whether
// another one has it.
func lockByte(file *os.File, at int64) (taken bool, err error) {
	err = windows.LockFileEx(windows.Handle(file.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, overlapped(at))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return true, nil
	}
	return false, err
}

// unlockByte cannot fail in a way that the caller could mend: closing the file
// unlocks all.
func unlockByte(file *os.File, at int64) {
	_ = windows.UnlockFileEx(windows.Handle(file.Fd()), 0, 1, 0, overlapped(at))
}

func overlapped(at int64) *windows.Overlapped {
	return &windows.Overlapped{Offset: uint32(at), OffsetHigh: uint32(at >> 32)}
}
