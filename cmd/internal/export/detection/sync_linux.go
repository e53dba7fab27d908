package detection

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// syncDisk returns when all that was written to the folder's disk is on it.
func syncDisk(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(unix.Syncfs(int(d.Fd())), d.Close())
}
