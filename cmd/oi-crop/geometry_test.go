package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/pix"
	"github.com/opensandwich/oi/record"
)

// cornerColours are those of the corners 1 to 4: upper left, upper right, lower
// left and lower right.
var cornerColours = [4]color.RGBA{{220, 20, 30, 255}, {20, 200, 40, 255}, {30, 40, 230, 255}, {230, 220, 20, 255}} // never changed

// numberedCorners is a picture of slopes with a block in each corner, of its
// colour, and the corner's number of dark dots in it.
func numberedCorners(w, h int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.RGBA{uint8(60 + 120*x/w), uint8(60 + 120*y/h), uint8(100 + 60*(x+y)/(w+h)), 255}
			right, bottom := x >= w-w/4, y >= h-h/4
			if (x < w/4 || right) && (y < h/4 || bottom) {
				number := 0
				if right {
					number++
				}
				if bottom {
					number += 2
				}
				c = cornerColours[number]
				inX, inY := x%(w-w/4), y%(h-h/4)
				if dot := inX * 9 / (w / 4); dot%2 == 1 && dot/2 <= number && inY*5/(h/4) == 2 {
					c = color.RGBA{10, 10, 10, 255}
				}
			}
			img.SetRGBA(x, y, c)
		}
	}
	return img
}

// geometryPhotos are photos of every format, with what an independent decoder
// makes of each.
func geometryPhotos(t *testing.T) map[string]struct {
	data []byte
	img  image.Image
} {
	all := map[string]struct {
		data []byte
		img  image.Image
	}{}
	add := func(name string, data []byte, img image.Image) {
		all[name] = struct {
			data []byte
			img  image.Image
		}{data, img}
	}
	small, large := numberedCorners(45, 31), numberedCorners(400, 300)
	var b bytes.Buffer
	if err := png.Encode(&b, small); err != nil {
		t.Fatal(err)
	}
	add("png", b.Bytes(), small)
	for name, img := range map[string]image.Image{"jpeg": small, "reduced": large} {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 98}); err != nil {
			t.Fatal(err)
		}
		decoded, err := jpeg.Decode(bytes.NewReader(b.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		add(name, b.Bytes(), decoded)
	}
	read := func(name string) []byte {
		data, err := os.ReadFile("../internal/imagefile/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	progressive := read("jpegfile/testdata/progressive.jpg")
	decoded, err := jpeg.Decode(bytes.NewReader(progressive))
	if err != nil {
		t.Fatal(err)
	}
	add("progressive", progressive, decoded)
	for _, name := range []string{"lossy", "lossless-alpha"} {
		decoded, err := png.Decode(bytes.NewReader(read("webp/testdata/" + name + ".png")))
		if err != nil {
			t.Fatal(err)
		}
		add(name, read("webp/testdata/"+name+".webp"), decoded)
	}
	return all
}

// geometryBoxes are boxes at every border and corner, in the middle, of less
// than a pixel, and of the whole photo, and random ones.
func geometryBoxes(random *rand.Rand) (boxes []record.Box) {
	tiny := 1e-7
	spans := [][2]float64{{0, 1}, {0, 0.4}, {0.6, 1}, {0.31, 0.72}, {0, tiny}, {1 - tiny, 1}, {0.5, 0.5 + tiny}, {0, math.SmallestNonzeroFloat64}, {math.Nextafter(1, 0), 1}}
	for _, x := range spans {
		for _, y := range spans {
			boxes = append(boxes, record.Box{XMin: x[0], XMax: x[1], YMin: y[0], YMax: y[1]})
		}
	}
	for range 40 {
		x, y := random.Float64(), random.Float64()
		boxes = append(boxes, record.Box{XMin: x * random.Float64(), XMax: x, YMin: y * random.Float64(), YMax: y})
	}
	return boxes
}

// TestGeometry: crops of every format, place of a box, rotation, context,
// padding, filter, scale and shape are those of the reference.
func TestGeometry(t *testing.T) {
	for name, photo := range geometryPhotos(t) {
		t.Run(name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(7, 8))
			times := 6
			if name == "reduced" {
				times = 1
			}
			for _, box := range geometryBoxes(random) {
				for range times {
					o := options{
						size:    []side{square(8), {Width: 11, Height: 6}, {Width: 3, Height: 20}, square(1)}[random.IntN(4)],
						context: []fraction{0, 0.1, 3}[random.IntN(3)],
						square:  random.IntN(2) == 0,
						pad:     string(pix.Pads()[random.IntN(3)]),
						filter:  string(pix.Filters()[random.IntN(4)]),
						scale:   []string{scaleAuto, scaleFull}[random.IntN(2)],
					}
					if name == "reduced" {
						o.filter, o.scale = string(pix.Area), scaleAuto
					}
					compareGeometry(t, photo.data, photo.img, box, o, 90*random.IntN(4))
				}
			}
		})
	}
}

