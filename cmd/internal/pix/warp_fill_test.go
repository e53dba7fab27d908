package pix

import (
	"fmt"
	"math"
	"testing"
)

// The vectors are scipy's: affine_transform of the picture x[r,c] = 10r + c*c of
// five by six, order 1, with Keras' matrix.
var goldenFills = []struct {
	warp Warp
	want []float64
}{
	{Warp{Theta: 0, TX: 2.3, TY: -3.4, Shear: 0, ZX: 1, ZY: 1, OldCentre: true, Fill: FillNearest}, []float64{23, 23, 23, 23, 23.600, 25.800, 33, 33, 33, 33, 33.600, 35.800, 40, 40, 40, 40, 40.600, 42.800, 40, 40, 40, 40, 40.600, 42.800, 40, 40, 40, 40, 40.600, 42.800}},
	{Warp{Theta: 0, TX: 2.3, TY: -3.4, Shear: 0, ZX: 1, ZY: 1, OldCentre: true, Fill: FillConstant}, []float64{0, 0, 0, 0, 23.600, 25.800, 0, 0, 0, 0, 33.600, 35.800, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
	{Warp{Theta: 0, TX: 2.3, TY: -3.4, Shear: 0, ZX: 1, ZY: 1, OldCentre: true, Fill: FillReflect}, []float64{29, 25.200, 23.400, 23, 23.600, 25.800, 39, 35.200, 33.400, 33, 33.600, 35.800, 46, 42.200, 40.400, 40, 40.600, 42.800, 43, 39.200, 37.400, 37, 37.600, 39.800, 33, 29.200, 27.400, 27, 27.600, 29.800}},
	{Warp{Theta: 0, TX: 2.3, TY: -3.4, Shear: 0, ZX: 1, ZY: 1, OldCentre: true, Fill: FillWrap}, []float64{25.800, 30, 36.200, 44.400, 23.600, 25.800, 35.800, 40, 46.200, 54.400, 33.600, 35.800, 5.800, 10, 16.200, 24.400, 3.600, 5.800, 15.800, 20, 26.200, 34.400, 13.600, 15.800, 25.800, 30, 36.200, 44.400, 23.600, 25.800}},
	{Warp{Theta: 0, TX: 2.3, TY: -3.4, Shear: 0, ZX: 1, ZY: 1, OldCentre: false, Fill: FillNearest}, []float64{23, 23, 23, 23, 23.600, 25.800, 33, 33, 33, 33, 33.600, 35.800, 40, 40, 40, 40, 40.600, 42.800, 40, 40, 40, 40, 40.600, 42.800, 40, 40, 40, 40, 40.600, 42.800}},
	{Warp{Theta: 0, TX: 2.3, TY: -3.4, Shear: 0, ZX: 1, ZY: 1, OldCentre: false, Fill: FillConstant}, []float64{0, 0, 0, 0, 23.600, 25.800, 0, 0, 0, 0, 33.600, 35.800, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
	{Warp{Theta: 0, TX: 2.3, TY: -3.4, Shear: 0, ZX: 1, ZY: 1, OldCentre: false, Fill: FillReflect}, []float64{29, 25.200, 23.400, 23, 23.600, 25.800, 39, 35.200, 33.400, 33, 33.600, 35.800, 46, 42.200, 40.400, 40, 40.600, 42.800, 43, 39.200, 37.400, 37, 37.600, 39.800, 33, 29.200, 27.400, 27, 27.600, 29.800}},
	{Warp{Theta: 0, TX: 2.3, TY: -3.4, Shear: 0, ZX: 1, ZY: 1, OldCentre: false, Fill: FillWrap}, []float64{25.800, 30, 36.200, 44.400, 23.600, 25.800, 35.800, 40, 46.200, 54.400, 33.600, 35.800, 5.800, 10, 16.200, 24.400, 3.600, 5.800, 15.800, 20, 26.200, 34.400, 13.600, 15.800, 25.800, 30, 36.200, 44.400, 23.600, 25.800}},
	{Warp{Theta: 30, TX: 0.4, TY: 0.7, Shear: 5, ZX: 1.2, ZY: 0.8, OldCentre: true, Fill: FillNearest}, []float64{15.060, 11.127, 8.240, 5.974, 8.169, 12.424, 26.052, 23.055, 20.679, 19.367, 18.922, 19.099, 37.870, 35.383, 34.071, 33.516, 33.582, 34.892, 44.063, 47.340, 48.110, 48.108, 49.375, 48.081, 47.063, 50.875, 55.463, 61.207, 63.062, 58.473}},
	{Warp{Theta: 30, TX: 0.4, TY: 0.7, Shear: 5, ZX: 1.2, ZY: 0.8, OldCentre: true, Fill: FillConstant}, []float64{15.060, 11.127, 8.240, 5.974, 0, 0, 26.052, 23.055, 20.679, 19.367, 18.922, 19.099, 37.870, 35.383, 34.071, 33.516, 33.582, 34.892, 0, 0, 48.110, 48.108, 49.375, 0, 0, 0, 0, 0, 0, 0}},
	{Warp{Theta: 30, TX: 0.4, TY: 0.7, Shear: 5, ZX: 1.2, ZY: 0.8, OldCentre: true, Fill: FillReflect}, []float64{15.060, 11.127, 8.240, 5.974, 8.169, 12.424, 26.052, 23.055, 20.679, 19.367, 18.922, 19.099, 37.870, 35.383, 34.071, 33.516, 33.582, 34.892, 44.063, 47.340, 48.110, 48.108, 49.375, 48.081, 40.646, 49.047, 55.463, 61.207, 63.062, 58.473}},
	{Warp{Theta: 30, TX: 0.4, TY: 0.7, Shear: 5, ZX: 1.2, ZY: 0.8, OldCentre: true, Fill: FillWrap}, []float64{15.060, 11.127, 8.240, 5.974, 44.662, 44.329, 26.052, 23.055, 20.679, 19.367, 18.922, 19.099, 37.870, 35.383, 34.071, 33.516, 33.582, 34.892, 10.087, 8.775, 48.110, 48.108, 49.375, 23.370, 23.480, 22.703, 22.702, 23.858, 38.296, 34.363}},
	{Warp{Theta: 30, TX: 0.4, TY: 0.7, Shear: 5, ZX: 1.2, ZY: 0.8, OldCentre: false, Fill: FillNearest}, []float64{11.119, 7.432, 4.809, 6.169, 9.624, 14.212, 22.247, 19.624, 17.759, 16.515, 16.513, 19.101, 34.439, 32.463, 31.151, 31.107, 31.684, 32.993, 45.340, 45.856, 45.701, 46.167, 47.476, 43.885, 48.340, 52.663, 57.607, 61.959, 58.866, 54.277}},
	{Warp{Theta: 30, TX: 0.4, TY: 0.7, Shear: 5, ZX: 1.2, ZY: 0.8, OldCentre: false, Fill: FillConstant}, []float64{11.119, 7.432, 4.809, 0, 0, 0, 22.247, 19.624, 17.759, 16.515, 16.513, 0, 34.439, 32.463, 31.151, 31.107, 31.684, 32.993, 0, 45.856, 45.701, 46.167, 47.476, 0, 0, 0, 0, 61.959, 0, 0}},
	{Warp{Theta: 30, TX: 0.4, TY: 0.7, Shear: 5, ZX: 1.2, ZY: 0.8, OldCentre: false, Fill: FillReflect}, []float64{11.119, 7.432, 4.809, 6.169, 9.624, 16.504, 22.247, 19.624, 17.759, 16.515, 16.513, 19.101, 34.439, 32.463, 31.151, 31.107, 31.684, 32.993, 45.340, 45.856, 45.701, 46.167, 47.476, 43.885, 46.119, 52.663, 57.607, 61.959, 58.866, 52.976}},
	{Warp{Theta: 30, TX: 0.4, TY: 0.7, Shear: 5, ZX: 1.2, ZY: 0.8, OldCentre: false, Fill: FillWrap}, []float64{11.119, 7.432, 4.809, 43.055, 41.921, 41.920, 22.247, 19.624, 17.759, 16.515, 16.513, 57.201, 34.439, 32.463, 31.151, 31.107, 31.684, 32.993, 7.168, 45.856, 45.701, 46.167, 47.476, 19.429, 20.560, 20.294, 20.650, 61.959, 34.355, 30.711}},
	{Warp{Theta: -75, TX: 13.2, TY: -17.7, Shear: 0, ZX: 1.9, ZY: 1.7, OldCentre: true, Fill: FillNearest}, []float64{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
	{Warp{Theta: -75, TX: 13.2, TY: -17.7, Shear: 0, ZX: 1.9, ZY: 1.7, OldCentre: true, Fill: FillConstant}, []float64{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
	{Warp{Theta: -75, TX: 13.2, TY: -17.7, Shear: 0, ZX: 1.9, ZY: 1.7, OldCentre: true, Fill: FillReflect}, []float64{25.642, 44.263, 45.290, 31.949, 18.608, 22.084, 26.187, 40.739, 32.809, 17.708, 4.296, 14.487, 31.341, 40.096, 26.353, 9.933, 0.224, 13.573, 41.579, 41.651, 23.910, 6.169, 2.017, 17.998, 57.859, 47.305, 27.804, 8.530, 12.556, 26.777}},
	{Warp{Theta: -75, TX: 13.2, TY: -17.7, Shear: 0, ZX: 1.9, ZY: 1.7, OldCentre: true, Fill: FillWrap}, []float64{21.104, 37.965, 14.855, 32.596, 10.336, 28.746, 36.982, 16.483, 36.342, 56.723, 11.630, 28.490, 33.197, 10.938, 29.366, 7.987, 27.056, 46.556, 57.381, 12.212, 29.073, 5.934, 23.572, 41.312, 8.607, 27.695, 47.196, 26.923, 47.304, 27.685}},
	{Warp{Theta: -75, TX: 13.2, TY: -17.7, Shear: 0, ZX: 1.9, ZY: 1.7, OldCentre: false, Fill: FillNearest}, []float64{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
	{Warp{Theta: -75, TX: 13.2, TY: -17.7, Shear: 0, ZX: 1.9, ZY: 1.7, OldCentre: false, Fill: FillConstant}, []float64{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
	{Warp{Theta: -75, TX: 13.2, TY: -17.7, Shear: 0, ZX: 1.9, ZY: 1.7, OldCentre: false, Fill: FillReflect}, []float64{32.308, 40.179, 25.469, 9.607, 2.498, 18.230, 38.514, 37.009, 20.149, 3.512, 2.909, 19.433, 48.656, 37.892, 19.272, 2.834, 9.340, 24.978, 62.899, 45.457, 25.304, 12.126, 21.790, 35.998, 57.605, 45.144, 30.180, 26.241, 41.238, 53.699}},
	{Warp{Theta: -75, TX: 13.2, TY: -17.7, Shear: 0, ZX: 1.9, ZY: 1.7, OldCentre: false, Fill: FillWrap}, []float64{40.004, 18.983, 38.484, 18.103, 38.484, 58.865, 38.130, 15.678, 33.419, 11.608, 30.228, 49.057, 18.762, 39.142, 59.523, 11.794, 28.655, 6.053, 12.228, 30.849, 49.696, 29.197, 48.698, 29.065, 12.377, 29.237, 6.654, 24.395, 42.452, 21.073}},
}

func TestFillGolden(t *testing.T) {
	const h, w = 5, 6
	for _, channels := range []int{1, 3} {
		src, got := make([]byte, h*w*channels), make([]byte, h*w*channels)
		for i := range src {
			r, c := i/channels/w, i/channels%w
			src[i] = byte(10*r + c*c)
		}
		for _, g := range goldenFills {
			new(Warper).Apply(g.warp, got, src, h, w, channels)
			for i, v := range got {
				if math.Abs(float64(v)-g.want[i/channels]) > 0.52 {
					t.Errorf("%+v: value %d is %d, scipy has %.3f", g.warp, i, v, g.want[i/channels])
				}
			}
		}
	}
}

// A picture of one row or column has places outside as well.
func TestFillThin(t *testing.T) {
	for _, f := range []Fill{FillNearest, FillConstant, FillReflect, FillWrap} {
		for _, shape := range [][2]int{{1, 1}, {1, 9}, {9, 1}, {2, 9}} {
			h, w := shape[0], shape[1]
			src, got := make([]byte, h*w*3), make([]byte, h*w*3)
			for i := range src {
				src[i] = 90
			}
			for n := range 20 {
				v := DrawWarp(NewRand(1, "thin", 1, n), Ranges{Rotation: 180, HeightShift: 10, WidthShift: 10, Zoom: 0.9, Fill: f}, h, w)
				new(Warper).Apply(v, got, src, h, w, 3)
				for i, b := range got {
					if b != 90 && !(f == FillConstant && b == 0) {
						t.Fatalf("%v, %dx%d: value %d is %d", f.String(), h, w, i, b)
					}
				}
			}
		}
	}
}

func TestFillNames(t *testing.T) {
	for _, name := range []string{"nearest", "constant", "reflect", "wrap"} {
		var f Fill
		if err := f.Set(name); err != nil || f.String() != name {
			t.Errorf("%s: %v, %v", name, f, err)
		}
	}
	var f Fill
	if f.Set("mirror") == nil || fmt.Sprint(int(f)) != "0" {
		t.Error("mirror passed")
	}
}
