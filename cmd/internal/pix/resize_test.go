package pix

import (
	"bytes"
	"fmt"
	"image"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/imagefile"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// weightsFloat is the formula of Crop for one output pixel of an axis, in
// float64 and over all n input pixels.
func weightsFloat(i, n, m int) []float64 {
	weights := make([]float64, n)
	scale := float64(n) / float64(m)
	if n > m {
		for j := range weights {
			covered := math.Min(float64(i+1)*scale, float64(j+1)) - math.Max(float64(i)*scale, float64(j))
			weights[j] = math.Max(0, covered) / scale
		}
		return weights
	}
	at := math.Max(0, math.Min((float64(i)+0.5)*scale-0.5, float64(n-1)))
	for j := range weights {
		weights[j] = math.Max(0, 1-math.Abs(at-float64(j)))
	}
	return weights
}

// cropFloat crops, rotates and then resizes, in that order and in float64.
func cropFloat(img image.Image, x, y, w, h, rotation, size int) []float64 {
	outW, outH := w, h
	if rotation == 90 || rotation == 270 {
		outW, outH = h, w
	}
	upright := make([][3]byte, outW*outH)
	for r := range h {
		for c := range w {
			tr, tc := r, c
			for turned, th := 0, w; turned < rotation; turned, th = turned+90, h+w-th {
				tr, tc = th-1-tc, tr // a quarter counter-clockwise
			}
			upright[tr*outW+tc] = plainRGB(img, x+c, y+r)
		}
	}
	out := make([]float64, size*size*3)
	for i := range size {
		down := weightsFloat(i, outH, size)
		for k := range size {
			across := weightsFloat(k, outW, size)
			for r, wr := range down {
				for c, wc := range across {
					for ch := range 3 {
						out[(i*size+k)*3+ch] += wr * wc * float64(upright[r*outW+c][ch])
					}
				}
			}
		}
	}
	return out
}

// cropSquare is Crop to a square by area.
func cropSquare(p *Picture, x, y, w, h, rotation, size int) []byte {
	return Crop(p, image.Rect(x, y, x+w, y+h), Target{Width: size, Height: size, Rotation: rotation, Filter: Area})
}

func TestCropMatchesFormula(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for n := range 120 {
		kind := []string{"420", "444", "gray", "nrgba"}[n%4]
		img := noise(kind, 1+rng.IntN(60), 1+rng.IntN(60), rng)
		p, err := NewPicture(img)
		if err != nil {
			t.Fatal(err)
		}
		x, y := rng.IntN(p.Width), rng.IntN(p.Height)
		w, h := 1+rng.IntN(p.Width-x), 1+rng.IntN(p.Height-y)
		rotation, size := 90*rng.IntN(4), 1+rng.IntN(24)
		got := cropSquare(p, x, y, w, h, rotation, size)
		for i, want := range cropFloat(img, x, y, w, h, rotation, size) {
			if math.Abs(float64(got[i])-want) > 0.5+1e-9 {
				t.Fatalf("%s %dx%d at %d,%d turned %d to %d: value %d is %d, want %.4f", kind, w, h, x, y, rotation, size, i, got[i], want)
			}
		}
	}
}

// A picture with one bright corner shows which way is up.
func TestCropRotation(t *testing.T) {
	pix := make([]byte, 4*6*3)
	copy(pix[(3+0*4)*3:], []byte{255, 0, 0}) // upper right of 4 by 6
	p := NewRGB(pix, 4, 6)
	const size = 12
	for rotation, corner := range map[int]image.Point{
		0: {X: size - 1, Y: 0}, 90: {X: 0, Y: 0}, 180: {X: 0, Y: size - 1}, 270: {X: size - 1, Y: size - 1},
	} {
		got := cropSquare(p, 0, 0, 4, 6, rotation, size)
		if v := got[(corner.Y*size+corner.X)*3]; v != 255 {
			t.Errorf("turned by %d: the corner at %v is %d", rotation, corner, v)
		}
	}
}

func TestCropSameSizeIsACopy(t *testing.T) {
	p, err := NewPicture(noise("444", 40, 40, rand.New(rand.NewPCG(1, 3))))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(cropSquare(p, 5, 7, 16, 16, 0, 16), p.RGB(5, 7, 16, 16)) {
		t.Error("a crop of the final size was changed")
	}
}

func TestWeightsAddUp(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 18))
	check := func(a axis, what string, lo, hi int) {
		t.Helper()
		weights := a.weights
		for i, first := range a.firsts {
			n := a.counts[i]
			var sum uint64
			for _, w := range weights[:n] {
				sum += uint64(w)
			}
			weights = weights[n:]
			if sum != a.total || first < lo || first+n > hi {
				t.Fatalf("%s, pixel %d: %d from %d on, a sum of %d, want %d", what, i, n, first, sum, a.total)
			}
		}
	}
	for n := 1; n <= 90; n++ {
		for m := 1; m <= 90; m++ {
			from, what := rng.IntN(30), fmt.Sprint(n, " to ", m)
			if n <= m {
				check(linear(from, n, m), what, from, from+n)
				continue
			}
			check(area(from, n, m), what, from, from+n)
			for scale := Scale(n, n, m, m); scale > 1; scale /= 2 {
				lo, hi := max(0, from/scale-rng.IntN(2)), (from+n+scale-1)/scale+rng.IntN(2)
				check(reduced(from, n, m, scale, lo, hi), what, lo, hi)
			}
		}
	}
}

