package cropquality

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/opensandwich/oi/record"
)

// grey makes a picture of a value for each pixel.
func grey(height, width int, of func(y, x int) float64) []byte {
	var rgb []byte
	for y := range height {
		for x := range width {
			v := byte(min(max(of(y, x), 0), 255))
			rgb = append(rgb, v, v, v)
		}
	}
	return rgb
}

// TestSharpness compares with values that can be worked out, and a picture with
// itself, blurred.
func TestSharpness(t *testing.T) {
	// A checkerboard of ±50 has a Laplacian of ±400 everywhere.
	board := grey(20, 30, func(y, x int) float64 { return 100 + 50*float64((x+y)%2*2-1) })
	if v := Sharpness(board, 20, 30); math.Abs(v-160000) > 200 {
		t.Errorf("a checkerboard has %v", v)
	}
	// Reduced by two it has one colour; so have a ramp and a plain picture.
	large := grey(256, 256, func(y, x int) float64 { return 100 + 50*float64((x+y)%2*2-1) })
	ramp := grey(40, 40, func(y, x int) float64 { return float64(3*x + 2*y) })
	for name, v := range map[string]float64{"reduced": Sharpness(large, 256, 256), "ramp": Sharpness(ramp, 40, 40), "tiny": Sharpness(board[:12], 2, 2), "row": Sharpness(board[:90], 1, 30)} {
		if math.Abs(v) > 1e-6 {
			t.Errorf("%s: %v", name, v)
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		const h, w = 50, 70
		var noise [h][w]float64
		for y := range noise {
			for x := range noise[y] {
				noise[y][x] = float64(rng.IntN(256))
			}
		}
		sharp := grey(h, w, func(y, x int) float64 { return noise[y][x] })
		blurred := grey(h, w, func(y, x int) float64 {
			sum, n := 0.0, 0.0
			for i := max(y-2, 0); i <= min(y+2, h-1); i++ {
				for j := max(x-2, 0); j <= min(x+2, w-1); j++ {
					sum, n = sum+noise[i][j], n+1
				}
			}
			return sum / n
		})
		if a, b := Sharpness(sharp, h, w), Sharpness(blurred, h, w); a < 20*b {
			t.Errorf("sharp %v, blurred %v", a, b)
		}
	}
}

func TestProblem(t *testing.T) {
	board := grey(16, 16, func(y, x int) float64 { return 255 * float64((x+y)%2) })
	plain := grey(16, 16, func(int, int) float64 { return 90 })
	crop := func(width, height int) *record.Crop { return &record.Crop{Width: width, Height: height} }
	for i, tc := range []struct {
		crop *record.Crop
		rgb  []byte
		want Problem
	}{
		{crop(32, 128), board, ""}, {crop(31, 400), board, Tiny}, {crop(400, 31), plain, Tiny},
		{crop(129, 32), board, Extreme}, {crop(32, 129), plain, Extreme}, {crop(40, 40), plain, Blurred},
		{nil, plain, Blurred}, {nil, board, ""}, {nil, nil, ""}, {crop(0, 0), board, ""}, {crop(8, 8), nil, Tiny},
	} {
		if got := Measure(tc.crop, tc.rgb, 16, 16).Problem(); got != tc.want {
			t.Errorf("%d: %q, want %q", i, got, tc.want)
		}
	}
}
