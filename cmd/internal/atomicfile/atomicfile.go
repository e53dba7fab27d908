// Package atomicfile makes files that appear whole or not at all, in place of
// one that may be there.
package atomicfile

import "errors"

// WriteFile writes a file that holds data.
func WriteFile(name string, data []byte) error {
	file, err := Create(name)
	if err != nil {
		return err
	}
	if _, err := file.Write(data); err != nil {
		return errors.Join(err, file.Cleanup())
	}
	return errors.Join(file.CloseAtomicallyReplace(), file.Cleanup())
}
