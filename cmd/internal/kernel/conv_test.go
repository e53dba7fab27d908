package kernel

import (
	"fmt"
	"math"
	"testing"
)

var convShapes = []Conv{
	{N: 1, H: 4, W: 4, Cin: 3, Cout: 16, K: 3, Stride: 1},
	{N: 2, H: 9, W: 12, Cin: 3, Cout: 32, K: 3, Stride: 1},
	{N: 3, H: 23, W: 22, Cin: 3, Cout: 8, K: 3, Stride: 1},
	{N: 9, H: 7, W: 11, Cin: 8, Cout: 32, K: 3, Stride: 1},
	{N: 2, H: 17, W: 31, Cin: 32, Cout: 32, K: 3, Stride: 1},
	{N: 1, H: 12, W: 18, Cin: 32, Cout: 64, K: 3, Stride: 1},
	{N: 2, H: 9, W: 8, Cin: 24, Cout: 21, K: 3, Stride: 1, Pad: 1},
	{N: 3, H: 3, W: 2, Cin: 16, Cout: 16, K: 3, Stride: 1, Pad: 4},
	{N: 2, H: 9, W: 9, Cin: 5, Cout: 19, K: 3, Stride: 1},
	{N: 17, H: 5, W: 6, Cin: 1, Cout: 1, K: 3, Stride: 1},
	{N: 2, H: 8, W: 7, Cin: 4, Cout: 24, K: 3, Stride: 1, Pad: 1},
	{N: 2, H: 11, W: 13, Cin: 3, Cout: 16, K: 3, Stride: 2, Pad: 1},
	{N: 1, H: 13, W: 16, Cin: 7, Cout: 33, K: 5, Stride: 2, Pad: 2},
	{N: 2, H: 6, W: 5, Cin: 40, Cout: 12, K: 1, Stride: 1},
	{N: 1, H: 10, W: 9, Cin: 17, Cout: 9, K: 2, Stride: 3},
	{N: 1, H: 3, W: 3, Cin: 2, Cout: 3, K: 3, Stride: 1}, // pools to nothing
}

func (c Conv) String() string {
	return fmt.Sprintf("n%d_%dx%dx%d_to_%d_k%d_s%d_p%d", c.N, c.H, c.W, c.Cin, c.Cout, c.K, c.Stride, c.Pad)
}

// convCase holds the inputs of a shape.
type convCase struct {
	x, w, b, dy, dyPooled []float32
}

func newConvCase(t testing.TB, c Conv) convCase {
	rng := newRand(t)
	oh, ow := c.OutHW()
	ph, pw := c.PoolHW()
	return convCase{
		x: values(rng, c.N*c.H*c.W*c.Cin), w: values(rng, c.K*c.K*c.Cin*c.Cout), b: values(rng, c.Cout),
		dy: values(rng, c.N*oh*ow*c.Cout), dyPooled: values(rng, c.N*ph*pw*c.Cout),
	}
}

// tolerance for sums of at most some thousand products.
const tol = 3e-6

func TestConvAgainstFloat64(t *testing.T) {
	for _, c := range convShapes {
		t.Run(c.String(), func(t *testing.T) {
			if err := c.Check(); err != nil {
				t.Fatal(err)
			}
			in := newConvCase(t, c)
			wantY := c.naiveForward(in.x, in.w, in.b)
			dy := make([]float64, len(in.dy))
			for i, v := range in.dy {
				if i%3 == 0 {
					in.dy[i], v = 0, 0
				}
				dy[i] = float64(v)
			}
			wantDX, wantDW, wantDB := c.naiveBackward(dy, in.x, in.w)
			onEveryPath(t, func(t *testing.T, p *Pool) {
				y, dx, dw, db := make([]float32, len(in.dy)), values(newRand(t), len(in.x)), values(newRand(t), len(in.w)), values(newRand(t), c.Cout)
				c.Forward(p, y, in.x, in.w, in.b)
				checkClose(t, "y", y, wantY, tol)
				c.Backward(p, dx, dw, db, in.dy, in.x, in.w)
				checkClose(t, "dx", dx, wantDX, tol)
				checkClose(t, "dw", dw, wantDW, tol)
				checkClose(t, "db", db, wantDB, tol)
			})
		})
	}
}

func TestConvReLUPoolAgainstFloat64(t *testing.T) {
	for _, c := range convShapes {
		t.Run(c.String(), func(t *testing.T) {
			in := newConvCase(t, c)
			full := c.naiveForward(in.x, in.w, in.b)
			want := make([]float64, len(in.dyPooled))
			for i := range want {
				for k := range 4 {
					want[i] = max(want[i], full[c.place(i, k)])
				}
			}
			onEveryPath(t, func(t *testing.T, p *Pool) {
				y, idx := make([]float32, len(want)), make([]uint8, len(want))
				c.ForwardReLUPool(p, y, idx, in.x, in.w, in.b)
				checkClose(t, "y", y, want, tol)
				for i, k := range idx {
					// The place must hold the value; a near tie may pick another place
					// than float64 would.
					switch {
					case k == 4 && y[i] != 0, k < 4 && y[i] <= 0, k > 4:
						t.Fatalf("idx[%d] = %d for y = %g", i, k, y[i])
					case k < 4 && math.Abs(full[c.place(i, int(k))]-float64(y[i])) > 1e-4:
						t.Fatalf("idx[%d] = %d does not hold %g", i, k, y[i])
					}
				}
				dx, dw, db := values(newRand(t), len(in.x)), values(newRand(t), len(in.w)), values(newRand(t), c.Cout)
				c.BackwardReLUPool(p, dx, dw, db, in.dyPooled, idx, in.x, in.w)
				wantDX, wantDW, wantDB := c.naiveBackward(c.spread(in.dyPooled, idx), in.x, in.w)
				checkClose(t, "dx", dx, wantDX, tol)
				checkClose(t, "dw", dw, wantDW, tol)
				checkClose(t, "db", db, wantDB, tol)
			})
		})
	}
}
