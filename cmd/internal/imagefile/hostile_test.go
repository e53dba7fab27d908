package imagefile_test

import (
	"bytes"
	"errors"
	"image"
	"runtime"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/imagefile"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// small are small files of all formats.
func small(t testing.TB) map[string][]byte {
	all := map[string][]byte{
		"baseline":    oitest.JPEG(1),
		"png":         oitest.PNG{Width: 9, Height: 7, Depth: 8, Colour: 2, ChunkSize: 60}.Encode(),
		"palette":     oitest.PNG{Width: 9, Height: 7, Depth: 4, Colour: 3, Palette: make([]byte, 48)}.Encode(),
		"interlaced":  oitest.PNG{Width: 9, Height: 7, Depth: 16, Colour: 6, Interlaced: true}.Encode(),
		"webp":        files(t, "webp/testdata/lossy.webp")["lossy.webp"],
		"lossless":    files(t, "webp/testdata/lossless-alpha.webp")["lossless-alpha.webp"],
		"progressive": files(t, "testdata/small-progressive.jpg")["small-progressive.jpg"],
	}
	return all
}

// verdict is the kind of an error.
func verdict(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return "good"
	}
	for _, kind := range []error{imagefile.ErrFormat, imagefile.ErrTruncated, imagefile.ErrTooManyPixels, imagefile.ErrDamaged, imagefile.ErrUnsupported} {
		if errors.Is(err, kind) {
			return kind.Error()
		}
	}
	t.Fatalf("an error of no kind: %v", err)
	return ""
}

// allocated returns how many bytes f allocates.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// fixedMemory is more than a decoder takes whatever the photo: its tables.
const fixedMemory = 1 << 20

// judge decodes a file in all ways and returns the verdict, which must be the
// same for all of them. None takes more memory than the header was known to.
func judge(t *testing.T, d *imagefile.Decoder, data []byte, limit int) string {
	t.Helper()
	c, err := imagefile.Check(bytes.NewReader(data), int64(len(data)), limit)
	if err != nil {
		return verdict(t, err)
	}
	want := ""
	for _, window := range []image.Rectangle{image.Rect(0, 0, c.Width, c.Height), {}, image.Rect(c.Width/2, c.Height/2, c.Width/2+1, c.Height/2+1)} {
		for _, scale := range []int{1, 2, 4, 8} {
			var err error
			n := allocated(func() {
				err = d.DecodeRows(data, c, window, scale, func(img image.Image, _ int) {
					if r := img.Bounds(); !r.Empty() {
						img.At(r.Max.X-1, r.Max.Y-1)
					}
				})
			})
			if errors.Is(err, imagefile.ErrTooManyPixels) {
				continue // that depends on the window
			}
			got := verdict(t, err)
			if want == "" {
				want = got
			}
			if got != want {
				t.Fatalf("%s for the window %v at 1/%d, and %s for others", got, window, scale, want)
			}
			if most := c.Memory(window, scale) + 4*int64(len(data)) + fixedMemory; n > most {
				t.Fatalf("%dx%d, %v at 1/%d takes %d bytes of %d", c.Width, c.Height, window, scale, n, most)
			}
		}
	}
	if got := verdict(t, imagefile.Verify(data, c)); want != "" && got != want {
		t.Fatalf("%s verified, %s decoded", got, want)
	}
	return want
}

// TestEveryOffset: a photo that ends anywhere is refused, and one with a byte
// changed anywhere has the same verdict at every scale and for every window,
// in bounded memory. The photo after it is decoded as ever.
func TestEveryOffset(t *testing.T) {
	for name, data := range small(t) {
		t.Run(name, func(t *testing.T) {
			d := &imagefile.Decoder{}
			if got := judge(t, d, data, limit); got != "good" {
				t.Fatal(got)
			}
			verdicts := map[string]int{}
			for n := range data {
				if got := judge(t, d, data[:n], limit); got == "good" {
					t.Errorf("the first %d of %d bytes are a picture", n, len(data))
				}
				bad := bytes.Clone(data)
				bad[n] ^= 0xff
				verdicts[judge(t, d, bad, 1<<16)]++
			}
			if got := judge(t, d, data, limit); got != "good" {
				t.Errorf("after the damaged ones: %s", got)
			}
			t.Logf("%d bytes: %v", len(data), verdicts)
		})
	}
}
