package jpegfile

import (
	"bytes"
	"image"
	"os"
	"testing"
)

// TestBands: a progressive picture that is read several times, for some of its
// rows each time, has the pixels that it has at once.
func TestBands(t *testing.T) {
	for _, name := range []string{"progressive", "cmyk-progressive", "grey-progressive-restart", "progressive-444-restart", "s410-progressive"} {
		data, err := os.ReadFile("testdata/" + name + ".jpg")
		if err != nil {
			t.Fatal(err)
		}
		h, err := ReadHeader(bytes.NewReader(data), int64(len(data)))
		if err != nil || !h.frame.progressive() {
			t.Fatalf("%s: %v", name, err)
		}
		for _, scale := range []int{1, 2, 4, 8} {
			for _, r := range []image.Rectangle{image.Rect(0, 0, h.Width, h.Height), image.Rect(9, 17, 60, 40), {}} {
				var want [][]byte
				for _, rows := range []int{1000, 1, 2, 3} {
					d := new(Decoder)
					d.band = rows * h.frame.bandRow(h.frame.wantedOf(r).Dx(), scale)
					m, err := d.Decode(data, r, scale)
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					var got [][]byte
					b := m.Bounds()
					for y := b.Min.Y; y < b.Max.Y; y++ {
						row := make([]byte, 3*b.Dx())
						m.RGBRow(row, b.Min.X, y)
						got = append(got, row)
					}
					if want == nil {
						want = got
					}
					if !bytes.Equal(bytes.Join(got, nil), bytes.Join(want, nil)) {
						t.Errorf("%s: %v at 1/%d differs in bands of %d rows", name, r, scale, rows)
					}
				}
			}
		}
	}
}

// TestMemory: what a Decoder allocates is at most what the header tells.
func TestMemory(t *testing.T) {
	names, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		data, err := os.ReadFile("testdata/" + name.Name())
		if name.IsDir() {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		h, err := ReadHeader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			continue
		}
		for _, scale := range []int{1, 2, 4, 8} {
			for _, r := range []image.Rectangle{image.Rect(0, 0, h.Width, h.Height), image.Rect(9, 17, 40, 30), {}} {
				d := new(Decoder)
				if _, err := d.Decode(data, r, scale); err != nil {
					t.Fatalf("%s: %v", name.Name(), err)
				}
				// Each interval has room after it to read ahead.
				ahead := int64(maxBlock * (1 + bytes.Count(data, []byte{0xff})))
				held, most := int64(d.Held()), h.Memory(int64(len(data)), r, scale)
				if held > most+ahead+1024 || most > 2*held+4096 {
					t.Errorf("%s: %v at 1/%d: holds %d bytes, and the header says %d", name.Name(), r, scale, held, most)
				}
			}
		}
	}
}
