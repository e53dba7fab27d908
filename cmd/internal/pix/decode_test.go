package pix

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/imagefile"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

func encodePNG(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func encodeJPEG(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 90}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// noise returns a picture of one kind with random content.
func noise(kind string, w, h int, rng *rand.Rand) image.Image {
	r := image.Rect(0, 0, w, h)
	fill := func(p []byte) {
		for i := range p {
			p[i] = byte(rng.Uint32())
		}
	}
	switch kind {
	case "gray":
		m := image.NewGray(r)
		fill(m.Pix)
		return m
	case "gray16":
		m := image.NewGray16(r)
		fill(m.Pix)
		return m
	case "nrgba":
		m := image.NewNRGBA(r)
		fill(m.Pix)
		return m
	case "nrgba64":
		m := image.NewNRGBA64(r)
		fill(m.Pix)
		return m
	case "cmyk":
		m := image.NewCMYK(r)
		fill(m.Pix)
		return m
	case "rgba":
		m := image.NewRGBA(r)
		fill(m.Pix)
		for i := range m.Pix { // premultiplied: no channel above alpha
			m.Pix[i] = min(m.Pix[i], m.Pix[i|3])
		}
		return m
	case "paletted":
		p := color.Palette{color.RGBA{R: 200, A: 255}, color.RGBA{G: 100, A: 255}, color.NRGBA{B: 255, A: 128}, color.Transparent}
		m := image.NewPaletted(r, p)
		fill(m.Pix)
		for i := range m.Pix {
			m.Pix[i] %= byte(len(p))
		}
		return m
	}
	ratios := map[string]image.YCbCrSubsampleRatio{
		"444": image.YCbCrSubsampleRatio444, "422": image.YCbCrSubsampleRatio422, "420": image.YCbCrSubsampleRatio420,
		"440": image.YCbCrSubsampleRatio440, "411": image.YCbCrSubsampleRatio411, "410": image.YCbCrSubsampleRatio410,
	}
	m := image.NewYCbCr(r, ratios[kind])
	fill(m.Y)
	fill(m.Cb)
	fill(m.Cr)
	return m
}

// plainRGB is what a picture's pixels should be, by package color alone.
func plainRGB(img image.Image, x, y int) [3]byte {
	r, g, b, a := img.At(x, y).RGBA()
	white := 0xffff - a
	return [3]byte{byte((r + white) >> 8), byte((g + white) >> 8), byte((b + white) >> 8)}
}

func TestRGBMatchesPackageColor(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, kind := range []string{"gray", "gray16", "nrgba", "nrgba64", "cmyk", "rgba", "paletted", "444", "422", "420", "440", "411", "410"} {
		t.Run(kind, func(t *testing.T) {
			img := noise(kind, 33, 21, rng)
			p, err := NewPicture(img)
			if err != nil {
				t.Fatal(err)
			}
			for range 20 {
				x, y := rng.IntN(33), rng.IntN(21)
				w, h := 1+rng.IntN(33-x), 1+rng.IntN(21-y)
				got := p.RGB(x, y, w, h)
				for r := range h {
					for c := range w {
						want := plainRGB(img, x+c, y+r)
						if g := got[(r*w+c)*3:][:3]; !bytes.Equal(g, want[:]) {
							t.Fatalf("pixel %d,%d: %v, want %v", x+c, y+r, g, want)
						}
					}
				}
			}
		})
	}
}

func TestDecodeFormats(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, kind := range []string{"gray", "gray16", "nrgba", "nrgba64", "paletted", "420"} {
		img := noise(kind, 20, 10, rng)
		p, err := Decode(encodePNG(t, img), 200)
		if err != nil {
			t.Errorf("%s as PNG: %v", kind, err)
			continue
		}
		want := plainRGB(img, 7, 3)
		if got := p.RGB(7, 3, 1, 1); !bytes.Equal(got, want[:]) {
			t.Errorf("%s as PNG: %v, want %v", kind, got, want)
		}
	}
	if p, err := Decode(encodeJPEG(t, noise("gray", 20, 10, rng)), 200); err != nil || p.Width != 20 || p.Height != 10 {
		t.Errorf("grey JPEG: %v %v", p, err)
	}
}

// A JPEG of 8 by 8 pixels with four components of one value each, as Adobe
// programs write them: inverted CMYK, or YCCK.
func fourComponents(transform byte) []byte {
	var b bytes.Buffer
	segment := func(marker byte, body ...byte) {
		b.Write([]byte{0xff, marker})
		_ = binary.Write(&b, binary.BigEndian, uint16(len(body)+2))
		b.Write(body)
	}
	b.Write([]byte{0xff, 0xd8})
	segment(0xee, append([]byte("Adobe"), 0, 100, 0, 0, 0, 0, transform)...)
	segment(0xdb, append([]byte{0}, bytes.Repeat([]byte{1}, 64)...)...)
	segment(0xc0, 8, 0, 8, 0, 8, 4, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0)
	// One code of one bit for DC: category 0; one for AC: end of block.
	// Every value is then 128.
	segment(0xc4, append(append([]byte{0x00, 1}, make([]byte, 15)...), 0)...)
	segment(0xc4, append(append([]byte{0x10, 1}, make([]byte, 15)...), 0)...)
	segment(0xda, 4, 1, 0, 2, 0, 3, 0, 4, 0, 0, 63, 0)
	b.Write([]byte{0x00, 0xff, 0xd9}) // eight zero bits: four blocks of DC 0, end
	return b.Bytes()
}

func TestDecodeCMYK(t *testing.T) {
	for name, data := range map[string][]byte{"cmyk": fourComponents(0), "ycck": fourComponents(2)} {
		p, err := Decode(data, 64)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		// Half ink of each colour under half black is a quarter of the
		// light.
		if got := p.RGB(3, 3, 1, 1); got[0] < 62 || got[0] > 66 || got[1] != got[0] || got[2] != got[0] {
			t.Errorf("%s: %v, want 64 of each", name, got)
		}
	}
}

// withOrientation puts an EXIF segment that asks for a quarter turn in front.
func withOrientation(data []byte) []byte {
	tiff := []byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00")
	segment := append([]byte{0xff, 0xe1, 0, byte(len(tiff) + 2)}, tiff...)
	return slices.Concat(data[:2], segment, data[2:])
}

func TestDecodeIgnoresOrientation(t *testing.T) {
	data := encodeJPEG(t, noise("420", 24, 16, rand.New(rand.NewPCG(1, 1))))
	a, err := Decode(data, 1000)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Decode(withOrientation(data), 1000)
	if err != nil {
		t.Fatal(err)
	}
	if b.Width != 24 || b.Height != 16 || !bytes.Equal(a.RGB(0, 0, 24, 16), b.RGB(0, 0, 24, 16)) {
		t.Error("the EXIF orientation changed the picture")
	}
}

func TestDecodeRealPhotos(t *testing.T) {
	for path, size := range map[string][2]int{
		"openimages/images-1024px/7408fef212a5d3bc.jpg": {}, // one channel
		"flickr/photo_unavailable.png":                  {500, 374},
	} {
		data, err := os.ReadFile(oitest.RealData(t, path))
		if err != nil {
			t.Fatal(err)
		}
		p, err := Decode(data, imagefile.DefaultMaxPixels)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if size != [2]int{} && size != [2]int{p.Width, p.Height} {
			t.Errorf("%s: %dx%d, want %v", path, p.Width, p.Height, size)
		}
	}
	files, err := filepath.Glob(oitest.RealData(t, "openimages/images-1024px") + "/*.jpg")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d photos: %v", len(files), err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Decode(data, imagefile.DefaultMaxPixels)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		img, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		got := p.RGB(0, 0, p.Width, p.Height)
		for i := 0; i < p.Width*p.Height; i += 97 {
			want := plainRGB(img, i%p.Width, i/p.Width)
			if !bytes.Equal(got[3*i:3*i+3], want[:]) {
				t.Fatalf("%s: pixel %d is %v, want %v", name, i, got[3*i:3*i+3], want)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	rng := rand.New(rand.NewPCG(9, 10))
	for _, kind := range []string{"gray", "420", "444"} {
		f.Add(encodeJPEG(f, noise(kind, 17, 9, rng)))
	}
	for _, kind := range []string{"gray16", "nrgba", "paletted"} {
		f.Add(encodePNG(f, noise(kind, 17, 9, rng)))
	}
	f.Add(fourComponents(0))
	f.Add(fourComponents(2))
	f.Fuzz(func(t *testing.T, data []byte) {
		const limit = 1 << 16
		c, sizeErr := imagefile.Check(bytes.NewReader(data), int64(len(data)), limit)
		p, err := Decode(data, limit)
		if err != nil {
			return
		}
		if sizeErr != nil || c.Width != p.Width || c.Height != p.Height {
			t.Fatalf("the header says %dx%d, %v; decoded as %dx%d", c.Width, c.Height, sizeErr, p.Width, p.Height)
		}
		if p.Width < 1 || p.Height < 1 || p.Width*p.Height > limit {
			t.Fatalf("decoded as %dx%d", p.Width, p.Height)
		}
		if got := cropSquare(p, 0, 0, p.Width, p.Height, 90, 8); len(got) != 8*8*3 {
			t.Fatalf("%d bytes", len(got))
		}
	})
}
