package pngfile_test

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/imagefile/pngfile"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// kinds are files of all types of colour and depths, with and without
// transparency, and with all kinds of palettes.
func kinds(w, h int) map[string][]byte {
	files := map[string][]byte{}
	for _, p := range []oitest.PNG{
		{Depth: 1}, {Depth: 2}, {Depth: 4}, {Depth: 8}, {Depth: 16},
		{Depth: 8, Colour: 2}, {Depth: 16, Colour: 2},
		{Depth: 8, Colour: 4}, {Depth: 16, Colour: 4},
		{Depth: 8, Colour: 6}, {Depth: 16, Colour: 6},
		{Depth: 1, Colour: 3}, {Depth: 2, Colour: 3}, {Depth: 4, Colour: 3}, {Depth: 8, Colour: 3},
	} {
		p.Width, p.Height, p.Seed = w, h, uint64(p.Depth)*8+uint64(p.Colour)
		colours := make([]byte, 3*256)
		for i := range colours {
			colours[i] = byte(i*37 + 11)
		}
		transparencies := [][]byte{nil}
		switch p.Colour {
		case 0:
			transparencies = [][]byte{nil, {0, 1}, {3, 200}, {255, 255}, {0, 0}}
		case 2:
			transparencies = [][]byte{nil, {0, 1, 0, 2, 0, 3}, {9, 1, 8, 2, 7, 3}}
			p.Palette = colours[:12] // a mere proposal
		case 3:
			p.Palette = colours[:3<<p.Depth]
			transparencies = [][]byte{nil, {}, {0, 128}, bytes.Repeat([]byte{70, 255, 1}, 80), make([]byte, 256)}
		}
		for i, t := range transparencies {
			p.Transparency = t
			p.ChunkSize = []int{0, 1, 100, 4096}[i%4]
			files[fmt.Sprintf("colour%d-depth%d-%d", p.Colour, p.Depth, i)] = p.Encode()
			if len(p.Palette) > 6 && p.Colour == 3 { // pixels of colours that it does not have
				q := p
				q.Palette = p.Palette[:len(p.Palette)-6]
				files[fmt.Sprintf("colour%d-depth%d-%d-short", p.Colour, p.Depth, i)] = q.Encode()
			}
		}
	}
	return files
}

// overWhite is a pixel of an image over white, by package color alone.
func overWhite(img image.Image, x, y int) [3]byte {
	r, g, b, a := img.At(x, y).RGBA()
	white := 0xffff - a
	return [3]byte{byte((r + white) >> 8), byte((g + white) >> 8), byte((b + white) >> 8)}
}

// compare decodes a window by both ways and compares them with an image of
// image/png, nil if that refuses the file.
func compare(t *testing.T, d *pngfile.Decoder, data []byte, want image.Image, window image.Rectangle) {
	t.Helper()
	m, err := d.Decode(data, window)
	if (err == nil) != (want != nil) {
		t.Fatalf("an error %v, and image/png has an image: %v", err, want != nil)
	}
	beginErr := d.Begin(data)
	if beginErr != nil {
		if err == nil {
			t.Fatal(beginErr)
		}
		return
	}
	rows := d.Rows(window)
	bounds := rows.Bounds()
	if err == nil && (m.Bounds() != bounds || bounds != window.Intersect(want.Bounds())) {
		t.Fatalf("bounds %v and %v of the window %v", m.Bounds(), bounds, window)
	}
	kept, read := make([]byte, 3*bounds.Dx()), make([]byte, 3*bounds.Dx())
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		rows.RGBRow(read, bounds.Min.X, y)
		if err != nil {
			continue
		}
		m.RGBRow(kept, bounds.Min.X, y)
		for i := range bounds.Dx() {
			w := overWhite(want, bounds.Min.X+i, y)
			if !bytes.Equal(kept[3*i:][:3], w[:]) || !bytes.Equal(read[3*i:][:3], w[:]) {
				t.Fatalf("pixel %d,%d: %v kept, %v read, want %v", bounds.Min.X+i, y, kept[3*i:][:3], read[3*i:][:3], w)
			}
		}
	}
	if endErr := d.End(); (endErr == nil) != (err == nil) {
		t.Fatalf("%v by rows, and %v as a whole", endErr, err)
	}
}

