//go:build !linux

package newfile

import "errors"

// errNoUnnamed says that a file cannot be made without a name.
var errNoUnnamed = errors.New("no files without a name")

func createUnnamed(string, []byte) error { return errNoUnnamed }
