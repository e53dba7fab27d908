//go:build !windows

package cas

import (
	"errors"
	"syscall"
)

// noRoom reports whether the system says that a disk, or what a user may have of
// it, is full.
func noRoom(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
