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

// The limits of a photo's size. MaxSide is the largest side of a JPEG.
const (
	DefaultMaxPixels = 100_000_000
	MaxSide          = 65535
)

// What --max-pixels is, in the help of every command that decodes photos: the
// flag's line, and what it means for memory.
const (
	MaxPixelsUsage = "leave out photos of more than `N` pixels; most take 2 to 4 bytes for each to decode"
	MaxPixelsHelp  = `--max-pixels bounds the memory. Decoding takes 2 to 4 bytes a pixel for most photos, 8 to 20 for a progressive JPEG, an interlaced PNG or a WebP with transparency, and 25 for a progressive JPEG of four colours: with the default of 100 megapixels at most 0.4, 2 and 2.5 GB.`
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

// A Config is what the header of a photo says.
type Config struct {
	MediaType     string
	Width, Height int
}

// Check looks at a photo's header and its end, and reads little else. The error
// is one of those above, which wraps what was found, or that of reading.
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
	c.MediaType = f.mediaType
	c.Width, c.Height, err = f.check(r, size)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("%w: the %s of %d bytes has no end", ErrTruncated, c.MediaType, size)
	}
	if err != nil {
		return c, err
	}
	return c, c.within(maxPixels)
}

// within returns an error unless the size is possible and below the limits.
func (c Config) within(maxPixels int) error {
	w, h := c.Width, c.Height
	switch {
	case w < 1 || h < 1:
		return fmt.Errorf("%d by %d pixels", w, h)
	case w > maxPixels/h:
		return fmt.Errorf("%w: %d by %d, and --max-pixels is %d", ErrTooManyPixels, w, h, maxPixels)
	case max(w, h) > MaxSide:
		return fmt.Errorf("%w: %d by %d, the limit of a side is %d", ErrTooManyPixels, w, h, MaxSide)
	}
	return nil
}

// Decode decodes a whole photo that passes Check, as it is stored: the caller
// rotates it by its Orientation. The error is one of those above: a damaged
// file never becomes a picture with grey areas.
func Decode(data []byte, maxPixels int) (image.Image, error) {
	if _, err := Check(bytes.NewReader(data), int64(len(data)), maxPixels); err != nil {
		return nil, err
	}
	img, _, err := new(Decoder).Decode(data, image.Rect(0, 0, MaxSide, MaxSide), 1)
	return img, err
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
