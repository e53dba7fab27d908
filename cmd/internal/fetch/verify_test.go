package fetch

import (
	"bytes"
	"errors"
	"image/jpeg"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sync/semaphore"

	"github.com/opensandwich/oi/cmd/internal/imagefile"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

func verifier(c Check) *Fetcher {
	return &Fetcher{opts: Options{Check: c, MaxPixels: imagefile.DefaultMaxPixels, MaxBytes: DefaultMaxBytes}, decoded: semaphore.NewWeighted(decodeBudget)}
}

// TestEveryCutIsSeen cuts a picture at every byte.
func TestEveryCutIsSeen(t *testing.T) {
	data := oitest.JPEG(1)
	f := verifier(CheckHeader)
	for n := range len(data) + 1 {
		_, err := f.verify(t.Context(), bytes.NewReader(data[:n]), int64(n))
		if (err == nil) != (n == len(data)) {
			t.Errorf("%d of %d bytes: %v", n, len(data), err)
		}
	}
}

// TestRealPhotos: every real photo passes the checks, the grey one too, and
// Flickr's placeholder does not.
func TestRealPhotos(t *testing.T) {
	for _, dir := range []string{"openimages/images-1024px", "openimages/bucket/test"} {
		files, err := filepath.Glob(filepath.Join(oitest.RealData(t, dir), "*.jpg"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no photos in %s: %v", dir, err)
		}
		f := verifier(CheckFull)
		for i, name := range files {
			if testing.Short() && i%8 > 0 {
				continue
			}
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if mt, err := f.verify(t.Context(), bytes.NewReader(data), int64(len(data))); err != nil || mt != "image/jpeg" {
				t.Errorf("%s: %s, %v", filepath.Base(name), mt, err)
			}
			cut := int64(len(data) * 9 / 10)
			var fe *fetchError
			if _, err := f.verify(t.Context(), bytes.NewReader(data), cut); !errors.As(err, &fe) || fe.reason != Truncated {
				t.Errorf("%s, cut: %v", filepath.Base(name), err)
			}
		}
	}
}

// FuzzVerify: whatever the bytes, there is an answer of a known kind, and what
// passes the full check can be decoded.
func FuzzVerify(f *testing.F) {
	good := oitest.JPEG(1)
	f.Add(good)
	f.Add(good[:100])
	f.Add([]byte("\xff\xd8\xff\xda\x00\x02\xff\xd9"))
	f.Add([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00\x00\x00\x00\x00IEND\xaeB`\x82"))
	f.Add([]byte("<html>"))
	v := verifier(CheckFull)
	v.opts.MaxPixels = 1 << 20
	f.Fuzz(func(t *testing.T, data []byte) {
		mt, err := v.verify(t.Context(), bytes.NewReader(data), int64(len(data)))
		var fe *fetchError
		if err != nil && !errors.As(err, &fe) {
			t.Fatalf("an error that is no *fetchError: %v", err)
		}
		if err == nil && mt == "image/jpeg" {
			if _, err := jpeg.Decode(bytes.NewReader(data)); err != nil {
				t.Fatalf("passed, but: %v", err)
			}
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	data := oitest.JPEG(1)
	for _, c := range []Check{CheckHeader, CheckFull} {
		b.Run(string(c), func(b *testing.B) {
			f := verifier(c)
			for b.Loop() {
				if _, err := f.verify(b.Context(), bytes.NewReader(data), int64(len(data))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
