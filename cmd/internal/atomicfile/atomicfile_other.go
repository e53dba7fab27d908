//go:build !windows

package atomicfile

import (
	"path/filepath"

	"github.com/google/renameio/v2"
)

// A File is written under a hidden name in the folder of its own. It is ended by
// CloseAtomicallyReplace, which gives it its name once its bytes are on the
// disk, or by Cleanup, which removes it and is nothing after the other.
type File = renameio.PendingFile

// Create begins a file.
func Create(name string) (*File, error) {
	return renameio.NewPendingFile(name, renameio.WithTempDir(filepath.Dir(name)), renameio.WithPermissions(0o666))
}
