//go:build darwin || freebsd

package cas

import "golang.org/x/sys/unix"

// setLockCommand asks for a lock that belongs to the process.
const setLockCommand = unix.F_SETLK
