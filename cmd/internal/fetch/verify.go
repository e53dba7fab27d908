package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cas"
	"github.com/opensandwich/oi/cmd/internal/imagefile"
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

// Unsupported is the reason for a valid picture that uses a feature of its
// format that no decoder here reads. oi-crop has the same words.
const Unsupported Reason = "unsupported feature"

// decodeBudget is how many pixels are decoded at a time in all.
const decodeBudget = 24_000_000

// checkVersion is that of the checks here. Version 1 made no difference between
// scans with all their data and scans with a hole, and took what no decoder
// reads if the header was well.
const checkVersion = 2

// coveredBy says whether a picture that is in the cache has passed c.
func (c Check) coveredBy(e cas.Entry) bool {
	return e.CheckVersion >= checkVersion && (e.Check == string(CheckFull) || e.Check == string(c))
}

// verifyHashed is verify for bytes whose SHA-256 is known: it tells Flickr's
// placeholder too.
func (f *Fetcher) verifyHashed(ctx context.Context, r io.ReaderAt, size int64, digest string) (mediaType string, err error) {
	if size == placeholderSize && digest == placeholderSHA256 {
		return "", fetchErrorf(Placeholder, "Flickr's notice that the photo is no longer available")
	}
	return f.verify(ctx, r, size)
}

// verify looks at a whole picture and returns its media type, or a *fetchError.
func (f *Fetcher) verify(ctx context.Context, r io.ReaderAt, size int64) (mediaType string, err error) {
	config, err := imagefile.Check(r, size, f.opts.MaxPixels)
	if errors.Is(err, imagefile.ErrFormat) {
		return "", notPicture(r, size)
	}
	if err != nil || f.opts.Check != CheckFull {
		return config.MediaType, pictureError(err)
	}
	// Pictures being decoded share one budget, so that a few large ones do
	// not fill the memory together.
	share := min(max(int64(config.Width)*int64(config.Height), size), decodeBudget)
	if err := f.decoded.Acquire(ctx, share); err != nil {
		return "", err
	}
	defer f.decoded.Release(share)
	data := make([]byte, size)
	n, err := r.ReadAt(data, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read picture: %w", err)
	}
	return config.MediaType, pictureError(imagefile.Verify(data[:n], config))
}

// notPicture says what came instead of a picture.
func notPicture(r io.ReaderAt, size int64) error {
	if size == 0 {
		return fetchErrorf(NotPicture, "no bytes at all")
	}
	head := make([]byte, min(size, 512))
	if _, err := r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read picture: %w", err)
	}
	return fetchErrorf(NotPicture, "%v but %s", imagefile.ErrFormat, http.DetectContentType(head))
}

// pictureError turns what package imagefile says into a *fetchError. Any other
// error is one of reading.
func pictureError(err error) error {
	if err == nil {
		return nil
	}
	for _, v := range []struct {
		is     error
		reason Reason
	}{
		{imagefile.ErrTruncated, Truncated},
		{imagefile.ErrTooManyPixels, TooManyPixels},
		{imagefile.ErrUnsupported, Unsupported},
		{imagefile.ErrDamaged, Undecodable},
	} {
		if errors.Is(err, v.is) {
			return fetchErrorf(v.reason, "%s", strings.TrimPrefix(err.Error(), v.is.Error()+": "))
		}
	}
	return fmt.Errorf("read picture: %w", err)
}
