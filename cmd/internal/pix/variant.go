package pix

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// A Variant is what is done to a picture, in the order of the fields. Its zero
// value but for Warp{ZX: 1, ZY: 1} does nothing.
type Variant struct {
	Warp Warp
	// Colour changes.
	Brightness float64 // the factor less 1
	Contrast   float64 // the factor less 1
	Saturation float64 // the factor less 1
	Hue        float64 // turns
	Grayscale  bool
	// The rest.
	Blur        float64 // standard deviation in pixels
	JPEGQuality int     // 1 to 100; 0 for none
	Cutout      Square  // made black
}

// A Square is a part of a picture, which may reach beyond it.
type Square struct{ Row, Column, Side int }

// VariantRanges are what a Variant is drawn from. Zero switches a change off.
// The names are those of torchvision and Albumentations.
type VariantRanges struct {
	Warp              Ranges
	RandomResizedCrop float64 // a window of this to all of the area, its aspect ratio within 3/4 and 4/3 times the picture's
	Brightness        float64 // a factor within 1-Brightness and 1+Brightness
	Contrast          float64 // likewise
	Saturation        float64 // likewise
	Hue               float64 // turned by up to this share of the circle either way
	Grayscale         float64 // the share of variants that lose their colour
	Blur              float64 // a standard deviation of up to this many pixels
	JPEG              int     // a quality of this to 100
	Cutout            float64 // the side of a black square, a share of the picture's shorter side
}

// Check reports a range that cannot be drawn from.
func (g VariantRanges) Check() error {
	if err := g.Warp.Check(); err != nil {
		return err
	}
	for _, c := range []struct {
		name       string
		value, max float64
	}{
		{"random-resized-crop", g.RandomResizedCrop, 1},
		{"brightness", g.Brightness, 1},
		{"contrast", g.Contrast, 1},
		{"saturation", g.Saturation, 1},
		{"hue", g.Hue, 0.5},
		{"grayscale", g.Grayscale, 1},
		{"blur", g.Blur, MaxBlur},
		{"jpeg", float64(g.JPEG), 100},
		{"cutout", g.Cutout, 1},
	} {
		if !(c.value >= 0 && c.value <= c.max) { // also not a number
			return fmt.Errorf("%s %v is not within 0 and %v", c.name, c.value, c.max)
		}
	}
	return nil
}

// Draw draws a variant of an h by w picture. After the numbers of DrawWarp it
// takes thirteen, whatever the ranges are, so that closing one range leaves the
// other draws as they were.
func (g VariantRanges) Draw(rng *Rand, h, w int) Variant {
	v := Variant{Warp: DrawWarp(rng, g.Warp, h, w)}
	var u [13]float64
	for i := range u {
		u[i] = rng.Float64()
	}
	around := func(u, limit float64) float64 { return float64(limit * (float64(2*u) - 1)) }
	if g.RandomResizedCrop > 0 {
		v.Warp.Crop = drawWindow(u[:4], g.RandomResizedCrop, h, w)
	}
	v.Brightness, v.Contrast, v.Saturation = around(u[4], g.Brightness), around(u[5], g.Contrast), around(u[6], g.Saturation)
	v.Hue = around(u[7], g.Hue)
	v.Grayscale = u[8] < g.Grayscale
	v.Blur = float64(g.Blur * u[9])
	if g.JPEG > 0 {
		v.JPEGQuality = g.JPEG + int(u[10]*float64(101-g.JPEG))
	}
	if side := int(math.Round(g.Cutout * float64(min(h, w)))); side > 0 {
		v.Cutout = Square{int(u[11]*float64(h)) - side/2, int(u[12]*float64(w)) - side/2, side}
	}
	return v
}

// At is what a variant of an h by w picture does to a picture of another size:
// what is in pixels changes in proportion to it, and no more than MaxBlur.
func (v Variant) At(h, w, toH, toW int) Variant {
	rows := func(x float64) float64 { return float64(x*float64(toH)) / float64(h) }
	columns := func(x float64) float64 { return float64(x*float64(toW)) / float64(w) }
	shorter := func(x float64) float64 { return float64(x*float64(min(toH, toW))) / float64(min(h, w)) }
	v.Warp.TX, v.Warp.TY = rows(v.Warp.TX), columns(v.Warp.TY)
	c := v.Warp.Crop
	v.Warp.Crop = Window{Row: rows(c.Row), Column: columns(c.Column), Height: rows(c.Height), Width: columns(c.Width)}
	v.Blur = min(shorter(v.Blur), MaxBlur)
	v.Cutout = Square{
		Row:    int(math.Round(rows(float64(v.Cutout.Row)))),
		Column: int(math.Round(columns(float64(v.Cutout.Column)))),
		Side:   int(math.Round(shorter(float64(v.Cutout.Side)))),
	}
	return v
}

