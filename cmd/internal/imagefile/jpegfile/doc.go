// Package jpegfile decodes JPEG files (ITU-T T.81): baseline, extended
// sequential with 8 bits, and progressive, with Huffman codes; one, three or
// four components with any sampling factors. It decodes a window of a picture,
// at its full size or at 1/2, 1/4 or 1/8 of it.
//
// At full size the pixels are those of image/jpeg, to the bit, where that reads
// the file; chroma is not smoothed. A pixel of a reduced picture is the mean of
// the pixels that it stands for. It is computed from the coefficients, so that
// a reduced picture takes a fraction of the time.
//
// Other decoders skip bytes between two segments and stop at a scan's last
// block, whatever comes after it. So they make a picture with grey or shifted
// stripes of a file with a hole in it. This one demands that the blocks of the
// picture use up the data of each scan, to the last byte, also of those outside
// the window: their codes are read, several at a time, and their values are
// not.
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
// and that the Decoder does not read.
type UnsupportedError string

// Error says which.
func (e UnsupportedError) Error() string { return "JPEG with " + string(e) }
