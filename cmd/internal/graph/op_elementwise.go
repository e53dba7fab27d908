package graph

import (
	"errors"
	"fmt"
	"math"
)

// Unary is an operator that computes each element from one: Abs, Ceil, Erf,
// Exp, Floor, Gelu, HardSigmoid, HardSwish, LeakyRelu, Log, Neg, Not,
// Reciprocal, Relu, Sigmoid, Silu, Sqrt or Tanh. Silu, x times the sigmoid of
// x, is none of ONNX: Simplify makes it.
type Unary struct {
	Name        string
	Alpha, Beta float64 // HardSigmoid is max(0, min(1, Alpha*x+Beta)), LeakyRelu Alpha*x below 0
	Tanh        bool    // Gelu by the approximation with tanh
}

// Kind implements Op.
func (o *Unary) Kind() string { return o.Name }

func (o *Unary) infer(in []*info, outputs int) ([]info, error) {
	if err := want(in, 1, 1); err != nil {
		return nil, err
	}
	t := Float32
	switch {
	case o.Name == "Not":
		t = Bool
	case (o.Name == "Abs" || o.Name == "Neg" || o.Name == "Relu") && in[0].Type != Bool:
		t = in[0].Type
	}
	if err := wantType(t, in[0]); err != nil {
		return nil, err
	}
	return single(outputs, t, in[0].Shape)
}

func (o *Unary) eval(in, out []*Tensor) error {
	f, err := o.function()
	if err != nil {
		return err
	}
	if in[0].Type == Float32 {
		for i, v := range in[0].Floats {
			out[0].Floats[i] = float32(f(float64(v)))
		}
		return nil
	}
	for i, v := range in[0].Ints {
		switch {
		case o.Name == "Not":
			v = 1 - v
		case o.Name == "Neg" || o.Name == "Abs" && v < 0:
			v = -v
		case o.Name == "Relu":
			v = max(0, v)
		}
		out[0].Ints[i] = out[0].Type.wrap(v)
	}
	return nil
}

// function computes one element.
func (o *Unary) function() (func(float64) float64, error) {
	switch o.Name {
	case "Abs":
		return math.Abs, nil
	case "Ceil":
		return math.Ceil, nil
	case "Erf":
		return math.Erf, nil
	case "Exp":
		return math.Exp, nil
	case "Floor":
		return math.Floor, nil
	case "Gelu":
		if o.Tanh {
			return func(x float64) float64 {
				return x / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
			}, nil
		}
		return func(x float64) float64 { return x / 2 * (1 + math.Erf(x/math.Sqrt2)) }, nil
	case "HardSigmoid":
		return func(x float64) float64 { return max(0, min(1, o.Alpha*x+o.Beta)) }, nil
	case "HardSwish":
		return func(x float64) float64 { return x * max(0, min(1, x/6+0.5)) }, nil
	case "LeakyRelu":
		return func(x float64) float64 {
			if x < 0 {
				return o.Alpha * x
			}
			return x
		}, nil
	case "Log":
		return math.Log, nil
	case "Neg":
		return func(x float64) float64 { return -x }, nil
	case "Not":
		return func(x float64) float64 { return 1 - x }, nil
	case "Reciprocal":
		return func(x float64) float64 { return 1 / x }, nil
	case "Relu":
		return func(x float64) float64 { return max(0, x) }, nil
	case "Sigmoid":
		return func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, nil
	case "Silu":
		return func(x float64) float64 { return x / (1 + math.Exp(-x)) }, nil
	case "Sqrt":
		return math.Sqrt, nil
	case "Tanh":
		return math.Tanh, nil
	}
	return nil, fmt.Errorf("no such operator")
}

// Binary is an operator that computes each element from two, which are repeated
// where an axis is 1: Add, Sub, Mul, Div, Mod, Pow, PRelu, Max, Min; And, Or;
// Equal, Greater, GreaterOrEqual, Less, LessOrEqual. Add, Max and Min take any
// number of inputs. The integers of Div are cut towards zero.
type Binary struct {
	Name string
	Fmod bool // Mod has the sign of the dividend, and takes floats
}

// Kind implements Op.
func (o *Binary) Kind() string { return o.Name }

// many reports whether the operator takes any number of inputs.
func (o *Binary) many() bool { return o.Name == "Add" || o.Name == "Max" || o.Name == "Min" }

// logical reports whether the operator takes, or gives, bools.
func (o *Binary) logical() (takes, gives bool) {
	switch o.Name {
	case "And", "Or":
		return true, true
	case "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual":
		return false, true
	}
	return false, false
}