// decode is image/png's.
func decode(data []byte) image.Image {
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil
	}
	return img
}

// TestPixels: every kind of file has the pixels of image/png, in any window,
// decoded with the same memory.
func TestPixels(t *testing.T) {
	d := &pngfile.Decoder{}
	for _, size := range []image.Point{{1, 1}, {7, 5}, {41, 9}, {300, 3}} {
		random := rand.New(rand.NewPCG(1, uint64(size.X)))
		for name, data := range kinds(size.X, size.Y) {
			want := decode(data)
			if want == nil {
				t.Fatalf("%s: image/png refuses the test's file", name)
			}
			windows := []image.Rectangle{want.Bounds(), {}, image.Rect(-5, -5, 900, 900)}
			for range 4 {
				x, y := random.IntN(size.X), random.IntN(size.Y)
				windows = append(windows, image.Rect(x, y, x+1+random.IntN(size.X-x), y+1+random.IntN(size.Y-y)))
			}
			for _, window := range windows {
				t.Run(fmt.Sprint(name, size, window), func(t *testing.T) { compare(t, d, data, want, window) })
			}
		}
	}
}

// TestDamage: a file that is cut off anywhere, with a byte changed, or with
// chunks left out, doubled or moved, is refused or read as image/png does.
func TestDamage(t *testing.T) {
	d := &pngfile.Decoder{}
	all := image.Rect(0, 0, 9, 9)
	for name, data := range kinds(3, 2) {
		t.Run(name, func(t *testing.T) {
			for n := range data {
				compare(t, d, data[:n], decode(data[:n]), all)
				bad := bytes.Clone(data)
				bad[n] ^= 0x41
				compare(t, d, bad, decode(bad), all)
			}
			chunks := split(data)
			for i := range min(len(chunks), 7) {
				for k := range i {
					moved := append([][]byte{}, chunks...)
					moved[i], moved[k] = moved[k], moved[i]
					compare(t, d, join(moved), decode(join(moved)), all)
				}
				for _, more := range [][]byte{nil, chunks[i], oitest.PNGChunk("IDAT", nil), oitest.PNGChunk("IDAT", make([]byte, 5000)), oitest.PNGChunk("tEXt", []byte("a")), oitest.PNGChunk("IEND", []byte("a"))} {
					after := append(append(append([][]byte{}, chunks[:i+1]...), more), chunks[i+1:]...)
					compare(t, d, join(after), decode(join(after)), all)
					instead := append([][]byte{}, chunks...)
					instead[i] = more
					compare(t, d, join(instead), decode(join(instead)), all)
				}
			}
		})
	}
}

// split returns the chunks of a PNG.
func split(data []byte) (chunks [][]byte) {
	for rest := data[8:]; len(rest) > 0; {
		n := 12 + (int(rest[2])<<8 | int(rest[3]))
		chunks = append(chunks, rest[:n])
		rest = rest[n:]
	}
	return chunks
}

func join(chunks [][]byte) []byte {
	return append([]byte(oitest.PNGHead), bytes.Join(chunks, nil)...)
}

// TestAfterPixels: bytes after the compressed data in its chunk are read over
// or refused as image/png does, which depends on how far that reads ahead.
func TestAfterPixels(t *testing.T) {
	d := &pngfile.Decoder{}
	for _, size := range []int{10, 64, 3000} {
		chunks := split(oitest.PNG{Width: size, Height: 3, Depth: 8, Seed: 3}.Encode())
		body := chunks[1][8 : len(chunks[1])-4]
		for _, n := range []int{0, 1, 100, 1000, 4000, 4095, 4096, 4097, 8192, 10000} {
			data := join([][]byte{chunks[0], oitest.PNGChunk("IDAT", append(bytes.Clone(body), make([]byte, n)...)), chunks[2]})
			compare(t, d, data, decode(data), image.Rect(0, 0, size, 3))
		}
	}
}

