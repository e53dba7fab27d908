package imagefile

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"io"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/imagefile/exif"
	"github.com/opensandwich/oi/cmd/internal/imagefile/jpegfile"
	"github.com/opensandwich/oi/cmd/internal/imagefile/webp"
)

// A format is a kind of photo that can be read.
type format struct {
	mediaType string
	reducible bool // decode decodes a part, at a smaller scale
	is        func(head []byte) bool
	// check returns io.ErrUnexpectedEOF for a file without its end.
	check func(r io.ReaderAt, size int64) (Config, error)
	// decode may decode more than the window, and returns the scale of the
	// result.
	decode      func(d *Decoder, data []byte, window image.Rectangle, scale int) (image.Image, int, error)
	orientation func(data []byte) int    // 0: not said
	profile     func(data []byte) []byte // nil: none
}

// HeadSize is how many bytes determine the format.
const HeadSize = 12

// formatOf decides the format by the first bytes, not by a name or a media
// type. The registry of package image is not used: any other decoder that is
// linked in would change which files are accepted here.
func formatOf(head []byte) (format, error) {
	for _, f := range []format{
		{"image/jpeg", true, isJPEG, checkJPEG, decodeJPEG, orientationJPEG, profileJPEG},
		{"image/png", false, isPNG, checkPNG, decodePNG, orientationPNG, profilePNG},
		{"image/webp", false, webp.Is, checkWebP, decodeWebP, orientationWebP, profileWebP},
	} {
		if f.is(head) {
			return f, nil
		}
	}
	return format{}, ErrFormat
}

// Is reports whether a file with this head, of HeadSize bytes if it has as
// many, is a picture. It also knows GIF, TIFF, HEIC and AVIF: to say that these
// are not supported is better than to say that they are no pictures.
func Is(head []byte) bool {
	if _, err := formatOf(head); err == nil {
		return true
	}
	for _, magic := range []string{"GIF8", "II*\x00", "MM\x00*"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return true
		}
	}
	if len(head) < HeadSize || string(head[4:8]) != "ftyp" { // films have it too
		return false
	}
	return slices.Contains([]string{"heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1", "avif", "avis"}, string(head[8:12]))
}

func isJPEG(head []byte) bool { return bytes.HasPrefix(head, []byte("\xff\xd8\xff")) }

func checkJPEG(r io.ReaderAt, size int64) (Config, error) {
	h, err := jpegfile.ReadHeader(r, size)
	if err != nil {
		return Config{}, unsupported(err)
	}
	c := Config{Width: h.Width, Height: h.Height}
	c.memory = func(window image.Rectangle, scale int) int64 { return h.Memory(size, window, scale) }
	// Before the first scan the marker of the end may belong to a
	// thumbnail. In a scan it cannot occur by chance (ITU-T T.81, B.1.1.5).
	return c, endsWith(r, h.Data, size, []byte{0xff, 0xd9})
}

func decodeJPEG(d *Decoder, data []byte, window image.Rectangle, scale int) (image.Image, int, error) {
	img, err := d.jpeg.Decode(data, window, scale)
	if err != nil {
		return nil, 0, unsupported(err)
	}
	return img, scale, nil
}

// unsupported wraps an error that says so in ErrUnsupported.
func unsupported(err error) error {
	var ours jpegfile.UnsupportedError
	if errors.As(err, &ours) {
		return fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	return err
}

// orientationJPEG looks at all EXIF segments together, as one that is too long
// for a segment goes on in the next, and then at each alone.
func orientationJPEG(data []byte) int {
	var all []byte
	var parts [][]byte
	for _, body := range jpegfile.APP1(data) {
		if exif.HasPrefix(body) {
			body = body[len(exif.Prefix):]
			all, parts = append(all, body...), append(parts, body)
		}
	}
	for _, part := range append([][]byte{all}, parts...) {
		if o := exif.Orientation(part); o > 0 {
			return o
		}
	}
	return 0
}

func checkWebP(r io.ReaderAt, size int64) (Config, error) {
	h, err := webp.ReadHeader(r, size)
	if errors.Is(err, webp.ErrAnimated) {
		err = fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	c := Config{Width: h.Width, Height: h.Height}
	c.memory = c.wholeMemory(2*size, h.PixelBytes) // a file of the picture alone is made
	return c, err
}

func decodeWebP(d *Decoder, data []byte, _ image.Rectangle, _ int) (image.Image, int, error) {
	return d.whole(data, func() (image.Image, error) { return webp.Decode(data) })
}

func orientationWebP(data []byte) int { return exif.Orientation(webp.EXIF(data)) }

// endsWith returns io.ErrUnexpectedEOF unless pattern is in [from, size). It
// looks from the end backwards, where it is as a rule.
func endsWith(r io.ReaderAt, from, size int64, pattern []byte) error {
	const block = 64 << 10
	overlap := int64(len(pattern) - 1)
	step := int64(1 << 10) // small first: the end is nearly always in the last bytes
	buf := make([]byte, step+overlap)
	for end := size; end > from; {
		start := max(from, end-step)
		if n := min(size, end+overlap) - start; n <= int64(cap(buf)) {
			buf = buf[:n]
		} else {
			buf = make([]byte, n, block+overlap)
		}
		if _, err := r.ReadAt(buf, start); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if bytes.Contains(buf, pattern) {
			return nil
		}
		end, step = start, block
	}
	return io.ErrUnexpectedEOF
}