func (o *Binary) infer(in []*info, outputs int) ([]info, error) {
	required, most := 2, 2
	if o.many() {
		required, most = max(1, len(in)), max(1, len(in))
	}
	if err := want(in, required, most); err != nil {
		return nil, err
	}
	t := in[0].Type
	takes, gives := o.logical()
	switch {
	case takes:
		if err := wantType(Bool, in...); err != nil {
			return nil, err
		}
	case o.Name == "Pow":
		if t == Bool || in[1].Type == Bool {
			return nil, errors.New("an input is bool where numbers were expected")
		}
	default:
		if err := sameType(in...); err != nil {
			return nil, err
		}
	}
	switch {
	case t == Bool && !takes && o.Name != "Equal":
		return nil, errors.New("an input is bool where numbers were expected")
	case o.Name == "PRelu" && t != Float32, o.Name == "Mod" && t == Float32 && !o.Fmod:
		return nil, fmt.Errorf("its inputs are %v", t)
	}
	if gives {
		t = Bool
	}
	shapes := make([][]int, len(in))
	for i, v := range in {
		shapes[i] = v.Shape
	}
	shape, err := broadcast(shapes...)
	if err != nil {
		return nil, err
	}
	if o.Name == "PRelu" && len(shape) != len(in[0].Shape) {
		return nil, fmt.Errorf("a slope of shape %v does not fit %v", in[1].Shape, in[0].Shape)
	}
	return single(outputs, t, shape)
}

func (o *Binary) eval(in, out []*Tensor) error {
	y := out[0]
	if len(in) == 1 {
		copyStrided(whole(y), whole(in[0]), y.Shape)
		return nil
	}
	a := in[0]
	for _, b := range in[1:] {
		if err := o.pair(y, a, b); err != nil {
			return err
		}
		a = y
	}
	return nil
}

