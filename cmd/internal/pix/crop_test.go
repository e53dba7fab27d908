package pix

import (
	"bytes"
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// numbered returns a picture in which no two pixels are alike.
func numbered(width, height int) *Picture {
	pix := make([]byte, 3*width*height)
	for i := range width * height {
		pix[3*i], pix[3*i+1], pix[3*i+2] = byte(i), byte(i/256), byte(37*i)
	}
	return NewRGB(pix, width, height)
}

// windowsOf are windows at every corner and edge, in the middle, of a single
// pixel, and the whole picture.
func windowsOf(width, height int) []image.Rectangle {
	var list []image.Rectangle
	for _, w := range []int{1, 5, width} {
		for _, h := range []int{1, 4, height} {
			for _, x := range []int{0, (width - w) / 2, width - w} {
				for _, y := range []int{0, (height - h) / 2, height - h} {
					list = append(list, image.Rect(x, y, x+w, y+h))
				}
			}
		}
	}
	return list
}

// plain is Crop to the letter, one value after the other: output pixel (c, r) is
// turned back into the stored picture, moved by the padding, and looked up there
// by the filter's formula on each axis. It is NaN where nothing is.
func plain(p *Picture, window image.Rectangle, t Target, c, r, channel int) float64 {
	w, h := float64(window.Dx()), float64(window.Dy())
	// The stored result, before rotation, and the place in it.
	fullX, fullY, x, y := t.Width, t.Height, c, r
	switch t.Rotation {
	case 90: // counter-clockwise: the right column of the stored one is the top row
		fullX, fullY = t.Height, t.Width
		x, y = fullX-1-r, c
	case 180:
		x, y = fullX-1-c, fullY-1-r
	case 270:
		fullX, fullY = t.Height, t.Width
		x, y = r, fullY-1-c
	}
	innerX, innerY := fullX, fullY
	if t.Pad != PadNone {
		scale := min(float64(fullX)/w, float64(fullY)/h)
		innerX, innerY = max(1, int(math.Floor(scale*w+0.5))), max(1, int(math.Floor(scale*h+0.5)))
		x, y = x-(fullX-innerX)/2, y-(fullY-innerY)/2
	}
	outside := func(i, n int) int {
		switch {
		case i >= 0 && i < n:
			return i
		case t.Pad == PadBlack:
			return -1
		case t.Pad == PadEdge || n == 1:
			return max(0, min(i, n-1))
		}
		for i < 0 || i >= n {
			if i < 0 {
				i = -i
			} else {
				i = 2*(n-1) - i
			}
		}
		return i
	}
	x, y = outside(x, innerX), outside(y, innerY)
	if x < 0 || y < 0 {
		return 0
	}
	columns, rows := weightsOf(t.Filter, window.Dx(), innerX, x), weightsOf(t.Filter, window.Dy(), innerY, y)
	sum := 0.0
	pixels := p.RGB(window.Min.X, window.Min.Y, window.Dx(), window.Dy())
	for j, wr := range rows {
		for i, wc := range columns {
			sum += wr * wc * float64(pixels[3*(j*window.Dx()+i)+channel])
		}
	}
	return sum
}

// weightsOf are those of n input pixels in output pixel i of m.
func weightsOf(f Filter, n, m, i int) []float64 {
	weights := make([]float64, n)
	switch at := (float64(i) + 0.5) * float64(n) / float64(m); {
	case f == Nearest:
		step := float64(n) / float64(m)
		at = step / 2
		for range i {
			at += step
		}
		weights[int(at)] = 1
	case f == Area && n > m:
		lo, hi := float64(i*n)/float64(m), float64((i+1)*n)/float64(m)
		for j := range weights {
			weights[j] = max(0, min(hi, float64(j+1))-max(lo, float64(j))) / (hi - lo)
		}
	default:
		at = max(0, min(at-0.5, float64(n-1)))
		left := int(math.Floor(at))
		weights[left] += 1 - (at - float64(left))
		weights[min(left+1, n-1)] += at - float64(left)
	}
	return weights
}

// TestCropEveryWay: every rotation, filter, padding, shape and place of a box
// against the formula.
func TestCropEveryWay(t *testing.T) {
	const width, height = 23, 17
	p := numbered(width, height)
	for _, window := range windowsOf(width, height) {
		for _, filter := range []Filter{Area, Bilinear, Nearest} {
			for _, pad := range append(Pads(), PadNone) {
				for _, size := range []image.Point{{8, 8}, {11, 6}, {3, 9}, {1, 1}} {
					for rotation := 0; rotation < 360; rotation += 90 {
						target := Target{size.X, size.Y, rotation, filter, pad}
						got := Crop(p, window, target)
						if len(got) != 3*size.X*size.Y {
							t.Fatalf("%v of %v: %d bytes", target, window, len(got))
						}
						for i, v := range got {
							want := plain(p, window, target, i/3%size.X, i/3/size.X, i%3)
							if math.Abs(float64(v)-want) > 0.5+1e-9 {
								t.Fatalf("%+v of %v: value %d is %d, want %g", target, window, i, v, want)
							}
						}
					}
				}
			}
		}
	}
}

// TestFit: a window grows to the shape of the target, within the photo, and not
// more than that needs.
func TestFit(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		width, height := 1+rng.IntN(60), 1+rng.IntN(60)
		x, y := rng.IntN(width), rng.IntN(height)
		window := image.Rect(x, y, x+1+rng.IntN(width-x), y+1+rng.IntN(height-y))
		target := Target{Width: 1 + rng.IntN(9), Height: 1 + rng.IntN(9), Rotation: 90 * rng.IntN(4), Filter: Area, Pad: PadEdge}
		got := target.Fit(window, width, height)
		if !window.In(got) || !got.In(image.Rect(0, 0, width, height)) {
			t.Fatalf("%v in %dx%d for %+v became %v", window, width, height, target, got)
		}
		w, h := target.Width, target.Height
		if target.Rotation%180 != 0 {
			w, h = h, w
		}
		// In units in which both sides of the target's shape are 1.
		across, down := float64(got.Dx())/float64(w), float64(got.Dy())/float64(h)
		full := got.Dx() == width || got.Dy() == height
		if off := math.Abs(across - down); !full && off > 1/float64(min(w, h)) {
			t.Fatalf("%v in %dx%d for %+v became %v, which has another shape", window, width, height, target, got)
		}
		if got.Dx() != window.Dx() && got.Dy() != window.Dy() {
			t.Fatalf("%v grew to %v on both sides", window, got)
		}
		// The centre moves only where the photo ends.
		if d := got.Min.X + got.Max.X - window.Min.X - window.Max.X; (d > 1 || d < -1) && got.Min.X > 0 && got.Max.X < width {
			t.Fatalf("%v moved to %v without need", window, got)
		}
	}
}