func compareGeometry(t *testing.T, data []byte, img image.Image, box record.Box, o options, rotation int) {
	t.Helper()
	turn := float64(rotation)
	item := &record.Item{Key: "k", Box: &box, Image: &record.Image{Rotation: &turn}, Fetched: &record.Fetched{Bytes: data}}
	result, err := startCropper(t, o, "a", "b").do(t.Context(), item)
	what := fmt.Sprintf("box %v, %+v of %v, context %v, square %v, %s, %s, turned by %d", box, o.size, img.Bounds().Size(), o.context, o.square, o.pad, o.filter, rotation)
	if err != nil || len(result.Items) != 1 {
		t.Fatalf("%s: %+v %v", what, result, err)
	}
	w := wanted(img, box, o, rotation)
	crop := result.Items[0].Crop
	if got := image.Rect(crop.X, crop.Y, crop.X+crop.Width, crop.Y+crop.Height); got != w.window || crop.Rotation != rotation {
		t.Fatalf("%s: the window %v, want %v", what, got, w.window)
	}
	pad := pix.PadNone
	if o.square {
		pad = pix.Pad(o.pad)
	}
	allowed, mean := 0.5+1e-6, 0.5
	if o.filter == string(pix.Lanczos) {
		allowed = 1.1 // ties in the first of its two passes
	}
	if w.window.Dx() >= 144 && w.window.Dy() >= 144 { // reduced
		allowed, mean = 6, 1
	}
	pixels := result.Items[0].Tensor.Data
	sum := 0.0
	for i, got := range pixels {
		value := w.at(i/3%o.size.Width, i/3/o.size.Width, i%3, rotation, pad)
		off := math.Abs(float64(got) - math.Max(0, math.Min(value, 255)))
		if off > allowed {
			t.Fatalf("%s: value %d is %d, want %.3f", what, i, got, value)
		}
		sum += off
	}
	if sum > mean*float64(len(pixels)) {
		t.Fatalf("%s: %.2f off in the mean", what, sum/float64(len(pixels)))
	}
}

// cornersOf names the corners of a square crop, upper left, upper right, lower
// left and lower right, by their colours.
func cornersOf(pixels []byte, size int) (numbers string) {
	for _, at := range []image.Point{{1, 1}, {size - 2, 1}, {1, size - 2}, {size - 2, size - 2}} {
		p := pixels[3*(at.Y*size+at.X):][:3]
		best, least := 0, 1<<30
		for i, c := range cornerColours {
			r, g, b := int(p[0])-int(c.R), int(p[1])-int(c.G), int(p[2])-int(c.B)
			if off := r*r + g*g + b*b; off < least {
				best, least = i, off
			}
		}
		numbers += fmt.Sprint(best + 1)
	}
	return numbers
}

// TestNumberedCorners: the official Rotation turns counter-clockwise, the EXIF
// orientation changes no crop, and is what a photo from a camera is shown by.
func TestNumberedCorners(t *testing.T) {
	const size = 48
	var b bytes.Buffer
	if err := jpeg.Encode(&b, numberedCorners(400, 300), nil); err != nil {
		t.Fatal(err)
	}
	oriented := func(orientation byte) []byte {
		exif := append([]byte("\xff\xe1\x00\x22Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00"), orientation, 0, 0, 0, 0, 0, 0)
		return append(append(bytes.Clone(b.Bytes()[:2]), exif...), b.Bytes()[2:]...)
	}
	for orientation, want := range map[byte]string{1: "1234", 2: "2143", 3: "4321", 4: "3412", 5: "1324", 6: "3142", 7: "4231", 8: "2413"} {
		photo := oriented(orientation)
		pixels, err := pix.DecodeOriented(photo, 1e6, pix.Target{Width: size, Height: size, Filter: pix.Area})
		if err != nil {
			t.Fatal(err)
		}
		if got := cornersOf(pixels, size); got != want {
			t.Errorf("EXIF orientation %d: the corners %s, want %s", orientation, got, want)
		}
		for rotation, want := range map[float64]string{0: "1234", 90: "2413", 180: "4321", 270: "3142"} {
			item := &record.Item{Key: "k", Box: &record.Box{XMax: 1, YMax: 1}, Image: &record.Image{Rotation: &rotation}, Fetched: &record.Fetched{Bytes: photo}}
			result, err := startCropper(t, options{size: square(size)}, "a", "b").do(t.Context(), item)
			if err != nil || len(result.Items) != 1 {
				t.Fatalf("%+v %v", result, err)
			}
			if got := cornersOf(result.Items[0].Tensor.Data, size); got != want {
				t.Errorf("rotation %v, EXIF orientation %d: the corners %s, want %s", rotation, orientation, got, want)
			}
		}
	}
}
