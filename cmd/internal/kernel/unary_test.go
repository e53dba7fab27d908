package kernel

import (
	"fmt"
	"math"
	"testing"
)

// functions are the functions in float64, with the largest error that is
// stated: in ulp of the result, or in parts of |x| if relative is set.
var functions = []struct {
	u        Unary
	exact    func(x float64) float64
	ulp      float64
	relative float64
}{
	{u: Unary{Op: UnaryIdentity}, exact: func(x float64) float64 { return x }},
	{u: Unary{Op: UnaryClip, Alpha: -1, Beta: 6}, exact: func(x float64) float64 { return min(max(x, -1), 6) }},
	{u: Unary{Op: UnaryReLU}, exact: func(x float64) float64 { return max(x, 0) }},
	{u: Unary{Op: UnaryLeakyReLU, Alpha: 0.125}, exact: func(x float64) float64 { return max(x, x/8) }, ulp: 0.5},
	{u: Unary{Op: UnaryAbs}, exact: math.Abs},
	{u: Unary{Op: UnaryNeg}, exact: func(x float64) float64 { return -x }},
	{u: Unary{Op: UnaryFloor}, exact: math.Floor},
	{u: Unary{Op: UnarySqrt}, exact: math.Sqrt, ulp: 0.5},
	{u: Unary{Op: UnaryHardSigmoid, Alpha: 0.25, Beta: 0.5}, exact: func(x float64) float64 { return min(max(x/4+0.5, 0), 1) }, ulp: 1},
	{u: Unary{Op: UnaryHardSwish}, exact: func(x float64) float64 { return x * min(max(x/6+0.5, 0), 1) }, relative: 1e-7},
	{u: Unary{Op: UnaryExp}, exact: math.Exp, ulp: 1},
	{u: Unary{Op: UnaryLog}, exact: math.Log, ulp: 1},
	{u: Unary{Op: UnarySigmoid}, exact: func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, ulp: 2.2},
	{u: Unary{Op: UnarySiLU}, exact: func(x float64) float64 { return x / (1 + math.Exp(-x)) }, ulp: 3.1},
	{u: Unary{Op: UnaryTanh}, exact: math.Tanh, ulp: 1.2},
	{u: Unary{Op: UnaryErf}, exact: math.Erf, ulp: 1.1},
	{u: Unary{Op: UnaryGelu}, exact: func(x float64) float64 { return x / 2 * math.Erfc(-x/math.Sqrt2) }, relative: 1.1e-7},
	{u: Unary{Op: UnaryGeluTanh}, exact: func(x float64) float64 {
		return x / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
	}, relative: 1.1e-7},
}

// arguments are numbers of all sizes, and a dense grid of common ones.
func arguments() []float32 {
	var s []float32
	for bits := uint32(0); bits < 0x7f800000; bits += 0x4321 {
		v := math.Float32frombits(bits)
		s = append(s, v, -v)
	}
	for i := range 40000 {
		v := float32(i) / 4000
		s = append(s, v, -v, 10*v, -10*v)
	}
	return s
}

func TestUnaryAgainstFloat64(t *testing.T) {
	ws := NewWorkers(2)
	defer ws.Close()
	x := arguments()
	y := make([]float32, len(x))
	for _, f := range functions {
		f.u.Forward(ws, y, x)
		worst, at := 0.0, 0
		for i, v := range x {
			want := f.exact(float64(v))
			got := float64(y[i])
			if got == want || got != got && want != want || math.IsInf(float64(float32(want)), 0) && got == float64(float32(want)) {
				continue
			}
			unit := math.Abs(float64(v))
			if f.relative == 0 {
				unit = ulp(want)
			}
			// What is lost when a factor is denormal.
			lost := math.Ldexp(max(1, math.Abs(float64(v))), -149)
			if e := max(0, math.Abs(got-want)-lost) / unit; !(e <= worst) {
				worst, at = e, i
			}
		}
		limit := max(f.ulp, f.relative)
		if !(worst <= limit) {
			t.Errorf("function %d: error %.3g at %g, more than %g: %g, want %g", f.u.Op, worst, x[at], limit, y[at], f.exact(float64(x[at])))
		}
		t.Logf("function %d: %.3g", f.u.Op, worst)
	}
}

// ulp is the distance of float32 numbers around x.
func ulp(x float64) float64 {
	_, e := math.Frexp(x)
	return math.Ldexp(1, max(e-24, -149))
}

// TestUnarySameBits: vectors give the bits of the reference, NaN and infinities
// included, and tails and in-place use change nothing.
func TestUnarySameBits(t *testing.T) {
	rng := newRand(t)
	long := append(someSpecial(rng, 3000), arguments()...)
	for _, be := range available() {
		for _, f := range functions {
			for _, n := range []int{0, 1, 7, 8, 9, 15, 16, 17, 40, len(long)} {
				x := long[:n]
				want, got := make([]float32, n), append([]float32(nil), x...)
				unaryRef(f.u, want, x)
				be.apply(f.u, got, got)
				checkBits(t, int(f.u.Op), got, want)
			}
		}
	}
}

func TestUnaryNaN(t *testing.T) {
	nan := []float32{float32(math.NaN())}
	y := make([]float32, 1)
	for _, f := range functions {
		if unaryRef(f.u, y, nan); y[0] == y[0] {
			t.Errorf("function %d of NaN: %g", f.u.Op, y[0])
		}
	}
}

