package main

import (
	"image"
	"math"

	"github.com/opensandwich/oi/cmd/internal/pix"
	"github.com/opensandwich/oi/record"
)

// A want is a crop to the letter, one value after the other, in floats: nothing
// of package pix is used for it.
type want struct {
	window         image.Rectangle
	fullX, fullY   int // of the result before it is rotated
	innerX, innerY int // the part of it that the window covers
	left, top      int
	values         [3][]float64 // of that part
}

// wanted computes it. The picture is over white.
func wanted(img image.Image, box record.Box, o options, rotation int) want {
	size := img.Bounds().Size()
	edges := func(lo, hi float64, n int) (int, int) {
		grown := float64(o.context) * (hi - lo)
		lo, hi = math.Max(0, lo-grown), math.Min(1, hi+grown)
		// An edge a millionth of a pixel from a border is on it, unless
		// nothing would be left of the box.
		for _, slack := range []float64{1e-6, 0} {
			from, to := 0, n
			for from < n && float64(from+1) <= lo*float64(n)+slack {
				from++
			}
			for to > 0 && float64(to-1) >= hi*float64(n)-slack {
				to--
			}
			if from < to {
				return from, to
			}
		}
		panic("a box without area")
	}
	var out want
	x0, x1 := edges(box.XMin, box.XMax, size.X)
	y0, y1 := edges(box.YMin, box.YMax, size.Y)
	out.fullX, out.fullY = o.size.Width, o.size.Height
	if rotation%180 != 0 {
		out.fullX, out.fullY = out.fullY, out.fullX
	}
	if o.square {
		// A pixel at a time, on the side that has had fewer, the right or
		// lower one first, until the shape is right or the photo ends.
		grow := func(lo, hi, end int, more func(n int) bool) (int, int) {
			before, after := 0, 0
			for more(hi-lo) && hi-lo < end {
				if hi == end || lo > 0 && before < after {
					lo--
					before++
				} else {
					hi++
					after++
				}
			}
			return lo, hi
		}
		if w, h := x1-x0, y1-y0; w*out.fullY < h*out.fullX {
			x0, x1 = grow(x0, x1, size.X, func(n int) bool { return n*out.fullY < h*out.fullX })
		} else {
			y0, y1 = grow(y0, y1, size.Y, func(n int) bool { return n*out.fullX < w*out.fullY })
		}
	}
	out.window = image.Rect(x0, y0, x1, y1)
	w, h := float64(x1-x0), float64(y1-y0)
	out.innerX, out.innerY = out.fullX, out.fullY
	if o.square {
		scale := math.Min(float64(out.fullX)/w, float64(out.fullY)/h)
		out.innerX, out.innerY = max(1, int(math.Floor(scale*w+0.5))), max(1, int(math.Floor(scale*h+0.5)))
		out.left, out.top = (out.fullX-out.innerX)/2, (out.fullY-out.innerY)/2
	}
	for channel := range 3 {
		var lines [][]float64 // resampled across
		for y := y0; y < y1; y++ {
			line := make([]float64, x1-x0)
			for x := range line {
				r, g, b, a := img.At(x0+x, y).RGBA()
				line[x] = math.Floor(float64([3]uint32{r, g, b}[channel]+0xffff-a) / 256)
			}
			line = resampled(line, out.innerX, pix.Filter(o.filter))
			if o.filter == string(pix.Lanczos) { // as Pillow does
				for x, v := range line {
					line[x] = math.Round(math.Max(0, math.Min(v, 255)))
				}
			}
			lines = append(lines, line)
		}
		out.values[channel] = make([]float64, out.innerX*out.innerY)
		for x := range out.innerX {
			column := make([]float64, len(lines))
			for y := range lines {
				column[y] = lines[y][x]
			}
			for y, v := range resampled(column, out.innerY, pix.Filter(o.filter)) {
				out.values[channel][y*out.innerX+x] = v
			}
		}
	}
	return out
}

// resampled makes m values of a row or a column.
func resampled(in []float64, m int, filter pix.Filter) []float64 {
	n := len(in)
	scale := float64(n) / float64(m)
	out := make([]float64, m)
	place := scale / 2 // added up, as Pillow does, which decides ties
	for i := range out {
		centre := (float64(i)+0.5)*scale - 0.5
		reach, weight := 1.0, func(d float64) float64 { return math.Max(0, 1-math.Abs(d)) }
		switch {
		case filter == pix.Nearest:
			out[i] = in[min(n-1, int(place))]
			place += scale
			continue
		case filter == pix.Lanczos:
			wide := math.Max(1, scale)
			reach = 3 * wide
			weight = func(d float64) float64 {
				if d /= wide; d == 0 {
					return 1
				} else if math.Abs(d) >= 3 {
					return 0
				}
				return 3 * math.Sin(math.Pi*d) * math.Sin(math.Pi*d/3) / (math.Pi * math.Pi * d * d)
			}
		case filter == pix.Area && n > m:
			reach = scale/2 + 1
			weight = func(d float64) float64 { // the part of the pixel that is covered
				return math.Max(0, math.Min(d+0.5, scale/2)-math.Max(d-0.5, -scale/2))
			}
		default: // the edge is repeated outside
			centre = math.Max(0, math.Min(centre, float64(n-1)))
		}
		sum := 0.0
		for j := max(0, int(centre-reach)); j < min(n, int(centre+reach)+2); j++ {
			w := weight(float64(j) - centre)
			out[i] += w * in[j]
			sum += w
		}
		out[i] /= sum
	}
	return out
}

// at is the value of the result at column c and row r, when it is seen upright.
func (w want) at(c, r, channel, rotation int, pad pix.Pad) float64 {
	x, y := c, r
	switch rotation {
	case 90: // its top row is the right column of what is stored
		x, y = w.fullX-1-r, c
	case 180:
		x, y = w.fullX-1-c, w.fullY-1-r
	case 270:
		x, y = r, w.fullY-1-c
	}
	x, y = x-w.left, y-w.top
	inside := x >= 0 && y >= 0 && x < w.innerX && y < w.innerY
	if !inside && pad == pix.PadBlack {
		return 0
	}
	bring := func(i, n int) int {
		for pad == pix.PadReflect && n > 1 && (i < 0 || i >= n) {
			i = max(i, -i)
			i = min(i, 2*(n-1)-i)
		}
		return max(0, min(i, n-1))
	}
	return w.values[channel][bring(y, w.innerY)*w.innerX+bring(x, w.innerX)]
}
