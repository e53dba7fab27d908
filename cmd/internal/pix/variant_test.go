package pix

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"
)

var identity = Variant{Warp: Warp{ZX: 1, ZY: 1}}

func randomRGB(h, w int) []byte {
	rng := rand.New(rand.NewPCG(3, 4))
	pixels := make([]byte, 3*h*w)
	for i := range pixels {
		pixels[i] = byte(rng.Uint32())
		if rng.IntN(8) == 0 {
			pixels[i] = byte(255 * rng.IntN(2))
		}
	}
	return pixels
}

func apply(t *testing.T, v Variant, src []byte, h, w int) []byte {
	t.Helper()
	dst := make([]byte, len(src))
	if err := new(Maker).Apply(v, dst, src, h, w); err != nil {
		t.Fatal(err)
	}
	return dst
}

func TestVariantIdentity(t *testing.T) {
	src := randomRGB(21, 34)
	for name, v := range map[string]Variant{
		"nothing":   identity,
		"whole":     {Warp: Warp{ZX: 1, ZY: 1, Crop: Window{Height: 21, Width: 34}}},
		"full turn": {Warp: Warp{ZX: 1, ZY: 1}, Hue: 1},
		"back":      {Warp: Warp{ZX: 1, ZY: 1}, Hue: -2},
		"no blur":   {Warp: Warp{ZX: 1, ZY: 1}, Blur: 0.01},
		"outside":   {Warp: Warp{ZX: 1, ZY: 1}, Cutout: Square{-5, -5, 5}},
	} {
		if !bytes.Equal(apply(t, v, src, 21, 34), src) {
			t.Errorf("%s changed the picture", name)
		}
	}
	if v := (VariantRanges{}).Draw(NewRand(1, "k", 1, 0), 20, 30); v != identity {
		t.Errorf("empty ranges draw %+v", v)
	}
}

// colourPlain is one change after another, as their formulas stand, without
// clamping at the end.
func colourPlain(v Variant, pixels []byte) []float64 {
	out := make([]float64, len(pixels))
	mean := 0.0
	for i, b := range pixels {
		out[i] = math.Min(255, float64(b)*(1+v.Brightness))
	}
	for i := 0; i < len(out); i += 3 {
		mean += (0.299*out[i] + 0.587*out[i+1] + 0.114*out[i+2]) / float64(len(out)/3)
	}
	blend := func(a, b, f float64) float64 { return math.Max(0, math.Min(255, f*a+(1-f)*b)) }
	for i := 0; i < len(out); i += 3 {
		p := out[i : i+3]
		for k := range p {
			p[k] = blend(p[k], mean, 1+v.Contrast)
		}
		level := 0.299*p[0] + 0.587*p[1] + 0.114*p[2]
		for k := range p {
			p[k] = blend(p[k], level, 1+v.Saturation)
		}
		// HSV as it is in textbooks: a sector and what is left of it.
		high, low := math.Max(p[0], math.Max(p[1], p[2])), math.Min(p[0], math.Min(p[1], p[2]))
		if c := high - low; c > 0 && v.Hue != 0 {
			var hue float64
			switch {
			case high == p[0]:
				hue = math.Mod((p[1]-p[2])/c+6, 6)
			case high == p[1]:
				hue = (p[2]-p[0])/c + 2
			default:
				hue = (p[0]-p[1])/c + 4
			}
			hue = math.Mod(hue+6*v.Hue+12, 6)
			x := c * (1 - math.Abs(math.Mod(hue, 2)-1))
			rgb := [6][3]float64{{c, x, 0}, {x, c, 0}, {0, c, x}, {0, x, c}, {x, 0, c}, {c, 0, x}}[int(hue)]
			for k := range p {
				p[k] = rgb[k] + low
			}
		}
		if v.Grayscale {
			p[0] = 0.299*p[0] + 0.587*p[1] + 0.114*p[2]
			p[1], p[2] = p[0], p[0]
		}
	}
	return out
}

func TestVariantColour(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	src := randomRGB(16, 20)
	for n := range 60 {
		v := identity
		change := func(at *float64, limit float64) {
			if rng.IntN(2) == 0 {
				*at = (2*rng.Float64() - 1) * limit
			}
		}
		change(&v.Brightness, 1)
		change(&v.Contrast, 1)
		change(&v.Saturation, 1)
		change(&v.Hue, 0.5)
		v.Grayscale = n%7 == 0
		got := apply(t, v, src, 16, 20)
		for i, want := range colourPlain(v, src) {
			if math.Abs(float64(got[i])-want) > 0.501 {
				t.Fatalf("%+v: value %d is %d, want %.3f", v, i, got[i], want)
			}
		}
	}
}

func TestVariantBlur(t *testing.T) {
	for _, shape := range [][2]int{{12, 17}, {3, 2}, {1, 1}} {
		h, w := shape[0], shape[1]
		src := randomRGB(h, w)
		for _, sigma := range []float64{0.3, 1, 2.5} {
			v := identity
			v.Blur = sigma
			got := apply(t, v, src, h, w)
			radius := int(math.Ceil(3 * sigma))
			for i := range got {
				r, c, k := i/3/w, i/3%w, i%3
				sum, total := 0.0, 0.0
				for dr := -radius; dr <= radius; dr++ {
					for dc := -radius; dc <= radius; dc++ {
						weight := math.Exp(-float64(dr*dr+dc*dc) / (2 * sigma * sigma))
						sum += weight * float64(src[(mirror(r+dr, h)*w+mirror(c+dc, w))*3+k])
						total += weight
					}
				}
				if math.Abs(float64(got[i])-sum/total) > 1.1 { // rounded twice
					t.Fatalf("%dx%d, sigma %v: value %d is %d, want %.3f", h, w, sigma, i, got[i], sum/total)
				}
			}
		}
	}
	for x := 0.0; x < 30; x += 0.37 {
		if got, want := expNegative(x), math.Exp(-x); math.Abs(got-want) > 1e-13 {
			t.Errorf("expNegative(%v) is %v, want %v", x, got, want)
		}
	}
}

