package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// naiveGradients is the textbook loop in float64.
func (c GroupedConv) naiveGradients(dy, x, w []float32) (dx, dw, db []float64) {
	oh, ow := c.OutHW(c.H, c.W)
	cin, cout := c.Cin/c.Groups, c.Cout/c.Groups
	dx, dw, db = make([]float64, len(x)), make([]float64, len(w)), make([]float64, c.Cout)
	for i, v := range dy {
		o, ox, oy, n := i%c.Cout, i/c.Cout%ow, i/c.Cout/ow%oh, i/c.Cout/ow/oh
		db[o] += float64(v)
		for ky := range c.KH {
			for kx := range c.KW {
				iy, ix := oy*c.StrideH+ky*c.DilationH-c.PadTop, ox*c.StrideW+kx*c.DilationW-c.PadLeft
				if iy < 0 || ix < 0 || iy >= c.H || ix >= c.W {
					continue
				}
				for ci := range cin {
					atX, atW := ((n*c.H+iy)*c.W+ix)*c.Cin+o/cout*cin+ci, ((ky*c.KW+kx)*cin+ci)*c.Cout+o
					dx[atX] += float64(v) * float64(w[atW])
					dw[atW] += float64(v) * float64(x[atX])
				}
			}
		}
	}
	return dx, dw, db
}

// TestConvGradientsAgainstFloat64 also checks that neither threads nor the
// width of vectors change a bit.
func TestConvGradientsAgainstFloat64(t *testing.T) {
	shapes := append([]GroupedConv{{2, 6, 5, 4, 6, 1, Window{2, 2, 1, 1, 1, 1, 1, 3, 5, 0}}}, groupedShapes...)
	for _, d := range depthwiseShapes {
		shapes = append(shapes, GroupedConv{d.N, d.H, d.W, d.C, d.C, d.C, d.Window})
	}
	for _, c := range shapes {
		t.Run(c.String(), func(t *testing.T) {
			if err := c.CheckBackward(); err != nil {
				t.Fatal(err)
			}
			rng := newRand(t)
			y, x, w, b := c.values(rng)
			dy := values(rng, len(y))
			wantX, wantW, wantB := c.naiveGradients(dy, x, w)
			var first [3][]float32
			for _, backend := range Backends() {
				for _, threads := range []int{1, 3} {
					ws, _ := NewWorkersOn(backend, threads)
					dx, dw, db := values(rng, len(x)), values(rng, len(w)), values(rng, len(b))
					c.Backward(ws, dx, dw, db, dy, x, w)
					checkClose(t, "dx", dx, wantX, tol)
					checkClose(t, "dw", dw, wantW, tol)
					checkClose(t, "db", db, wantB, tol)
					alone := values(rng, len(x))
					c.Backward(ws, alone, nil, nil, dy, x, w)
					checkSame(t, "dx alone", alone, dx)
					alone = values(rng, len(w))
					c.Backward(ws, nil, alone, nil, dy, x, w)
					checkSame(t, "dw alone", alone, dw)
					ws.Close()
					if first[0] == nil || backend == "go" && threads == 1 {
						first = [3][]float32{dx, dw, db}
					}
					for i, got := range [][]float32{dx, dw, db} {
						checkSame(t, fmt.Sprint("gradient ", i, " on ", backend, threads), got, first[i])
					}
				}
			}
		})
	}
}

func TestPoolGradients(t *testing.T) {
	for _, p := range []Pool{
		{N: 2, H: 7, W: 8, C: 19, Window: square(3, 2, 1)},
		{N: 1, H: 6, W: 6, C: 4, Window: Window{2, 3, 1, 2, 1, 1, 0, 1, 1, 0}},
		{N: 2, H: 7, W: 7, C: 5, Window: square(3, 2, 1), Mean: true},
		{N: 1, H: 5, W: 5, C: 17, Window: square(2, 2, 0), Mean: true, CountPadding: true},
		{N: 1, H: 6, W: 5, C: 3, Window: Window{3, 3, 2, 2, 1, 1, 1, 1, 2, 2}, Mean: true, CountPadding: true, UncountedBottom: 1, UncountedRight: 1},
		{N: 1, H: 9, W: 9, C: 3, Window: Window{2, 2, 2, 2, 3, 2, 2, 2, 2, 2}},
		{N: 1, H: 4, W: 1, C: 9, Window: Window{4, 1, 1, 1, 1, 1, 0, 0, 0, 0}},
	} {
		t.Run(fmt.Sprint(p), func(t *testing.T) {
			rng := newRand(t)
			oh, ow := p.OutHW(p.H, p.W)
			x, dy := values(rng, p.N*p.H*p.W*p.C), values(rng, p.N*oh*ow*p.C)
			for i, k := range rng.Perm(len(x)) { // no two about the same
				x[i] = float32(k) / 64
			}
			onEveryBackend(t, func(t *testing.T, ws *Workers) {
				dx := values(rng, len(x))
				p.Backward(ws, dx, dy, x)
				y := make([]float32, len(dy))
				checkDifferences(t, "dx", dx, x, dy, func() []float32 { p.Forward(ws, y, x); return y })
			})
		})
	}
}

