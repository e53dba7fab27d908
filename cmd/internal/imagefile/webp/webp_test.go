package webp_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/draw"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/imagefile/webp"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestColours has pictures next to what libwebp's dwebp makes of them.
func TestColours(t *testing.T) {
	for _, name := range []string{"lossy", "lossy-even", "lossy-alpha", "lossless-alpha"} {
		img, err := webp.Decode(read(t, name+".webp"))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want, err := png.Decode(bytes.NewReader(read(t, name+".png")))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(pixels(img), pixels(want)) || img.Bounds() != want.Bounds() {
			t.Errorf("%s: not the pixels of dwebp", name)
		}
	}
}

// TestRGBRow: a part of a row is that part of the whole.
func TestRGBRow(t *testing.T) {
	for _, name := range []string{"lossy", "lossy-even"} {
		img, err := webp.Decode(read(t, name+".webp"))
		if err != nil {
			t.Fatal(err)
		}
		all, w := pixels(img), img.Bounds().Dx()
		for y := range img.Bounds().Dy() {
			for x := range w {
				for n := range w - x {
					row := make([]byte, 3*n)
					img.(*webp.Image).RGBRow(row, x, y)
					for i := range n {
						if !bytes.Equal(row[3*i:][:3], all[4*(y*w+x+i):][:3]) {
							t.Fatalf("%s: pixel %d,%d is another one in a row of %d from %d", name, x+i, y, n, x)
						}
					}
				}
			}
		}
	}
}

// pixels returns the RGBA bytes of a picture, not premultiplied.
func pixels(img image.Image) []byte {
	if m, ok := img.(*image.NRGBA); ok {
		return m.Pix
	}
	m := image.NewNRGBA(img.Bounds())
	draw.Draw(m, m.Rect, img, m.Rect.Min, draw.Src)
	return m.Pix
}

// frame returns the chunks of a plain file.
func frame(t testing.TB, name string) []byte { return read(t, name)[12:] }

func chunk(id string, body ...byte) []byte {
	b := binary.LittleEndian.AppendUint32([]byte(id), uint32(len(body)))
	return append(append(b, body...), make([]byte, len(body)&1)...)
}

func file(chunks ...[]byte) []byte {
	body := bytes.Join(chunks, nil)
	head := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(4+len(body)))
	return slices.Concat(head, []byte("WEBP"), body)
}

func canvas(flags byte) []byte { return chunk("VP8X", flags, 0, 0, 0, 44, 0, 0, 30, 0, 0) }

// TestExtended writes the same pictures with more around them.
func TestExtended(t *testing.T) {
	const alpha, exif, icc = 1 << 4, 1 << 3, 1 << 5
	plain := func(name string) []byte {
		img, err := webp.Decode(read(t, name))
		if err != nil {
			t.Fatal(err)
		}
		return pixels(img)
	}
	lossless, lossy := frame(t, "lossless-alpha.webp"), frame(t, "lossy.webp")
	withAlpha := frame(t, "lossy-alpha.webp")[18:] // after its canvas
	for name, c := range map[string]struct {
		data []byte
		want []byte
	}{
		"lossless, transparent":      {file(canvas(alpha), lossless), plain("lossless-alpha.webp")},
		"lossless, no flag":          {file(canvas(0), lossless), plain("lossless-alpha.webp")},
		"profile and data before":    {file(canvas(icc), chunk("ICCP", 1, 2, 3), chunk("what", 1), lossy), plain("lossy.webp")},
		"data after":                 {file(canvas(exif), lossy, chunk("EXIF", 1, 2, 3)), plain("lossy.webp")},
		"a flag without alpha":       {file(canvas(alpha), lossy), plain("lossy.webp")},
		"alpha without a flag":       {file(canvas(0), withAlpha), plain("lossy-alpha.webp")},
		"bytes after the end":        {append(read(t, "lossy.webp"), "and more"...), plain("lossy.webp")},
		"alpha of a lossless one":    {file(canvas(alpha), chunk("ALPH", 0), lossless), plain("lossless-alpha.webp")},
		"a canvas for the simple":    {file(canvas(0), lossy), plain("lossy.webp")},
		"an animation's still image": {file(canvas(2), chunk("ANIM", 0, 0, 0, 0, 0, 0), lossy), plain("lossy.webp")},
	} {
		img, err := webp.Decode(c.data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !bytes.Equal(pixels(img), c.want) {
			t.Errorf("%s: other pixels", name)
		}
	}
}

// TestRefuses has files without a picture that can be trusted.
func TestRefuses(t *testing.T) {
	lossy := frame(t, "lossy.webp")
	change := bytes.Clone(lossy)
	change[8] |= 1 // no key frame
	for name, c := range map[string]struct {
		data []byte
		want error // nil: any
	}{
		"nothing":               {nil, io.ErrUnexpectedEOF},
		"cut":                   {read(t, "lossy.webp")[:100], io.ErrUnexpectedEOF},
		"an animation":          {file(canvas(2), chunk("ANIM", 0, 0, 0, 0, 0, 0), chunk("ANMF", 1, 2)), webp.ErrAnimated},
		"no picture":            {file(canvas(0)), nil},
		"a chunk of 3 bytes":    {file([]byte("VP8")), nil},
		"a chunk too long":      {file([]byte("VP8 \xff\xff\xff\xff0123456789")), nil},
		"a short canvas":        {file(chunk("VP8X", 0), lossy), nil},
		"a short frame":         {file(chunk("VP8 ", 0, 0, 0)), nil},
		"the change of another": {file(change), nil},
		"a larger picture":      {oitest.WebPOn(oitest.WebPCanvas(2, 1)), nil},
		"two canvases":          {oitest.WebPOn(oitest.WebPCanvas(1, 1), oitest.WebPCanvas(1<<20, 1<<20)), nil},
	} {
		_, err := webp.ReadHeader(bytes.NewReader(c.data), int64(len(c.data)))
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: header: %v, want %v", name, err, c.want)
		}
		if _, err := webp.Decode(c.data); err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestEXIF(t *testing.T) {
	lossy := frame(t, "lossy.webp")
	for name, data := range map[string][]byte{
		"after":  file(canvas(8), lossy, chunk("EXIF", []byte("MM\x00")...)),
		"before": file(canvas(8), chunk("EXIF", []byte("MM\x00")...), lossy),
	} {
		if got := webp.EXIF(data); string(got) != "MM\x00" {
			t.Errorf("%s: %q", name, got)
		}
	}
	for name, data := range map[string][]byte{"none": read(t, "lossy.webp"), "no file": nil, "cut": read(t, "lossy.webp")[:50]} {
		if got := webp.EXIF(data); got != nil {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// FuzzDecode: whatever the bytes, what is decoded has the size of its header.
func FuzzDecode(f *testing.F) {
	for _, name := range []string{"lossy.webp", "lossy-alpha.webp", "lossless-alpha.webp"} {
		f.Add(read(f, name))
	}
	f.Add(file(canvas(16), frame(f, "lossless-alpha.webp"), chunk("EXIF", 1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		webp.EXIF(data)
		head, err := webp.ReadHeader(bytes.NewReader(data), int64(len(data)))
		if err != nil || head.Width*head.Height > 1<<16 {
			return
		}
		img, err := webp.Decode(data)
		if err == nil && img.Bounds() != image.Rect(0, 0, head.Width, head.Height) {
			t.Fatalf("%v, its header says %+v", img.Bounds(), head)
		}
	})
}