// pair computes y of a, which may be y, and b.
func (o *Binary) pair(y, a, b *Tensor) error {
	f, g := o.function(), o.integers()
	if f == nil {
		return errors.New("no such operator")
	}
	floats := g == nil || a.Type == Float32 || b.Type == Float32
	n := lastOf(y.Shape, 1)
	strides := [][]int{stridesOf(y.Shape), broadcastStrides(a.Shape, y.Shape), broadcastStrides(b.Shape, y.Shape)}
	sa, sb := lastOf(strides[1], 0), lastOf(strides[2], 0)
	var fault error
	eachRow(y.Shape, strides, func(at []int) {
		iy, ia, ib := at[0], at[1], at[2]
		for range n {
			if floats {
				y.set(iy, f(a.at(ia), b.at(ib)))
			} else {
				v, err := g(a.Ints[ia], b.Ints[ib])
				if err != nil {
					fault = err
				}
				y.Ints[iy] = y.Type.wrap(v)
			}
			iy, ia, ib = iy+1, ia+sa, ib+sb
		}
	})
	return fault
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// function computes one element of floats, or of bools and comparisons.
func (o *Binary) function() func(a, b float64) float64 {
	switch o.Name {
	case "Add":
		return func(a, b float64) float64 { return a + b }
	case "Sub":
		return func(a, b float64) float64 { return a - b }
	case "Mul", "And":
		return func(a, b float64) float64 { return a * b }
	case "Div":
		return func(a, b float64) float64 { return a / b }
	case "Mod":
		return math.Mod
	case "Pow":
		return math.Pow
	case "PRelu":
		return func(a, b float64) float64 {
			if a < 0 {
				return a * b
			}
			return a
		}
	case "Max", "Or":
		return func(a, b float64) float64 { return max(a, b) }
	case "Min":
		return func(a, b float64) float64 { return min(a, b) }
	case "Equal":
		return func(a, b float64) float64 { return number(a == b) }
	case "Greater":
		return func(a, b float64) float64 { return number(a > b) }
	case "GreaterOrEqual":
		return func(a, b float64) float64 { return number(a >= b) }
	case "Less":
		return func(a, b float64) float64 { return number(a < b) }
	case "LessOrEqual":
		return func(a, b float64) float64 { return number(a <= b) }
	}
	return nil
}

var errDivision = errors.New("division by zero")

// integers computes one element of integers, exactly.
func (o *Binary) integers() func(a, b int64) (int64, error) {
	truth := func(f func(a, b int64) bool) func(a, b int64) (int64, error) {
		return func(a, b int64) (int64, error) { return int64(number(f(a, b))), nil }
	}
	plain := func(f func(a, b int64) int64) func(a, b int64) (int64, error) {
		return func(a, b int64) (int64, error) { return f(a, b), nil }
	}
	switch o.Name {
	case "Add":
		return plain(func(a, b int64) int64 { return a + b })
	case "Sub":
		return plain(func(a, b int64) int64 { return a - b })
	case "Mul", "And":
		return plain(func(a, b int64) int64 { return a * b })
	case "Max", "Or":
		return plain(func(a, b int64) int64 { return max(a, b) })
	case "Min":
		return plain(func(a, b int64) int64 { return min(a, b) })
	case "Pow":
		return plain(power)
	case "Div":
		return func(a, b int64) (int64, error) {
			if b == 0 {
				return 0, errDivision
			}
			return a / b, nil
		}
	case "Mod":
		return o.modulo
	case "Equal":
		return truth(func(a, b int64) bool { return a == b })
	case "Greater":
		return truth(func(a, b int64) bool { return a > b })
	case "GreaterOrEqual":
		return truth(func(a, b int64) bool { return a >= b })
	case "Less":
		return truth(func(a, b int64) bool { return a < b })
	case "LessOrEqual":
		return truth(func(a, b int64) bool { return a <= b })
	}
	return nil
}

// modulo has the sign of the divisor, or with Fmod that of the dividend.
func (o *Binary) modulo(a, b int64) (int64, error) {
	if b == 0 {
		return 0, errDivision
	}
	r := a % b
	if !o.Fmod && r != 0 && (r < 0) != (b < 0) {
		r += b
	}
	return r, nil
}

// power is a to the b, wrapped; of a negative b it is that of the quotient cut
// towards zero.
func power(a, b int64) int64 {
	if b < 0 {
		switch {
		case a == 1:
			return 1
		case a == -1 && b%2 == 0:
			return 1
		case a == -1:
			return -1
		}
		return 0
	}
	result := int64(1)
	for ; b > 0; b >>= 1 {
		if b&1 == 1 {
			result *= a
		}
		a *= a
	}
	return result
}

// Clip is max(min, min(x, max)) of the inputs x, min and max; the last two are
// scalars and optional.
type Clip struct{}

// Kind implements Op.
func (*Clip) Kind() string { return "Clip" }

func (*Clip) infer(in []*info, outputs int) ([]info, error) {
	if err := want(in, 1, 3); err != nil {
		return nil, err
	}
	if err := sameType(in...); err != nil {
		return nil, err
	}
	for _, bound := range in[1:] {
		if bound != nil && sizeOf(bound.Shape) != 1 {
			return nil, fmt.Errorf("a bound of shape %v where a number was expected", bound.Shape)
		}
	}
	return single(outputs, in[0].Type, in[0].Shape)
}

func (*Clip) eval(in, out []*Tensor) error {
	lo, hi := math.Inf(-1), math.Inf(1)
	if b := optional(in, 1); b != nil {
		lo = b.at(0)
	}
	if b := optional(in, 2); b != nil {
		hi = b.at(0)
	}
	for i := range out[0].Size() {
		if v := in[0].at(i); v < lo || v > hi {
			out[0].set(i, min(hi, max(lo, v)))
		} else {
			out[0].copyElement(i, in[0], i)
		}
	}
	return nil
}

// Where takes each element from the second input where the first one is true,
// else from the third.
type Where struct{}

// Kind implements Op.
func (*Where) Kind() string { return "Where" }

func (*Where) infer(in []*info, outputs int) ([]info, error) {
	if err := want(in, 3, 3); err != nil {
		return nil, err
	}
	if err := errors.Join(wantType(Bool, in[0]), sameType(in[1:]...)); err != nil {
		return nil, err
	}
	shape, err := broadcast(in[0].Shape, in[1].Shape, in[2].Shape)
	if err != nil {
		return nil, err
	}
	return single(outputs, in[1].Type, shape)
}

func (*Where) eval(in, out []*Tensor) error {
	y := out[0]
	strides := [][]int{stridesOf(y.Shape)}
	for _, x := range in {
		strides = append(strides, broadcastStrides(x.Shape, y.Shape))
	}
	eachRow(y.Shape, strides, func(at []int) {
		for k := range lastOf(y.Shape, 1) {
			from := 2
			if in[0].Ints[at[1]+k*lastOf(strides[1], 0)] != 0 {
				from = 1
			}
			y.copyElement(at[0]+k, in[from], at[from+1]+k*lastOf(strides[from+1], 0))
		}
	})
	return nil
}

// Cast changes the type of the elements. A float becomes an integer by cutting
// towards zero; what is not zero is true.
type Cast struct{ To Type }

// Kind implements Op.
func (*Cast) Kind() string { return "Cast" }

func (o *Cast) infer(in []*info, outputs int) ([]info, error) {
	if err := want(in, 1, 1); err != nil {
		return nil, err
	}
	return single(outputs, o.To, in[0].Shape)
}

func (o *Cast) eval(in, out []*Tensor) error {
	for i := range out[0].Size() {
		switch {
		case o.To == Bool:
			out[0].set(i, number(in[0].at(i) != 0))
		case o.To != Float32 && in[0].Type != Float32:
			out[0].Ints[i] = o.To.wrap(in[0].Ints[i])
		default:
			out[0].set(i, in[0].at(i))
		}
	}
	return nil
}
