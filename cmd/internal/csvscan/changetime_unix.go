//go:build unix

package csvscan

import (
	"os"

	"golang.org/x/sys/unix"
)

// changeTime is when the system says that a file, or what it knows of it, was
// last changed. Programs cannot set it.
func changeTime(f *os.File) (int64, error) {
	var about unix.Stat_t
	err := unix.Fstat(int(f.Fd()), &about)
	return about.Ctim.Nano(), err
}
