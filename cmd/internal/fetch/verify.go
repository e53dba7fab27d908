package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"net/http"
	"path"
	"strings"
)

// A Check says how thoroughly a picture is looked at.
type Check string

// The checks. CheckHeader reads the picture's header, so the size in pixels is
// known and bounded, and looks for the marker that ends it. CheckFull decodes
// all of it as well.
const (
	CheckHeader Check = "header"
	CheckFull   Check = "full"
)

// ParseCheck reads the name of a check.
func ParseCheck(s string) (Check, error) {
	switch c := Check(s); c {
	case CheckHeader, CheckFull:
		return c, nil
	}
	return "", fmt.Errorf("%q is not a check: expected header or full", s)
}

// decodeBudget is how many pixels are decoded at a time in all.
const decodeBudget = 24_000_000

// coveredBy says whether a picture that passed the named check passes c.
func (c Check) coveredBy(passed string) bool {
	return passed == string(CheckFull) || c != CheckFull && passed == string(CheckHeader)
}

// The picture that Flickr sends, with status 200, for a photo that was taken
// down: PNG, 500x374, one channel. It is told by size and hash, never by its
// single channel, which real photos have too.
const (
	placeholderSize   = 2051
	placeholderSHA256 = "6f38049c08670c05cf14fc02d1fbcc84d80fc91f8178c86c7cecb588cc1b6f88"
)

// isPlaceholderPath tells the placeholder by the address it is served from,
// such as /pw/images/en-us/photo_unavailable.png and its larger sisters.
func isPlaceholderPath(p string) bool {
	return strings.HasPrefix(path.Base(p), "photo_unavailable")
}

// verifyKnown is verify for bytes whose hash is known.
func (f *Fetcher) verifyKnown(ctx context.Context, r io.ReaderAt, size int64, digest string) (mediaType string, err error) {
	if size == placeholderSize && digest == placeholderSHA256 {
		return "", faultf(Placeholder, "Flickr's notice that the photo is no longer available")
	}
	return f.verify(ctx, r, size)
}

// verify looks at a whole picture and returns its media type, or a *fault.
func (f *Fetcher) verify(ctx context.Context, r io.ReaderAt, size int64) (mediaType string, err error) {
	head := make([]byte, min(size, 512))
	if _, err := r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read picture: %w", err)
	}
	var (
		decodeConfig func(io.Reader) (image.Config, error)
		decode       func(io.Reader) (image.Image, error)
		whole        func(io.ReaderAt, int64) (bool, error)
	)
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xd8\xff")):
		mediaType, decodeConfig, decode, whole = "image/jpeg", jpeg.DecodeConfig, jpeg.Decode, jpegEnds
	case bytes.HasPrefix(head, []byte(pngMagic)):
		mediaType, decodeConfig, decode, whole = "image/png", png.DecodeConfig, png.Decode, pngEnds
	case size == 0:
		return "", faultf(NotPicture, "no bytes at all")
	default:
		return "", faultf(NotPicture, "neither JPEG nor PNG but %s", http.DetectContentType(head))
	}
	ends, err := whole(r, size)
	if err != nil {
		return "", fmt.Errorf("read picture: %w", err)
	}
	if !ends {
		return "", faultf(Truncated, "the %s of %d bytes has no end", mediaType, size)
	}
	config, err := guarded(func() (image.Config, error) { return decodeConfig(io.NewSectionReader(r, 0, size)) })
	if err != nil {
		return "", faultf(Undecodable, "%v", err)
	}
	pixels := int64(config.Width) * int64(config.Height)
	if pixels <= 0 {
		return "", faultf(Undecodable, "%dx%d pixels", config.Width, config.Height)
	}
	if pixels > f.opts.MaxPixels {
		return "", faultf(TooManyPixels, "%dx%d pixels, more than %d", config.Width, config.Height, f.opts.MaxPixels)
	}
	if f.opts.Check != CheckFull {
		return mediaType, nil
	}
	// Pictures being decoded share one budget, so that a few large ones do not
	// fill the memory together.
	share := min(pixels, decodeBudget)
	if err := f.pixels.Acquire(ctx, share); err != nil {
		return "", err
	}
	defer f.pixels.Release(share)
	if _, err := guarded(func() (image.Image, error) { return decode(io.NewSectionReader(r, 0, size)) }); err != nil {
		return "", faultf(Undecodable, "%v", err)
	}
	return mediaType, nil
}

// guarded turns a decoder's panic into an error.
func guarded[T any](decode func() (T, error)) (v T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the decoder panicked: %v", p)
		}
	}()
	return decode()
}

const (
	pngMagic = "\x89PNG\r\n\x1a\n"
	pngEnd   = "\x00\x00\x00\x00IEND\xaeB`\x82"
)

// pngEnds says whether the closing chunk of a PNG is there. Bytes after it do
// no harm.
func pngEnds(r io.ReaderAt, size int64) (bool, error) {
	return containsAfter(r, int64(len(pngMagic)), size, []byte(pngEnd))
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
	buf := make([]byte, 0, block+overlap)
	step := int64(4 << 10) // small first: the end is nearly always in the last bytes
	for end := size; end > from; {
		start := max(from, end-step)
		buf = buf[:min(size, end+overlap)-start]
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
