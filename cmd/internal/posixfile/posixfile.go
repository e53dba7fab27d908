// Package posixfile opens, renames and removes files as POSIX has it, on Windows
// too: a file that is open can be renamed, replaced and removed, and whoever has
// it open reads on.
package posixfile

import "os"

// Open is os.Open.
func Open(name string) (*os.File, error) { return OpenFile(name, os.O_RDONLY, 0) }
