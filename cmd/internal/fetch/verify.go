package fetch

import (
	"context"
	"errors"
	"fmt"
	"image"
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
	format, ok := formatOf(head)
	if !ok {
		if size == 0 {
			return "", faultf(NotPicture, "no bytes at all")
		}
		return "", faultf(NotPicture, "not JPEG, PNG or WebP but %s", http.DetectContentType(head))
	}
	ends, err := format.ends(r, size)
	if err != nil {
		return "", fmt.Errorf("read picture: %w", err)
	}
	if !ends {
		return "", faultf(Truncated, "the %s of %d bytes has no end", format.mediaType, size)
	}
	config, err := guarded(func() (image.Config, error) { return format.decodeConfig(io.NewSectionReader(r, 0, size)) })
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
		return format.mediaType, nil
	}
	// Pictures being decoded share one budget, so that a few large ones do not
	// fill the memory together.
	share := min(pixels, decodeBudget)
	if err := f.pixels.Acquire(ctx, share); err != nil {
		return "", err
	}
	defer f.pixels.Release(share)
	if _, err := guarded(func() (image.Image, error) { return format.decode(io.NewSectionReader(r, 0, size)) }); err != nil {
		return "", faultf(Undecodable, "%v", err)
	}
	return format.mediaType, nil
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
