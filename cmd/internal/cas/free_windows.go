package cas

import (
	"math"

	"golang.org/x/sys/windows"
)

// freeSpace is how many bytes this user may still write to dir's disk.
func freeSpace(dir string) (int64, error) {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(name, &free, nil, nil); err != nil {
		return 0, err
	}
	return int64(min(free, math.MaxInt64/2)), nil
}