// TestReducedRamp: of a picture with one slope a reduced one loses nothing,
// wherever the window begins and ends.
func TestReducedRamp(t *testing.T) {
	rng := rand.New(rand.NewPCG(19, 20))
	for range 300 {
		m := 1 + rng.IntN(20)
		scale := 2 << rng.IntN(3)
		from, n := scale+rng.IntN(40), 3*scale*m/2+1+rng.IntN(100)
		lo, hi := from/scale-1, (from+n+scale-1)/scale+1
		a := reduced(from, n, m, scale, lo, hi)
		weights := a.weights
		for i, first := range a.firsts {
			sum := 0.0
			for k, w := range weights[:a.counts[i]] {
				sum += float64(w) / (1 << reducedBits) * (float64(scale) * (float64(first+k) + 0.5))
			}
			weights = weights[a.counts[i]:]
			if want := float64(from) + (float64(i)+0.5)*float64(n)/float64(m); math.Abs(sum-want) > 0.01*float64(scale) {
				t.Fatalf("%d from %d at 1/%d to %d: pixel %d lies at %.3f, want %.3f", n, from, scale, m, i, sum, want)
			}
		}
	}
}

// The longest axis that is let in must not overflow the sums.
func TestCropLongest(t *testing.T) {
	for _, wide := range []bool{true, false} {
		w, h := imagefile.MaxSide, 1
		if !wide {
			w, h = h, w
		}
		p := NewRGB(bytes.Repeat([]byte{255}, w*h*3), w, h)
		for i, v := range cropSquare(p, 0, 0, w, h, 0, 2) {
			if v != 255 {
				t.Fatalf("value %d of a white ribbon is %d", i, v)
			}
		}
	}
}

func TestQuotients(t *testing.T) {
	rng := rand.New(rand.NewPCG(15, 16))
	for range 200_000 {
		total := 2 + rng.Uint64N(1<<rng.UintN(32))
		q := rng.Uint64N(255)
		// The values next to where the result changes are the hard
		// ones.
		v := q*total + total/2 + uint64(rng.IntN(3)) - 1
		if rng.IntN(4) == 0 {
			v = rng.Uint64N(255*total + 1)
		}
		m := uint64(0)
		if total < 1<<28 {
			m = math.MaxUint64/total + 1
		}
		got := divide(v+total/2, total, m)
		if want := byte((v + total/2) / total); got != want {
			t.Fatalf("%d / %d is %d, want %d", v, total, got, want)
		}
	}
}

// TestAcross: the vector code does what the Go code does.
func TestAcross(t *testing.T) {
	rng := rand.New(rand.NewPCG(27, 28))
	for range 400 {
		m := 1 + rng.IntN(40)
		n, scale := m+rng.IntN(100), 1
		var a axis
		switch rng.IntN(3) {
		case 0:
			n, scale = 12*m+rng.IntN(30), 2<<rng.IntN(3)
			a = reduced(scale, n, m, scale, 0, (scale+n)/scale+1)
		case 1:
			a = area(0, n+1, m)
		default:
			a = linear(0, max(1, m-rng.IntN(20)), m)
		}
		left, end := a.inputs()
		sums := make([]int32, 3*(end-left), 3*(end-left)+1)
		for i := range sums {
			sums[i] = rng.Int32N(255 << reducedBits)
		}
		if scale > 1 {
			got, want := make([]byte, 3*m), make([]byte, 3*m)
			acrossReduced(got, sums, &a, left)
			acrossReducedGo(want, sums, &a, left)
			if !bytes.Equal(got, want) {
				t.Fatalf("%d at 1/%d to %d: %v, want %v", n, scale, m, got, want)
			}
			continue
		}
		got, want := make([]uint64, 4*m), make([]uint64, 4*m)
		acrossExact(got, sums, &a, left)
		acrossExactGo(want, sums, &a, left)
		for i := range want {
			if i%4 < 3 && got[i] != want[i] {
				t.Fatalf("%d to %d: %v, want %v", n, m, got, want)
			}
		}
	}
}

func TestAddRow(t *testing.T) {
	rng := rand.New(rand.NewPCG(25, 26))
	for n := range 100 {
		row, got, want := make([]byte, n), make([]int32, n), make([]int32, n)
		for i := range row {
			row[i] = byte(rng.Uint32())
			got[i] = rng.Int32() >> 8
			want[i] = got[i]
		}
		weight := rng.Int32()>>15 - 1<<14
		addRow(got, row, weight)
		addRowGo(want, row, weight)
		if !slices.Equal(got, want) {
			t.Fatalf("%d values: %v, want %v", n, got, want)
		}
	}
}