// checkDifferences compares a gradient with what a change of each of some values
// makes of the sum of dy*f.
func checkDifferences(t *testing.T, name string, got, at, dy []float32, f func() []float32) {
	t.Helper()
	sum := func() (total float64) {
		for i, v := range f() {
			total += float64(v) * float64(dy[i])
		}
		return total
	}
	const h = 1.0 / 512
	for k := 0; k < len(at); k += max(1, len(at)/97) {
		old := at[k]
		at[k] = old + h
		up, right := sum(), float64(at[k])
		at[k] = old - h
		down, left := sum(), float64(at[k])
		at[k] = old
		if want := (up - down) / (right - left); !(math.Abs(float64(got[k])-want) <= 5e-3*(1+math.Abs(want))) {
			t.Errorf("%s[%d] = %v, want %v", name, k, got[k], want)
		}
	}
}

func TestUnaryGradients(t *testing.T) {
	for op := range unaryOps {
		u := Unary{Op: op, Alpha: 0.25, Beta: 0.5}
		if op == UnaryClip {
			u.Alpha, u.Beta = -0.5, 1
		}
		if !u.HasGradient() {
			if op != UnaryFloor && op != UnaryErf && op != UnaryGelu && op != UnaryGeluTanh {
				t.Errorf("function %d has no gradient", op)
			}
			continue
		}
		t.Run(fmt.Sprint(op), func(t *testing.T) {
			rng := newRand(t)
			x, dy := make([]float32, 3*elementChunk), values(rng, 3*elementChunk)
			for i := range x {
				x[i] = awayFromCorners(rng, op)
			}
			var want []float32
			onEveryBackend(t, func(t *testing.T, ws *Workers) {
				y, dx := make([]float32, len(x)), values(rng, len(x))
				u.Forward(ws, y, x)
				u.Backward(ws, dx, dy, x, y)
				if want == nil {
					want = dx
					checkDifferences(t, "dx", dx, x, dy, func() []float32 { u.Forward(ws, y, x); return y })
				}
				if op != UnaryLog {
					checkSame(t, "dx", dx, want)
				}
			})
		})
	}
}

// TestClipGradientAtItsEnds has results at the ends of the range, beyond them and
// not a number, and lengths that fill no whole vectors.
func TestClipGradientAtItsEnds(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	results := []float32{-0.5, 1, 0, nan, math.Nextafter32(-0.5, 1), math.Nextafter32(1, 0), inf, -inf}
	inside := []bool{false, false, true, false, true, true, false, false}
	u := Unary{Op: UnaryClip, Alpha: -0.5, Beta: 1}
	onEveryBackend(t, func(t *testing.T, ws *Workers) {
		for n := range 41 {
			y, dx, dy := make([]float32, n), make([]float32, n), make([]float32, n)
			for i := range y {
				y[i], dy[i] = results[i%len(results)], float32(i)+1
			}
			u.Backward(ws, dx, dy, y, y)
			for i, got := range dx {
				var want float32
				if inside[i%len(results)] {
					want = dy[i]
				}
				if got != want {
					t.Fatalf("%d values: the gradient at %v is %v, want %v", n, y[i], got, want)
				}
			}
		}
	})
}

// awayFromCorners is a number next to which no function has a corner.
func awayFromCorners(rng *rand.Rand, op UnaryOp) float32 {
	for {
		v := float32(3 * rng.NormFloat64())
		if op == UnarySqrt || op == UnaryLog {
			return float32(math.Abs(float64(v))) + 0.25
		}
		near := false
		for _, corner := range []float32{-3, -2, -0.5, 0, 1, 2, 3} {
			near = near || math.Abs(float64(v-corner)) < 0.01
		}
		if !near {
			return v
		}
	}
}

func TestBinaryGradients(t *testing.T) {
	shapes := [][2][]int{
		{{3, 5, 7}, {3, 5, 7}},
		{{2, 4, 3, 19}, {2, 1, 1, 19}}, // squeeze and excite
		{{2, 1, 1, 19}, {2, 4, 3, 19}},
		{{2, 4, 3, 19}, {19}},
		{{2, 4, 3, 19}, {1}},
		{{2, 4, 3, 1}, {2, 4, 3, 6}},
		{{2, 1, 3, 1}, {1, 4, 1, 6}},
		{{40, 1000}, {40, 1000}},
	}
	for op := range binaryOps {
		if !op.HasGradient() {
			continue
		}
		for _, s := range shapes {
			t.Run(fmt.Sprint(op, s), func(t *testing.T) {
				f, err := NewBinary(op, s[0], s[1])
				if err != nil {
					t.Fatal(err)
				}
				rng := newRand(t)
				// No two are about the same, and no divisor is small.
				a, b := values(rng, f.sizeA), values(rng, f.sizeB)
				for i := range a {
					a[i] = float32(math.Round(float64(4*a[i]))) / 4
				}
				for i := range b {
					b[i] = float32(math.Copysign(math.Ceil(math.Abs(float64(4*b[i])))/4+0.125, float64(b[i])))
				}
				dy := values(rng, f.inner*f.rows)
				var want [2][]float32
				onEveryBackend(t, func(t *testing.T, ws *Workers) {
					da, db := values(rng, len(a)), values(rng, len(b))
					f.Backward(ws, da, db, dy, a, b)
					if want[0] == nil {
						want = [2][]float32{da, db}
						y := make([]float32, len(dy))
						forward := func() []float32 { f.Forward(ws, y, a, b); return y }
						checkDifferences(t, "da", da, a, dy, forward)
						checkDifferences(t, "db", db, b, dy, forward)
					}
					checkSame(t, "da", da, want[0])
					checkSame(t, "db", db, want[1])
					alone := values(rng, len(b))
					f.Backward(ws, nil, alone, dy, a, b)
					checkSame(t, "db alone", alone, db)
				})
			})
		}
	}
}