// TestInterlaced: an interlaced file is known by its header.
func TestInterlaced(t *testing.T) {
	data := oitest.PNG{Width: 20, Height: 10, Depth: 8, Colour: 2, Interlaced: true}.Encode()
	h, err := pngfile.ReadHeader(data)
	if want := (pngfile.Header{Width: 20, Height: 10, Interlaced: true}); h != want || err != nil {
		t.Errorf("%+v %v, want %+v", h, err, want)
	}
	if err := new(pngfile.Decoder).Begin(data); err != pngfile.ErrInterlaced {
		t.Errorf("begun: %v", err)
	}
}

// TestOrder: rows are read once.
func TestOrder(t *testing.T) {
	d := &pngfile.Decoder{}
	if err := d.Begin(oitest.PNG{Width: 4, Height: 4, Depth: 8, Colour: 2}.Encode()); err != nil {
		t.Fatal(err)
	}
	rows := d.Rows(image.Rect(0, 0, 4, 4))
	line := make([]byte, 12)
	rows.RGBRow(line, 0, 2)
	rows.RGBRow(line, 0, 2)
	defer func() {
		if recover() == nil {
			t.Error("a row above the last one was read")
		}
	}()
	rows.RGBRow(line, 0, 1)
}

// TestFilesAtHand: PNG files of other programs that are on this machine have
// the pixels of image/png.
func TestFilesAtHand(t *testing.T) {
	d := &pngfile.Decoder{}
	n := 0
	for _, pattern := range []string{"/usr/share/*/*/*.png", "/usr/share/icons/*/*/*/*.png", "/usr/lib/python3/dist-packages/*/*/*/*.png", "/usr/share/pixmaps/*.png", "/usr/share/doc/*/*.png"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil || len(data) > 50_000 || n > 100 {
				continue
			}
			if h, err := pngfile.ReadHeader(data); err == nil && h.Interlaced {
				continue
			}
			n++
			t.Run(name, func(t *testing.T) {
				want := decode(data)
				all := image.Rect(0, 0, 5000, 5000)
				compare(t, d, data, want, all)
			})
		}
	}
	if n == 0 {
		t.Skip("there are no PNG files of other programs here")
	}
	t.Logf("%d files", n)
}

// FuzzDecode: whatever the bytes, the verdict and the pixels are image/png's.
func FuzzDecode(f *testing.F) {
	for _, data := range kinds(6, 4) {
		f.Add(data)
	}
	d := &pngfile.Decoder{}
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := pngfile.ReadHeader(data)
		if err == nil && (h.Interlaced || h.Width > 1e6/h.Height) {
			t.Skip("interlaced or large")
		}
		config, configErr := png.DecodeConfig(bytes.NewReader(data))
		if err != nil && configErr == nil && config.Width > 1e6/config.Height {
			t.Skip("large")
		}
		compare(t, d, data, decode(data), image.Rect(1, 1, 5000, 5000))
	})
}

func BenchmarkDecode(b *testing.B) {
	img := image.NewRGBA(image.Rect(0, 0, 1024, 768))
	random := rand.New(rand.NewPCG(1, 2))
	for y := range 768 { // slopes with grain, as a photo has
		for x := range 1024 {
			at := img.PixOffset(x, y)
			for k := range 3 {
				img.Pix[at+k] = byte((x*(k+1)+y*2)/8 + random.IntN(4))
			}
			img.Pix[at+3] = 255
		}
	}
	var file bytes.Buffer
	if err := png.Encode(&file, img); err != nil {
		b.Fatal(err)
	}
	b.Run("ours", func(b *testing.B) {
		d := &pngfile.Decoder{}
		for b.Loop() {
			if _, err := d.Decode(file.Bytes(), img.Rect); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("image/png", func(b *testing.B) {
		for b.Loop() {
			if decode(file.Bytes()) == nil {
				b.Fatal("refused")
			}
		}
	})
}
