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
	{N: 2, H: 6, W: 3, Cin: 2, Cout: 20, K: 3, Stride: 1},
	{N: 3, H: 8, W: 8, Cin: 20, Cout: 20, K: 3, Stride: 1, Pad: 1},
	{N: 1, H: 14, W: 13, Cin: 5, Cout: 19, K: 3, Stride: 1, Pad: 1},
	{N: 9, H: 5, W: 7, Cin: 7, Cout: 130, K: 3, Stride: 1, Pad: 1}, // many blocks
	{N: 10, H: 4, W: 4, Cin: 120, Cout: 17, K: 3, Stride: 1, Pad: 1},
	{N: 2, H: 3, W: 40, Cin: 2, Cout: 16, K: 5, Stride: 1, Pad: 1},
	{N: 2, H: 130, W: 3, Cin: 4, Cout: 6, K: 2, Stride: 1, Pad: 1}, // several row tiles
	{N: 1, H: 2, W: 300, Cin: 3, Cout: 5, K: 1, Stride: 1},
	{N: 2, H: 5, W: 6, Cin: 3, Cout: 9, K: 2, Stride: 1, Pad: 4},
	{N: 2, H: 7, W: 9, Cin: 18, Cout: 5, K: 1, Stride: 2},
	{N: 1, H: 10, W: 12, Cin: 6, Cout: 11, K: 3, Stride: 2}, // last row and column not reached
	{N: 1, H: 9, W: 6, Cin: 17, Cout: 3, K: 2, Stride: 2, Pad: 5},
	{N: 2, H: 11, W: 8, Cin: 2, Cout: 4, K: 4, Stride: 3, Pad: 2},
	{N: 3, H: 8, W: 10, Cin: 16, Cout: 32, K: 3, Stride: 1, Pad: 1}, // in tiles both ways, as from here on
	{N: 2, H: 5, W: 7, Cin: 40, Cout: 24, K: 3, Stride: 1, Pad: 1},
	{N: 1, H: 2, W: 2, Cin: 128, Cout: 128, K: 3, Stride: 1, Pad: 1},
	{N: 2, H: 4, W: 3, Cin: 16, Cout: 48, K: 3, Stride: 1, Pad: 2},
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
			onEveryBackend(t, func(t *testing.T, ws *Workers) {
				y, dx, dw, db := make([]float32, len(in.dy)), values(newRand(t), len(in.x)), values(newRand(t), len(in.w)), values(newRand(t), c.Cout)
				c.Forward(ws, y, in.x, in.w, in.b)
				checkClose(t, "y", y, wantY, tol)
				c.Backward(ws, dx, dw, db, in.dy, in.x, in.w)
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
			want, largest := make([]float64, len(in.dyPooled)), 0.0
			for i := range want {
				for k := range 4 {
					want[i] = max(want[i], full[c.place(i, k)])
				}
				largest = max(largest, want[i])
			}
			onEveryBackend(t, func(t *testing.T, ws *Workers) {
				y, idx := make([]float32, len(want)), make([]uint8, len(want))
				c.ForwardReLUPool(ws, y, idx, in.x, in.w, in.b)
				checkClose(t, "y", y, want, tol)
				for i, k := range idx {
					// The place must hold the value; a near
					// tie may pick another place than
					// float64 would.
					switch {
					case k == 4 && y[i] != 0, k < 4 && y[i] <= 0, k > 4:
						t.Fatalf("idx[%d] = %d for y = %g", i, k, y[i])
					case k < 4 && math.Abs(full[c.place(i, int(k))]-float64(y[i])) > tol*largest:
						t.Fatalf("idx[%d] = %d does not hold %g", i, k, y[i])
					}
				}
				dx, dw, db := values(newRand(t), len(in.x)), values(newRand(t), len(in.w)), values(newRand(t), c.Cout)
				c.BackwardReLUPool(ws, dx, dw, db, in.dyPooled, idx, in.x, in.w)
				wantDX, wantDW, wantDB := c.naiveBackward(c.spread(in.dyPooled, idx), in.x, in.w)
				checkClose(t, "dx", dx, wantDX, tol)
				checkClose(t, "dw", dw, wantDW, tol)
				checkClose(t, "db", db, wantDB, tol)
			})
		})
	}
}

func TestConvReLU(t *testing.T) {
	for _, c := range convShapes {
		t.Run(c.String(), func(t *testing.T) {
			in := newConvCase(t, c)
			full := c.naiveForward(in.x, in.w, in.b)
			want, plain := make([]float64, len(full)), make([]float64, len(full))
			for i, v := range full {
				plain[i], want[i] = max(v, 0), max(v+float64(in.dy[i]), 0)
			}
			onEveryBackend(t, func(t *testing.T, ws *Workers) {
				y, again := make([]float32, len(full)), make([]float32, len(full))
				c.ForwardReLU(ws, y, in.x, in.w, in.b, nil)
				checkClose(t, "y", y, plain, tol)
				c.Forward(ws, again, in.x, in.w, in.b)
				ReLU(ws, again, again)
				checkSame(t, "two steps", y, again)

				c.ForwardReLU(ws, y, in.x, in.w, in.b, in.dy)
				checkClose(t, "y with add", y, want, tol)
				c.Forward(ws, again, in.x, in.w, in.b)
				for i, v := range in.dy {
					again[i] += v
				}
				ReLU(ws, again, again)
				checkSame(t, "three steps", y, again)

				add := append([]float32(nil), in.dy...)
				at := len(add) / 2
				add[at] = float32(math.NaN())
				c.ForwardReLU(ws, y, in.x, in.w, in.b, add)
				if y[at] == y[at] {
					t.Errorf("NaN in add gives %g", y[at])
				}
				if i := FirstNonFinite(y); i != at {
					t.Errorf("NaN at %d, want %d", i, at)
				}
			})
		})
	}
}

