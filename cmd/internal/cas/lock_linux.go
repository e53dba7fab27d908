package cas

import "golang.org/x/sys/unix"

// setLockCommand asks for a lock that belongs to the open file, so that two
// caches of one process keep out of each other's way as two processes do.
const setLockCommand = unix.F_OFD_SETLK
