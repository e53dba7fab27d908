package jpegfile

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"
)

// TestKernels: what runs on this machine does what the Go code does, also for
// coefficients that no encoder writes.
func TestKernels(t *testing.T) {
	rng := rand.New(rand.NewPCG(41, 42))
	const stride = 11
	for n := range 3000 {
		shift := rng.IntN(24)
		var block coefficients
		for i := range 64 {
			if rng.IntN(3) > 0 {
				block[i] = int32(rng.Uint32()) >> (31 - shift)
			}
		}
		for _, k := range []struct {
			points int
			fast   func(*coefficients, []byte, int)
			slow   func(*coefficients, []byte, int)
		}{
			{8, inverse8x8, inverse8x8Go},
			{4, inverse4x4, func(b *coefficients, dst []byte, stride int) { inverse(b, 4, 4, dst, stride) }},
		} {
			a, b := block, block
			got, want := bytes.Repeat([]byte{7}, 8*stride), bytes.Repeat([]byte{7}, 8*stride)
			k.fast(&a, got, stride)
			k.slow(&b, want, stride)
			if !bytes.Equal(got, want) || a != b {
				t.Fatalf("block %d, %d points: %v, want %v, from %v", n, k.points, got, want, block[:64])
			}
		}
		pixels := rng.IntN(70)
		y, cb, cr := make([]byte, pixels), make([]byte, pixels), make([]byte, pixels)
		for i := range pixels {
			y[i], cb[i], cr[i] = byte(rng.Uint32()), byte(rng.Uint32()), byte(rng.Uint32())
		}
		got, want := make([]byte, 3*pixels), make([]byte, 3*pixels)
		yCbCrToRGB(got, y, cb, cr)
		yCbCrToRGBGo(want, y, cb, cr)
		if !bytes.Equal(got, want) {
			t.Fatalf("%d pixels: %v, want %v", pixels, got, want)
		}
	}
}

// TestReducedTransforms: the transforms of fewer points give the mean of the
// pixels of the whole one, in float64 by its definition (A.3.3).
func TestReducedTransforms(t *testing.T) {
	rng := rand.New(rand.NewPCG(43, 44))
	steps := &[64]int32{}
	for k := range steps {
		steps[k] = int32(1 + rng.IntN(9))
	}
	for _, nx := range []int{1, 2, 4, 8} {
		for _, ny := range []int{1, 2, 4, 8} {
			var terms terms
			terms.set(nx, ny, steps)
			for range 50 {
				var block coefficients
				var whole [64]float64
				for k := range 64 {
					v := int32(rng.IntN(9) - 4)
					block[terms[k].at] += v * terms[k].weight
					u, w := int(zigzag[k]&7), int(zigzag[k]>>3)
					for i := range whole {
						c := float64(v*steps[k]) / 4 * math.Cos(float64((2*(i%8)+1)*u)*math.Pi/16) * math.Cos(float64((2*(i/8)+1)*w)*math.Pi/16)
						if u == 0 {
							c /= math.Sqrt2
						}
						if w == 0 {
							c /= math.Sqrt2
						}
						whole[i] += c
					}
				}
				p := plane{nx: nx, ny: ny, stride: 8, pix: make([]byte, 64)}
				block[nowhere] = 0
				p.put(0, 0, &block)
				for y := range ny {
					for x := range nx {
						mean := 128.0
						for i, v := range whole {
							if i%8*nx/8 == x && i/8*ny/8 == y {
								mean += v * float64(nx*ny) / 64
							}
						}
						mean = max(0, min(mean, 255))
						if got := float64(p.pix[8*y+x]); math.Abs(got-mean) > 0.75 {
							t.Fatalf("%dx%d points: pixel %d, %d is %v, want %.2f", nx, ny, x, y, got, mean)
						}
					}
				}
			}
		}
	}
}
