// Package cropquality finds crops that show little: of tiny boxes, blurred ones,
// and such as are far from square.
package cropquality

import "github.com/opensandwich/oi/record"

// A Problem is why a crop shows little.
type Problem string

// The problems, in the order in which they are looked for.
const (
	Tiny    Problem = "tiny"
	Extreme Problem = "extreme shape"
	Blurred Problem = "blurred"
)

// What bounds them.
const (
	MinSide      = 32 // pixels of the photo, of the box's shorter side
	MaxAspect    = 4  // the longer side by the shorter one
	MinSharpness = 4  // see Sharpness
)

// Measures are what is known of a crop.
type Measures struct {
	Side      int     // the shorter side of the box in the photo, in pixels; 0 unknown
	Aspect    float64 // the longer side by the shorter one; 0 unknown
	Sharpness float64 // negative: unknown
}

// Measure measures a crop from its pixels [height][width][3], which may be nil,
// and the part of the photo that it was cut from, which may be nil too.
func Measure(crop *record.Crop, rgb []byte, height, width int) Measures {
	m := Measures{Sharpness: -1}
	if crop != nil && crop.Width > 0 && crop.Height > 0 {
		m.Side = min(crop.Width, crop.Height)
		m.Aspect = float64(max(crop.Width, crop.Height)) / float64(m.Side)
	}
	if len(rgb) > 0 {
		m.Sharpness = Sharpness(rgb, height, width)
	}
	return m
}

// Problem returns the first problem of a crop, "" if it has none.
func (m Measures) Problem() Problem {
	switch {
	case m.Side > 0 && m.Side < MinSide:
		return Tiny
	case m.Aspect > MaxAspect:
		return Extreme
	case m.Sharpness >= 0 && m.Sharpness < MinSharpness:
		return Blurred
	}
	return ""
}

// side is the largest side at which sharpness is measured: it depends on how
// large the pixels are.
const side = 128

// Sharpness is the variance of the Laplacian of a picture [height][width][3] in
// grey, from 0 to 255 (Pech-Pacheco and others 2000, "Diatom autofocusing in
// brightfield microscopy"), of one that is larger than 128 pixels after it is
// reduced to these. It is small of a blurred picture, and of one that shows
// nothing. One of fewer than 3 pixels a side has none: 0.
func Sharpness(rgb []byte, height, width int) float64 {
	h, w := min(height, side), min(width, side)
	if h < 3 || w < 3 {
		return 0
	}
	grey := make([]float32, h*w)
	for y := range h {
		top, bottom := y*height/h, (y+1)*height/h
		for x := range w {
			left, right := x*width/w, (x+1)*width/w
			sum := 0
			for row := top; row < bottom; row++ {
				for p := rgb[(row*width+left)*3 : (row*width+right)*3]; len(p) >= 3; p = p[3:] {
					sum += 299*int(p[0]) + 587*int(p[1]) + 114*int(p[2]) // Rec. 601
				}
			}
			grey[y*w+x] = float32(sum) / float32(1000*(bottom-top)*(right-left))
		}
	}
	var sum, squares float64
	for y := 1; y < h-1; y++ {
		for x := 1; x < w-1; x++ {
			i := y*w + x
			l := float64(grey[i-1] + grey[i+1] + grey[i-w] + grey[i+w] - 4*grey[i])
			sum, squares = sum+l, squares+l*l
		}
	}
	n := float64((h - 2) * (w - 2))
	return squares/n - sum/n*sum/n
}
