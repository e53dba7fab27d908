// Package nearduplicate finds pictures that are nearly the same: saved again,
// scaled, or a little brighter. A perceptual hash of 64 bits proposes pairs, and
// the correlation of small grey pictures decides.
package nearduplicate

import (
	"math"
	"slices"
)

// Side is that of the small grey pictures.
const Side = 32

// low is how many frequencies of each direction make the hash.
const low = 8

// A Thumbnail is a grey picture of Side by Side, row by row, less its mean and
// of length 1. That of a picture of one colour is zero.
type Thumbnail [Side * Side]float32

// NewThumbnail reduces RGB pixels [height][width][3] by the mean of the pixels
// under each of its own.
func NewThumbnail(rgb []byte, height, width int) *Thumbnail {
	t := new(Thumbnail)
	for y := range Side {
		top, bottom := span(y, height)
		for x := range Side {
			left, right := span(x, width)
			sum := 0
			for row := top; row < bottom; row++ {
				pixels := rgb[(row*width+left)*3 : (row*width+right)*3]
				for ; len(pixels) >= 3; pixels = pixels[3:] {
					sum += 299*int(pixels[0]) + 587*int(pixels[1]) + 114*int(pixels[2]) // Rec. 601
				}
			}
			t[y*Side+x] = float32(sum) / float32(1000*(bottom-top)*(right-left))
		}
	}
	mean := 0.0
	for _, v := range t {
		mean += float64(v)
	}
	mean /= float64(len(t))
	squares := 0.0
	for i := range t {
		t[i] -= float32(mean)
		squares += float64(t[i]) * float64(t[i])
	}
	const faint = 2 // standard deviation, of 255: as good as one colour
	scale := float32(0)
	if squares >= faint*faint*float64(len(t)) {
		scale = float32(1 / math.Sqrt(squares))
	}
	for i := range t {
		t[i] *= scale
	}
	return t
}

// span is the pixels of a length under the i-th of Side, one at least.
func span(i, length int) (from, to int) {
	from = min(i*length/Side, length-1)
	return from, max((i+1)*length/Side, from+1)
}

// Blank reports whether a picture has one colour, and no hash.
func (t *Thumbnail) Blank() bool { return *t == Thumbnail{} }

// Correlation is from -1 to 1; 1 are pictures that differ in brightness and
// contrast alone.
func (t *Thumbnail) Correlation(o *Thumbnail) float64 {
	sum := 0.0
	for i := range t {
		sum += float64(t[i]) * float64(o[i])
	}
	return sum
}

// Hash has a bit for each of the 64 lowest frequencies of the discrete cosine
// transform, which says whether it is above their median: pHash.
func (t *Thumbnail) Hash() uint64 {
	var rows [Side][low]float64
	for y := range Side {
		for u := range low {
			for x := range Side {
				rows[y][u] += float64(t[y*Side+x]) * cosines[u][x]
			}
		}
	}
	var all [low * low]float64
	for v := range low {
		for u := range low {
			for y := range Side {
				all[v*low+u] += rows[y][u] * cosines[v][y]
			}
		}
	}
	sorted := all
	slices.Sort(sorted[:])
	median := (sorted[len(all)/2-1] + sorted[len(all)/2]) / 2
	hash := uint64(0)
	for i, v := range all {
		if v > median {
			hash |= 1 << i
		}
	}
	return hash
}

// cosines[u][x] = cos((2x+1)uπ / 2·Side), the DCT-II.
var cosines = func() (c [low][Side]float64) {
	for u := range low {
		for x := range Side {
			c[u][x] = math.Cos(float64((2*x+1)*u) * math.Pi / (2 * Side))
		}
	}
	return c
}()
