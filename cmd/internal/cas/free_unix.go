//go:build linux || darwin || freebsd

package cas

import (
	"math"

	"golang.org/x/sys/unix"
)

// freeSpace is how many bytes this user may still write to dir's disk.
func freeSpace(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, err
	}
	if s.Blocks == 0 {
		return -1, nil // a file system that does not count
	}
	free := float64(s.Bavail) * float64(s.Bsize)
	return int64(min(max(free, 0), math.MaxInt64/2)), nil
}