func TestBinaryAgainstFloat64(t *testing.T) {
	exact := map[BinaryOp]func(a, b float64) float64{
		BinaryAdd: func(a, b float64) float64 { return a + b },
		BinarySub: func(a, b float64) float64 { return a - b },
		BinaryMul: func(a, b float64) float64 { return a * b },
		BinaryDiv: func(a, b float64) float64 { return a / b },
		BinaryMin: math.Min, BinaryMax: math.Max, BinaryPow: math.Pow,
		BinaryPReLU: func(a, b float64) float64 {
			if a < 0 {
				return a * b
			}
			return a
		},
	}
	for _, s := range []struct{ a, b, want []int }{
		{[]int{}, []int{}, []int{}},
		{[]int{1}, []int{1, 1}, []int{1, 1}},
		{[]int{2, 3, 4, 5}, []int{2, 3, 4, 5}, []int{2, 3, 4, 5}},
		{[]int{2, 3, 4, 19}, []int{19}, []int{2, 3, 4, 19}},
		{[]int{19}, []int{2, 3, 4, 19}, []int{2, 3, 4, 19}},
		{[]int{2, 3, 4, 19}, []int{2, 1, 1, 19}, []int{2, 3, 4, 19}},
		{[]int{2, 3, 4, 5}, []int{1}, []int{2, 3, 4, 5}},
		{[]int{2, 3, 4, 5}, []int{2, 3, 4, 1}, []int{2, 3, 4, 5}},
		{[]int{2, 1, 4, 1}, []int{3, 1, 5}, []int{2, 3, 4, 5}},
		{[]int{1, 6, 1, 7, 1}, []int{5, 1, 2, 1, 3}, []int{5, 6, 2, 7, 3}},
		{[]int{3, 5000}, []int{3, 1}, []int{3, 5000}},
		{[]int{70000}, []int{1}, []int{70000}},
		{[]int{2, 40000}, []int{40000}, []int{2, 40000}},
	} {
		for op := range binaryOps {
			f, err := NewBinary(op, s.a, s.b)
			if err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(f.Shape()) != fmt.Sprint(s.want) {
				t.Errorf("%v and %v: %v", s.a, s.b, f.Shape())
			}
			rng := newRand(t)
			a, b := values(rng, product(s.a)), values(rng, product(s.b))
			want := make([]float64, product(s.want))
			for i := range want {
				want[i] = exact[op](float64(a[broadcastIndex(i, s.want, s.a)]), float64(b[broadcastIndex(i, s.want, s.b)]))
			}
			onEveryBackend(t, func(t *testing.T, ws *Workers) {
				y := make([]float32, len(want))
				f.Forward(ws, y, a, b)
				for i, v := range want {
					if y[i] != float32(v) && (y[i] == y[i] || v == v) {
						t.Fatalf("function %d of %v and %v, value %d: %g, want %g", op, s.a, s.b, i, y[i], v)
					}
				}
				noAllocation(t, op, func() { f.Forward(ws, y, a, b) })
				if len(a) == len(y) { // in place
					in := append([]float32(nil), a...)
					f.Forward(ws, in, in, b)
					checkSame(t, "in place", in, y)
				}
			})
		}
	}
	for _, s := range [][2][]int{{{2}, {3}}, {{0}, {1}}, {{2, 3}, {2}}, {{1 << 20, 1}, {1 << 20}}, {{-1}, {-1}}} {
		if _, err := NewBinary(BinaryAdd, s[0], s[1]); err == nil {
			t.Errorf("%v passes", s)
		}
	}
}

func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// broadcastIndex is where value i of a tensor of a shape is in a smaller one.
func broadcastIndex(i int, shape, small []int) int {
	at, stride := 0, 1
	for d := len(small) - 1; d >= 0; d-- {
		size := shape[len(shape)-len(small)+d]
		at += i % size % small[d] * stride
		i /= size
		stride *= small[d]
	}
	return at
}

func TestBinarySameBits(t *testing.T) {
	rng := newRand(t)
	for _, be := range available() {
		for op := range binaryOps {
			for _, n := range []int{0, 1, 7, 8, 9, 16, 37, 500} {
				a, b := someSpecial(rng, n), someSpecial(rng, n)
				want, got := make([]float32, n), append([]float32(nil), a...)
				binaryRef(op, want, a, b)
				be.binary(op, got, got, b)
				checkBits(t, int(op), got, want)
			}
		}
	}
}

func TestScaleBytes(t *testing.T) {
	for _, channels := range []int{1, 2, 3, 4, 5} {
		rng := newRand(t)
		src := make([]uint8, channels*20011)
		for i := range src {
			src[i] = uint8(rng.IntN(256))
		}
		factor, offset := values(rng, channels), values(rng, channels)
		onEveryBackend(t, func(t *testing.T, ws *Workers) {
			dst := make([]float32, len(src))
			ScaleBytes(ws, dst, src, factor, offset)
			for i, v := range dst {
				if want := float32(float32(src[i])*factor[i%channels]) + offset[i%channels]; v != want {
					t.Fatalf("%d channels: value %d is %g, want %g", channels, i, v, want)
				}
			}
			noAllocation(t, channels, func() { ScaleBytes(ws, dst, src, factor, offset) })
		})
	}
}