// TestAgainstPillow: the filters that are to be those of Pillow.
func TestAgainstPillow(t *testing.T) {
	python := oitest.Python(t, "PIL")
	const script = `
import sys
from PIL import Image
data = sys.stdin.buffer.read()
for line in sys.argv[1:]:
    filter, w, h, tw, th = line.split()
    n = int(w) * int(h) * 3
    picture = Image.frombytes("RGB", (int(w), int(h)), data[:n])
    data = data[n:]
    sys.stdout.buffer.write(picture.resize((int(tw), int(th)), getattr(Image, filter)).tobytes())
`
	type question struct {
		filter       Filter
		pixels       []byte
		w, h, tw, th int
	}
	rng := rand.New(rand.NewPCG(3, 4))
	var questions []question
	var input []byte
	args := []string{"-c", script}
	for i := range 150 {
		q := question{Nearest, nil, 1 + rng.IntN(90), 1 + rng.IntN(90), 1 + rng.IntN(90), 1 + rng.IntN(90)}
		if i < 20 {
			q.filter = Lanczos
		}
		q.pixels = make([]byte, 3*q.w*q.h)
		for i := range q.pixels {
			q.pixels[i] = byte(rng.IntN(256))
		}
		questions, input = append(questions, q), append(input, q.pixels...)
		args = append(args, fmt.Sprintf("%s %d %d %d %d", strings.ToUpper(string(q.filter)), q.w, q.h, q.tw, q.th))
	}
	command := exec.Command(python, args...)
	command.Stdin = bytes.NewReader(input)
	want, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range questions {
		allowed := 0
		if q.filter == Lanczos {
			allowed = 3 // Pillow keeps bytes between the two passes
		}
		got := Crop(NewRGB(q.pixels, q.w, q.h), image.Rect(0, 0, q.w, q.h), Target{Width: q.tw, Height: q.th, Filter: q.filter})
		for i, v := range got {
			if d := int(v) - int(want[i]); d > allowed || d < -allowed {
				t.Fatalf("%s, %dx%d to %dx%d: value %d is %d, want %d", q.filter, q.w, q.h, q.tw, q.th, i, v, want[i])
			}
		}
		want = want[len(got):]
	}
}
