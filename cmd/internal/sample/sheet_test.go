package sample

import (
	"flag"
	"image"
	"image/color"
	"image/png"
	"os"
	"testing"
)

var (
	sheet = flag.String("sheet", "", "write a contact sheet with boxes to this PNG file")
	from  = flag.Int("from", 0, "number of the sheet's first train photo")
)

// TestSheet draws a contact sheet, for people to look at.
func TestSheet(t *testing.T) {
	if *sheet == "" {
		t.Skip("no -sheet FILE given")
	}
	const columns, rows, width, height = 5, 5, 400, 400
	s := New()
	out := image.NewRGBA(image.Rect(0, 0, columns*width, rows*height))
	for i := range columns * rows {
		p := &s.index["train"][(*from+i)%len(s.index["train"])]
		picture := s.draw(p, compose(p.seed, p.habit, s.noise(), true))
		m := s.measure(p)
		for _, b := range m.boxes {
			c := []uint8{40, 150, 255}
			switch b.class {
			case classHamburger:
				c = []uint8{255, 30, 30}
			case classSandwich:
				c = []uint8{30, 230, 30}
			}
			for x := b.x0; x < b.x1; x++ {
				copy(picture.rgb[3*(b.y0*m.w+x):], c)
				copy(picture.rgb[3*((b.y1-1)*m.w+x):], c)
			}
			for y := b.y0; y < b.y1; y++ {
				copy(picture.rgb[3*(y*m.w+b.x0):], c)
				copy(picture.rgb[3*(y*m.w+b.x1-1):], c)
			}
		}
		scale := max(float64(m.w)/width, float64(m.h)/height)
		for y := range height {
			for x := range width {
				u, v := int(float64(x)*scale), int(float64(y)*scale)
				if u < m.w && v < m.h {
					q := picture.rgb[3*(v*m.w+u):]
					out.SetRGBA(i%columns*width+x, i/columns*height+y, color.RGBA{q[0], q[1], q[2], 255})
				}
			}
		}
	}
	f, err := os.Create(*sheet)
	if err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(f, out); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