func TestVariantJPEG(t *testing.T) {
	const h, w = 19, 30
	src := make([]byte, 3*h*w)
	for i := range src {
		src[i] = byte(60 + i/3%w*3 + i/3/w*2)
	}
	last := -1.0
	for _, quality := range []int{100, 60, 5} {
		v := identity
		v.JPEGQuality = quality
		got := apply(t, v, src, h, w)
		sum := 0.0
		for i := range got {
			sum += math.Abs(float64(got[i])-float64(src[i])) / float64(len(got))
		}
		if sum <= last || sum > 12 {
			t.Errorf("quality %d: mean difference %.2f, after %.2f", quality, sum, last)
		}
		last = sum
		if !bytes.Equal(apply(t, v, src, h, w), got) {
			t.Errorf("quality %d: other bytes", quality)
		}
	}
}

func TestVariantCutout(t *testing.T) {
	src := bytes.Repeat([]byte{9}, 3*8*10)
	v := identity
	v.Cutout = Square{Row: 6, Column: -2, Side: 4}
	got := apply(t, v, src, 8, 10)
	for i, b := range got {
		r, c := i/3/10, i/3%10
		if (b == 0) != (r >= 6 && c < 2) {
			t.Errorf("row %d, column %d: %d", r, c, b)
		}
	}
}

// A window of the output is what it would be of the whole one, made larger.
func TestVariantCrop(t *testing.T) {
	const h, w = 8, 12
	src := randomRGB(h, w)
	values := make([]float64, len(src))
	for i, b := range src {
		values[i] = float64(b)
	}
	v := identity
	v.Warp.Crop = Window{Row: 2, Column: 3, Height: 4, Width: 6}
	got := apply(t, v, src, h, w)
	for r := range h {
		for c := range w {
			p, q := 2+(float64(r)+0.5)/2-0.5, 3+(float64(c)+0.5)/2-0.5
			p0, q0 := int(p), int(q)
			fp, fq := p-float64(p0), q-float64(q0)
			for k := range 3 {
				at := func(r, c int) float64 { return values[(r*w+c)*3+k] }
				want := at(p0, q0)*(1-fp)*(1-fq) + at(p0, q0+1)*(1-fp)*fq + at(p0+1, q0)*fp*(1-fq) + at(p0+1, q0+1)*fp*fq
				if g := got[(r*w+c)*3+k]; math.Abs(float64(g)-want) > 0.6 {
					t.Fatalf("row %d column %d: %d, want %.2f", r, c, g, want)
				}
			}
		}
	}
}

func TestVariantDraw(t *testing.T) {
	g := PresetStrong.Ranges()
	g.Blur, g.JPEG = 2, 40
	if err := g.Check(); err != nil {
		t.Fatal(err)
	}
	closed := g
	closed.Brightness, closed.RandomResizedCrop, closed.Cutout = 0, 0, 0
	grey := 0
	for n := range 2000 {
		v := g.Draw(NewRand(1, "k", 1, n), 40, 60)
		c := v.Warp.Crop
		if area := c.Height * c.Width / (40 * 60); area < 0.43 || area > 1.0001 || c.Row < 0 || c.Column < 0 || c.Row+c.Height > 40.0001 || c.Column+c.Width > 60.0001 {
			t.Fatalf("window %+v", c)
		}
		if v.JPEGQuality < 40 || v.JPEGQuality > 100 || v.Cutout.Side != 10 || math.Abs(v.Hue) > 0.03 || v.Blur > 2 {
			t.Fatalf("%+v", v)
		}
		if v.Grayscale {
			grey++
		}
		other := closed.Draw(NewRand(1, "k", 1, n), 40, 60)
		v.Brightness, v.Warp.Crop, v.Cutout = 0, Window{}, Square{}
		if v != other {
			t.Fatalf("closing a range changed the other draws: %+v, %+v", v, other)
		}
	}
	for _, share := range []float64{0.05, 0.5, 0.75, 0.8, 0.97, 1} {
		for n := range 500 {
			c := VariantRanges{RandomResizedCrop: share}.Draw(NewRand(1, "k", 1, n), 40, 60).Warp.Crop
			if c == (Window{}) {
				continue // the whole picture
			}
			if area := c.Height * c.Width / (40 * 60); area < share-1e-12 || area > 1 || c.Row < 0 || c.Column < 0 || c.Row+c.Height > 40.0001 || c.Column+c.Width > 60.0001 {
				t.Fatalf("of a share of %v the window %+v", share, c)
			}
		}
	}
	if grey < 60 || grey > 140 {
		t.Errorf("%d of 2000 are grey, want 100", grey)
	}
	for _, p := range presets {
		if err := p.Ranges().Check(); err != nil {
			t.Errorf("%s: %v", p, err)
		}
	}
	for _, bad := range []VariantRanges{{Hue: 0.6}, {Blur: math.NaN()}, {JPEG: 101}, {Cutout: -1}, {RandomResizedCrop: 2}} {
		if bad.Check() == nil {
			t.Errorf("%+v passed", bad)
		}
	}
}
