package cas

import (
	"errors"

	"golang.org/x/sys/windows"
)

// noRoom reports whether the system says that a disk, or what a user may have of
// it, is full.
func noRoom(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL) || errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED)
}