func TestBox(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		box  Box
		want string // of the error
		rect image.Rectangle
	}{
		{box: Box{0, 1, 0, 1}, rect: image.Rect(0, 0, 100, 50)},
		{box: Box{0.105, 0.205, 0.5, 0.51}, rect: image.Rect(10, 25, 21, 26)},
		{box: Box{0.999, 1, 0.999, 1}, rect: image.Rect(99, 49, 100, 50)},
		{box: Box{0.101, 0.102, 0, 1}, rect: image.Rect(10, 0, 11, 50)},
		{box: Box{0.5, 0.5, 0, 1}, want: "empty crop"},
		{box: Box{0, 1, 0.3, 0.3}, want: "empty crop"},
		{box: Box{0.6, 0.5, 0, 1}, want: "bad box"},
		{box: Box{-0.1, 0.5, 0, 1}, want: "bad box"},
		{box: Box{0, 1.1, 0, 1}, want: "bad box"},
		{box: Box{0, 1, nan, 1}, want: "bad box"},
		{box: Box{0, 1, 0, nan}, want: "bad box"},
		{box: Box{0, 1, 0, math.Inf(1)}, want: "bad box"},
	} {
		err := c.box.Check()
		switch {
		case c.want == "" && err != nil, c.want != "" && (err == nil || !bytes.HasPrefix([]byte(err.Error()), []byte(c.want))):
			t.Errorf("%+v: %v, want %q", c.box, err, c.want)
		case c.want == "":
			if got := c.box.Rect(100, 50); got != c.rect {
				t.Errorf("%+v: %v, want %v", c.box, got, c.rect)
			}
		}
	}
	if got, want := (Box{0.4, 0.6, 0, 0.5}).Grow(0.5).Rect(100, 100), image.Rect(30, 0, 70, 75); got != want {
		t.Errorf("grown: %v, want %v", got, want)
	}
}

// TestBoxOnBorder: an edge that is a whole number of pixels in decimals takes
// in no pixel beyond it, though 0.5125 of 400 is 204.99999999999997 in float64.
// A box of less than that is one pixel.
func TestBoxOnBorder(t *testing.T) {
	for _, n := range []int{16, 400, 500, 800, 1000, 2500, 8000} {
		edge := func(pixel int) float64 {
			f, err := strconv.ParseFloat(big.NewRat(int64(pixel), int64(n)).FloatString(6), 64)
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
		for from := range n {
			for _, to := range []int{from + 1, (from + 1 + n) / 2, n} {
				box := Box{edge(from), edge(to), edge(n - to), edge(n - from)}
				if got, want := box.Rect(n, n), image.Rect(from, n-to, to, n-from); got != want {
					t.Fatalf("%v of %d pixels: %v, want %v", box, n, got, want)
				}
			}
			x := edge(from)
			for _, thin := range []Box{{x, x + 1e-12, 0, 1}, {max(0, x-1e-12), x + 1e-12, 0, 1}} {
				if got := thin.Rect(n, n); got.Dx() < 1 || got.Dx() > 2 || got.Min.X > from || got.Max.X < from {
					t.Fatalf("%v of %d pixels: %v", thin, n, got)
				}
			}
		}
	}
}

func TestBoxOf(t *testing.T) {
	for n := 1; n < 1100; n += 1 + n/50 {
		for from := range n {
			to := from + 1 + (from*7919)%(n-from)
			r := image.Rect(from, from, to, to)
			if got := BoxOf(r, n, n).Rect(n, n); got != r {
				t.Fatalf("%v of %d pixels came back as %v", r, n, got)
			}
		}
	}
}

func BenchmarkCrop(b *testing.B) {
	data, err := os.ReadFile(oitest.RealData(b, "openimages/images-1024px/00a0c5ea5b4f3989.jpg"))
	if err != nil {
		b.Fatal(err)
	}
	p, err := Decode(data, imagefile.DefaultMaxPixels)
	if err != nil {
		b.Fatal(err)
	}
	name := fmt.Sprintf("%dx%d", p.Width, p.Height)
	b.Run("decode/"+name, func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			if _, err := Decode(data, imagefile.DefaultMaxPixels); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("scale/"+name, func(b *testing.B) {
		b.SetBytes(int64(p.Width * p.Height * 3))
		for b.Loop() {
			cropSquare(p, 0, 0, p.Width, p.Height, 0, 128)
		}
	})
	b.Run("scale/300x300", func(b *testing.B) {
		b.SetBytes(300 * 300 * 3)
		for b.Loop() {
			cropSquare(p, 100, 100, 300, 300, 0, 128)
		}
	})
	b.Run("scale/50x50", func(b *testing.B) {
		b.SetBytes(50 * 50 * 3)
		for b.Loop() {
			cropSquare(p, 100, 100, 50, 50, 90, 128)
		}
	})
}
