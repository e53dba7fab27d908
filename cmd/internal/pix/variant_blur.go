package pix

import (
	"bytes"
	"fmt"
	"math"
	"slices"
)

// A blurrer keeps the memory that blurring takes.
type blurrer struct {
	weights []int32
	padded  []byte
	sums    []int32
}

// MaxBlur is the largest standard deviation, in pixels.
const MaxBlur = 20

// blurBits is the number of fractional bits of weights.
const blurBits = 16

// gaussian sets weights to those of offsets -r to r from a pixel, r being three
// standard deviations, which add up to 2^blurBits.
func (b *blurrer) gaussian(sigma float64) (radius int) {
	radius = int(math.Ceil(float64(3 * sigma)))
	exact := make([]float64, radius+1)
	total := 1.0
	for i := range exact {
		exact[i] = expNegative(float64(i*i) / float64(2*float64(sigma*sigma)))
		if i > 0 {
			total += float64(2 * exact[i])
		}
	}
	b.weights = slices.Grow(b.weights[:0], 2*radius+1)[:2*radius+1]
	sum := int32(0)
	for i := range b.weights {
		b.weights[i] = int32(math.Round(exact[max(i-radius, radius-i)] / total * (1 << blurBits)))
		sum += b.weights[i]
	}
	b.weights[radius] += 1<<blurBits - sum
	return radius
}

// expNegative returns e to the power of -x for x >= 0, to 1e-14, with the same
// bits on every platform, unlike math.Exp.
func expNegative(x float64) float64 {
	halvings := 0
	for ; x > 0.125; halvings++ {
		x /= 2
	}
	sum, term := 1.0, 1.0
	for n := 1.0; n <= 10; n++ {
		term = -float64(term*x) / n
		sum += term
	}
	for range halvings {
		sum = float64(sum * sum)
	}
	return sum
}

// mirror returns the pixel of an axis of n that stands for one outside, not
// repeating the one at the edge, as torchvision's GaussianBlur does: as if there
// was a mirror in the middle of the first and of the last one.
func mirror(i, n int) int {
	if n == 1 {
		return 0
	}
	period := 2 * (n - 1)
	if i %= period; i < 0 {
		i += period
	}
	return min(i, period-i)
}

// blur blurs RGB pixels by a Gaussian of sigma pixels, first across, then down;
// after each, values are rounded to bytes.
func (b *blurrer) blur(pixels []byte, h, w int, sigma float64) {
	radius := b.gaussian(sigma)
	stride := 3 * w
	b.sums = slices.Grow(b.sums[:0], stride)[:stride]
	b.padded = slices.Grow(b.padded[:0], max(stride+6*radius, len(pixels)))
	row := b.padded[:stride+6*radius]
	for r := range h {
		out := pixels[r*stride:][:stride]
		for c := range w + 2*radius {
			copy(row[3*c:3*c+3], out[3*mirror(c-radius, w):])
		}
		b.begin()
		for i, weight := range b.weights {
			addRow(b.sums, row[3*i:][:stride], weight)
		}
		b.end(out)
	}
	from := b.padded[:len(pixels)]
	copy(from, pixels)
	for r := range h {
		b.begin()
		for i, weight := range b.weights {
			addRow(b.sums, from[mirror(r+i-radius, h)*stride:][:stride], weight)
		}
		b.end(pixels[r*stride:][:stride])
	}
}

func (b *blurrer) begin() {
	for i := range b.sums {
		b.sums[i] = 1 << (blurBits - 1)
	}
}

func (b *blurrer) end(out []byte) {
	for i, sum := range b.sums {
		out[i] = byte(max(0, min(sum>>blurBits, 255)))
	}
}

// jpegNoise encodes RGB pixels as a JPEG, 4:2:0, by image/jpeg and decodes them
// again as photos are. Both compute in integers.
func jpegNoise(pixels []byte, h, w, quality int) error {
	var data bytes.Buffer
	if err := EncodeJPEG(&data, pixels, w, h, quality); err != nil {
		return fmt.Errorf("jpeg of quality %d: %w", quality, err)
	}
	picture, err := Decode(data.Bytes(), h*w)
	if err != nil {
		return fmt.Errorf("jpeg of quality %d: %w", quality, err)
	}
	copy(pixels, picture.RGB(0, 0, w, h))
	return nil
}
