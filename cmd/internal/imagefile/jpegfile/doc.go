// Package jpegfile reads the structure of JPEG files (ITU-T T.81) without
// making pixels of them: the size of the picture, whether the file uses a
// feature of the format that image/jpeg does not read, where its EXIF data is,
// and whether its coded data is whole.
//
// image/jpeg skips bytes between two segments and stops at a scan's last block,
// whatever comes after it. So it makes a picture with grey or shifted stripes
// of a file with a hole in it. Check demands that the blocks of the picture use
// up the data of each scan, to the last byte.
package jpegfile

import (
	"errors"
	"fmt"
)

// ErrDamaged is what every error is that says that a file is no valid JPEG.
// A file that ends too early gives io.ErrUnexpectedEOF instead.
var ErrDamaged = errors.New("bad JPEG data")

func damagef(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrDamaged}, args...)...)
}

// An UnsupportedError names a feature of the format that a valid file may use
// and that image/jpeg does not read.
type UnsupportedError string

// Error says which.
func (e UnsupportedError) Error() string { return "JPEG with " + string(e) }
