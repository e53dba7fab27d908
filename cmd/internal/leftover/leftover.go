// Package leftover removes the temporary files of processes that have ended
// before they could.
package leftover

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/opensandwich/oi/cmd/internal/posixfile"
)

// Age is the age from which the process of a temporary file has surely ended.
const Age = 24 * time.Hour

// Sweep removes old temporary files of the file name: those next to it whose
// names begin with a dot and its name, except those that begin with the base
// name of keep, if that is not "".
func Sweep(name, keep string) error {
	dir, prefix := filepath.Dir(name), "."+filepath.Base(name)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), prefix) || keep != "" && strings.HasPrefix(e.Name(), filepath.Base(keep)) {
			continue
		}
		info, err := e.Info()
		if err != nil || time.Since(info.ModTime()) < Age {
			continue // gone meanwhile, or perhaps another process's
		}
		if err := Remove(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// Remove removes a file. It is no error if there is none.
func Remove(name string) error {
	if err := posixfile.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