// TestConvSameBits: neither the number of threads nor which gradients are asked
// for may change a result, nor the backend that of a bias.
func TestConvSameBits(t *testing.T) {
	for _, c := range convShapes {
		t.Run(c.String(), func(t *testing.T) {
			in := newConvCase(t, c)
			var bias []float32
			for _, backend := range Backends() {
				var want [4][]float32
				for _, threads := range []int{1, 3, 16} {
					ws, _ := NewWorkersOn(backend, threads)
					y, dx, dw, db := make([]float32, len(in.dy)), make([]float32, len(in.x)), make([]float32, len(in.w)), make([]float32, c.Cout)
					c.ForwardReLU(ws, y, in.x, in.w, in.b, in.dy)
					if want[0] == nil {
						c.Backward(ws, dx, dw, db, in.dy, in.x, in.w)
						want = [4][]float32{y, dx, dw, db}
					} else {
						c.Backward(ws, nil, nil, db, in.dy, in.x, in.w)
						c.Backward(ws, nil, dw, nil, in.dy, in.x, in.w)
						c.Backward(ws, dx, nil, nil, in.dy, in.x, in.w)
					}
					ws.Close()
					if bias == nil {
						bias = db
					}
					name := fmt.Sprintf("%s, %d threads: ", backend, threads)
					checkSame(t, name+"y", y, want[0])
					checkSame(t, name+"dx", dx, want[1])
					checkSame(t, name+"dw", dw, want[2])
					checkSame(t, name+"db", db, bias)
				}
			}
		})
	}
}

// TestResidualGradient compares the gradients of a residual block,
// relu(x + conv(relu(conv(x)))), with differences of its float64 value.
func TestResidualGradient(t *testing.T) {
	c := Conv{N: 2, H: 7, W: 6, Cin: 18, Cout: 18, K: 3, Stride: 1, Pad: 1}
	rng := newRand(t)
	in := newConvCase(t, c)
	params := [][]float32{in.x, in.w, in.b, values(rng, len(in.w)), values(rng, c.Cout)}
	for _, w := range [][]float32{params[1], params[3]} {
		for i := range w {
			w[i] *= 0.1
		}
	}
	weigh := in.dy
	value := func(x, w1, b1, w2, b2 []float32) float64 {
		hidden := make([]float32, len(x))
		for i, v := range c.naiveForward(x, w1, b1) {
			hidden[i] = float32(max(v, 0))
		}
		var sum float64
		for i, v := range c.naiveForward(hidden, w2, b2) {
			sum += float64(weigh[i]) * max(v+float64(x[i]), 0)
		}
		return sum
	}
	onEveryBackend(t, func(t *testing.T, ws *Workers) {
		x, w1, b1, w2, b2 := params[0], params[1], params[2], params[3], params[4]
		buf := func() []float32 { return make([]float32, len(x)) }
		hidden, y, dy, dhidden := buf(), buf(), buf(), buf()
		c.ForwardReLU(ws, hidden, x, w1, b1, nil)
		c.ForwardReLU(ws, y, hidden, w2, b2, x)
		grads := [][]float32{buf(), make([]float32, len(w1)), make([]float32, len(b1)), make([]float32, len(w2)), make([]float32, len(b2))}
		ReLUBackward(ws, dy, weigh, y)
		c.Backward(ws, dhidden, grads[3], grads[4], dy, hidden, w2)
		ReLUBackward(ws, dhidden, dhidden, hidden)
		c.Backward(ws, grads[0], grads[1], grads[2], dhidden, x, w1)
		for i := range dy {
			grads[0][i] += dy[i]
		}
		// Steps are powers of two and parameters short, so that nothing
		// is rounded on the way in.
		for k, param := range params {
			direction := make([]float32, len(param))
			moved := [2][]float32{append([]float32(nil), param...), append([]float32(nil), param...)}
			var slope float64
			for i := range param {
				direction[i] = float32(2*rng.IntN(2) - 1)
				slope += float64(direction[i]) * float64(grads[k][i])
				moved[0][i] += direction[i] / (1 << 16)
				moved[1][i] -= direction[i] / (1 << 16)
			}
			args := append([][]float32(nil), params...)
			args[k] = moved[0]
			up := value(args[0], args[1], args[2], args[3], args[4])
			args[k] = moved[1]
			down := value(args[0], args[1], args[2], args[3], args[4])
			if got := (up - down) * (1 << 15); math.Abs(got-slope) > 0.02*max(1, math.Abs(slope)) {
				t.Errorf("parameter %d: slope %g, differences give %g", k, slope, got)
			}
		}
	})
}

func TestConvNoAllocation(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, ws *Workers) {
		for _, c := range convShapes {
			in := newConvCase(t, c)
			y, dx, dw, db := make([]float32, len(in.dy)), make([]float32, len(in.x)), make([]float32, len(in.w)), make([]float32, c.Cout)
			step := func() {
				c.ForwardReLU(ws, y, in.x, in.w, in.b, in.dy)
				c.Backward(ws, dx, dw, db, in.dy, in.x, in.w)
			}
			step()
			if n := testing.AllocsPerRun(2, step); n != 0 {
				t.Errorf("%v: %g allocations", c, n)
			}
		}
	})
}
