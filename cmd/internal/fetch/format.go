package fetch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/jpeg"
	"image/png"
	"io"

	"github.com/opensandwich/oi/cmd/internal/webp"
)

// A format is a kind of picture that the stages after this one can read.
type format struct {
	mediaType    string
	is           func(head []byte) bool
	ends         func(r io.ReaderAt, size int64) (bool, error) // whether a file is whole
	decodeConfig func(io.Reader) (image.Config, error)
	decode       func(io.Reader) (image.Image, error)
}

// formatOf tells the format by its first bytes, not by a name or a media type.
func formatOf(head []byte) (format, bool) {
	for _, f := range []format{
		{"image/jpeg", isJPEG, jpegEnds, jpeg.DecodeConfig, jpeg.Decode},
		{"image/png", isPNG, pngEnds, png.DecodeConfig, png.Decode},
		{"image/webp", webp.Is, webpEnds, webp.DecodeConfig, webp.Decode},
	} {
		if f.is(head) {
			return f, true
		}
	}
	return format{}, false
}

func isJPEG(head []byte) bool { return bytes.HasPrefix(head, []byte("\xff\xd8\xff")) }
func isPNG(head []byte) bool  { return bytes.HasPrefix(head, []byte(pngMagic)) }

const (
	pngMagic = "\x89PNG\r\n\x1a\n"
	pngEnd   = "\x00\x00\x00\x00IEND\xaeB`\x82"
)

// pngEnds says whether the closing chunk of a PNG is there. Bytes after it do
// no harm.
func pngEnds(r io.ReaderAt, size int64) (bool, error) {
	return containsAfter(r, int64(len(pngMagic)), size, []byte(pngEnd))
}

// webpEnds says whether a WebP is as long as its first chunk says. Bytes after
// that do no harm.
func webpEnds(r io.ReaderAt, size int64) (bool, error) {
	var b [8]byte
	if _, err := r.ReadAt(b[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	return int64(binary.LittleEndian.Uint32(b[4:]))+8 <= size, nil
}

// jpegEnds says whether a JPEG has its end-of-image marker after the start of
// its first scan. Before that, the marker may belong to a thumbnail; within a
// scan it cannot occur by chance, as every 0xff in the data is followed by a
// zero byte (ITU-T T.81, B.1.1.5). Bytes after the marker, which some cameras
// add, do no harm.
func jpegEnds(r io.ReaderAt, size int64) (bool, error) {
	var b [4]byte
	for off := int64(2); ; {
		if _, err := r.ReadAt(b[:], off); err != nil {
			if errors.Is(err, io.EOF) {
				return false, nil
			}
			return false, err
		}
		marker, length := b[1], int64(b[2])<<8|int64(b[3])
		switch {
		case b[0] != 0xff:
			// Stray bytes between segments are for the decoder to judge.
			return containsAfter(r, off, size, []byte{0xff, 0xd9})
		case marker == 0xff: // padding
			off++
		case marker == 0xda: // start of scan
			return containsAfter(r, off+2+length, size, []byte{0xff, 0xd9})
		case marker == 0x01 || marker >= 0xd0 && marker <= 0xd8: // no length follows
			off += 2
		default:
			off += 2 + max(length, 2)
		}
	}
}

// containsAfter looks for pattern in [from, size), from the end backwards,
// where it is as a rule.
func containsAfter(r io.ReaderAt, from, size int64, pattern []byte) (bool, error) {
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
			return false, err
		}
		if bytes.Contains(buf, pattern) {
			return true, nil
		}
		end, step = start, block
	}
	return false, nil
}