// drawWindow draws a window of at least a share of the picture. torchvision
// draws an aspect ratio whose logarithm is uniform and again if the window does
// not fit; here ratios above 1 and below it are each uniform, and a window that
// does not fit is cut, or made longer where too little would be left.
func drawWindow(u []float64, share float64, h, w int) Window {
	area := share + float64((1-share)*u[0])
	ratio := 1 + float64(math.Abs(float64(2*u[1])-1)/3)
	if u[1] < 0.5 {
		ratio = 1 / ratio
	}
	tall, wide := min(1, math.Sqrt(area/ratio)), min(1, math.Sqrt(float64(area*ratio)))
	if float64(tall*wide) < share {
		if wide == 1 {
			tall = area
		} else if tall == 1 {
			wide = area
		}
	}
	height, width := tall*float64(h), wide*float64(w)
	return Window{Row: float64(u[2] * (float64(h) - height)), Column: float64(u[3] * (float64(w) - width)), Height: height, Width: width}
}

// A Maker makes variants. It keeps its memory from one to the next. The zero
// Maker is ready. It is not safe for concurrent use.
type Maker struct {
	warper Warper
	blurrer
}

// Apply writes variant v of the picture src to dst. Both are h rows of w pixels
// of RGB, uint8, and must not overlap. The result is the same on every platform.
// It panics as Warper.Apply does.
func (m *Maker) Apply(v Variant, dst, src []byte, h, w int) error {
	m.warper.Apply(v.Warp, dst, src, h, w, 3)
	dst = dst[:h*w*3]
	if v.Brightness != 0 || v.Contrast != 0 || v.Saturation != 0 || v.Hue != 0 || v.Grayscale {
		v.colour(dst)
	}
	if v.Blur > 0 {
		m.blur(dst, h, w, v.Blur)
	}
	if v.JPEGQuality > 0 {
		if err := jpegNoise(dst, h, w, v.JPEGQuality); err != nil {
			return err
		}
	}
	v.Cutout.blacken(dst, h, w)
	return nil
}

func (s Square) blacken(pixels []byte, h, w int) {
	for r := max(0, s.Row); r < min(h, s.Row+s.Side); r++ {
		from, to := max(0, s.Column), min(w, s.Column+s.Side)
		if from < to {
			clear(pixels[3*(r*w+from) : 3*(r*w+to)])
		}
	}
}

// A Preset is a set of ranges known by a name.
type Preset string

// The presets.
const (
	PresetNone    Preset = "none"
	PresetArticle Preset = "article"
	PresetLight   Preset = "light"
	PresetStrong  Preset = "strong"
)

var presets = []Preset{PresetNone, PresetArticle, PresetLight, PresetStrong}

// Ranges returns those of the preset.
func (p Preset) Ranges() VariantRanges {
	switch p {
	case PresetArticle:
		return VariantRanges{Warp: ReferenceRanges()}
	case PresetLight:
		return VariantRanges{
			Warp:       Ranges{Rotation: 10, HeightShift: 0.05, WidthShift: 0.05, Zoom: 0.1, FlipH: true},
			Brightness: 0.1, Contrast: 0.1, Saturation: 0.1,
		}
	case PresetStrong:
		return VariantRanges{
			Warp:              Ranges{Rotation: 20, HeightShift: 0.1, WidthShift: 0.1, Zoom: 0.1, FlipH: true},
			RandomResizedCrop: 0.5, Brightness: 0.3, Contrast: 0.3, Saturation: 0.3, Hue: 0.03, Grayscale: 0.05, Cutout: 0.25,
		}
	}
	return VariantRanges{}
}

// Set reads a name.
func (p *Preset) Set(text string) error {
	if !slices.Contains(presets, Preset(text)) {
		return fmt.Errorf("%q: want none, article, light or strong", text)
	}
	*p = Preset(text)
	return nil
}

// String is what Set reads.
func (p *Preset) String() string { return cmp.Or(string(*p), string(PresetArticle)) }

// Type names the value in help texts.
func (p *Preset) Type() string { return "none|article|light|strong" }
