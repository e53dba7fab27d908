// Package imagefile reads untrusted photos for all commands: their format,
// their size, whether they are whole, their EXIF orientation, and their pixels.
// It alone decides which photos are accepted, so that no command refuses what
// another one has let through.
package imagefile

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"io"
)

// What can be wrong with a photo.
var (
	ErrFormat        = errors.New("not JPEG, PNG or WebP")
	ErrTruncated     = errors.New("truncated")
	ErrTooManyPixels = errors.New("too many pixels")
	ErrDamaged       = errors.New("damaged")
	// ErrUnsupported is for a valid file that uses a feature of its format
	// that the decoder does not know.
	ErrUnsupported = errors.New("unsupported feature")
)

// Check looks at a photo's header and its end, and reads little else. It
// refuses a photo of which Decode would decode more than maxPixels pixels
// whatever the window: a JPEG can be decoded at 1/8 of its size. The error is
// one of those above, which wraps what was found, or that of reading.
func Check(r io.ReaderAt, size int64, maxPixels int) (Config, error) {
	in := &source{ReaderAt: r}
	c, err := check(in, size, maxPixels)
	if in.err != nil {
		return Config{}, in.err
	}
	return c, classify(err)
}

func check(r io.ReaderAt, size int64, maxPixels int) (c Config, err error) {
	defer recovered(&err)
	head := make([]byte, min(size, HeadSize))
	if _, err := r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return c, err
	}
	f, err := formatOf(head)
	if err != nil {
		return c, err
	}
	c, err = f.check(r, size)
	c.MediaType, c.reducible, c.maxPixels = f.mediaType, f.reducible, maxPixels
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("%w: the %s of %d bytes has no end", ErrTruncated, c.MediaType, size)
	}
	if err != nil {
		return c, err
	}
	return c, c.possible()
}

// Decode decodes a whole photo of at most maxPixels pixels, as it is stored: the
// caller rotates it by its Orientation. The error is one of those above: a
// damaged file never becomes a picture with grey areas.
func Decode(data []byte, maxPixels int) (image.Image, error) {
	c, err := Check(bytes.NewReader(data), int64(len(data)), maxPixels)
	if err != nil {
		return nil, err
	}
	img, _, err := new(Decoder).Decode(data, c, c.bounds(), 1)
	return img, err
}

// Verify says whether a photo that has passed Check is whole, as Decode does.
// It keeps no pixels of a JPEG and of a PNG that is not interlaced, so that one
// of any size can be verified.
func Verify(data []byte, c Config) error {
	_, _, err := new(Decoder).Decode(data, c, image.Rectangle{}, 1)
	return err
}

// Orientation returns the EXIF orientation of a whole photo, 1 to 8. It is 1,
// as stored, where the file has none.
func Orientation(data []byte) int {
	f, err := formatOf(data)
	if err != nil {
		return 1
	}
	return max(1, f.orientation(data))
}

// classify returns the error as one of the package's.
func classify(err error) error {
	if err == nil {
		return nil
	}
	for _, known := range []error{ErrFormat, ErrTruncated, ErrTooManyPixels, ErrUnsupported} {
		if errors.Is(err, known) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}

// recovered turns a panic of a decoder into an error: the bytes are untrusted.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("the decoder failed: %v", p)
	}
}

// A source remembers why it could not be read.
type source struct {
	io.ReaderAt
	err error
}

func (s *source) ReadAt(p []byte, offset int64) (int, error) {
	n, err := s.ReaderAt.ReadAt(p, offset)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}
