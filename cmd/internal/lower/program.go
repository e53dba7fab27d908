package lower

import (
	"slices"

	"github.com/opensandwich/oi/cmd/internal/graph"
)

// Program is what computes a graph, for up to Batch pictures at a time.
type Program struct {
	Batch   int
	Inputs  []*Value // in the order of the axes of the graph, as are Outputs
	Outputs []*Value
	Steps   []Step // in the order in which they are to run
	Memory  int    // float32 numbers that the buffers need together

	keep bool // buffers have memory of their own
	most int  // what Memory may be
}

// Buffer is memory that a step fills, an input, or a constant.
type Buffer struct {
	Type   graph.Type
	Const  *graph.Tensor // of a constant, in the order of its memory
	Offset int           // of floats that steps make, in the memory of the program

	// ShapeOnly is set where nobody reads the elements, so that there are
	// none.
	ShapeOnly bool

	size func(n int) int // elements for n pictures
}

// Value is a tensor that lies in a buffer. Values may share one.
type Value struct {
	Name   string
	Shape  []graph.Dim // as the graph has it
	Order  []int       // the axis of Shape at each place of memory, the outermost first
	Buffer *Buffer
}

// Type is that of the elements.
func (v *Value) Type() graph.Type { return v.Buffer.Type }

// Memory is the shape as it lies in memory, for n pictures.
func (v *Value) Memory(n int) []int {
	shape := make([]int, len(v.Order))
	for i, axis := range v.Order {
		shape[i] = v.Shape[axis].Of(n)
	}
	return shape
}

// Dims is the shape as the graph has it, for n pictures.
func (v *Value) Dims(n int) []int {
	shape := make([]int, len(v.Shape))
	for i, d := range v.Shape {
		shape[i] = d.Of(n)
	}
	return shape
}

// Size is the number of elements for n pictures.
func (v *Value) Size(n int) int { return sizeOf(v.Dims(n)) }

// Step is something that is computed: a pointer to one of the structs of this
// package.
type Step interface {
	Name() string
	reads() []*Value
	writes() []*Value
}

// Reads are the values that a step reads.
func Reads(s Step) []*Value { return s.reads() }

// Writes are the values that a step makes.
func Writes(s Step) []*Value { return s.writes() }

// named is the name of a step: that of the node of the graph that it began
// with.
type named string

// Name implements Step.
func (n named) Name() string { return string(n) }

// Scale makes numbers of bytes: byte * Factor + Offset, which are of each
// channel, the last axis in memory, or of one for all.
type Scale struct {
	named
	X, Y           *Value
	Factor, Offset []float32

	factor, offset []float64 // not rounded yet
}

func (s *Scale) reads() []*Value  { return []*Value{s.X} }
func (s *Scale) writes() []*Value { return []*Value{s.Y} }

// Window is how convolutions and pools move over a picture.
type Window struct {
	KH, KW                               int
	StrideH, StrideW                     int
	DilationH, DilationW                 int
	PadTop, PadLeft, PadBottom, PadRight int
}

// Conv is a convolution of X [N,H,W,C] with Weights [M,C/Groups,KH,KW] and
// Bias [M], the addition of Add, which is like Y [N,OH,OW,M] or nil, and an
// activation. The axes of X and Y in memory are these, their Shape [N,C,H,W].
type Conv struct {
	named
	X, Y, Add *Value
	Weights   *graph.Tensor // or nil: see Parameters
	Bias      []float32     // or nil
	Groups    int
	Window
	Act Activation

	// Parameters are weights [M,C/Groups,KH,KW], which lie in memory as
	// [KH,KW,C/Groups,M], in place of constants.
	Parameters

	// Pool makes Y the largest of each 2x2: [N,OH/2,OW/2,M]. An odd last
	// row or column is dropped. The activation is Relu, and Add is nil.
	Pool bool
}

// Parameters are weights and biases [M] that are no constants: inputs, or what
// is computed of them. W is nil where they are constants, B also without bias.
type Parameters struct{ W, B *Value }

// Filters is the shape of the weights: [M,C/Groups,KH,KW].
func (s *Conv) Filters() []int {
	if s.Weights != nil {
		return s.Weights.Shape
	}
	return s.W.Dims(1)
}

func (s *Conv) reads() []*Value  { return withOptional(s.X, s.W, s.B, s.Add) }
func (s *Conv) writes() []*Value { return []*Value{s.Y} }

// Dense is a product of X [...,In] with Weights [In,Out], or [Out,In] if
// Transposed, and Bias [Out], the addition of Add, which is like Y [...,Out] or
// nil, and an activation. The last axis is the last in memory.
type Dense struct {
	named
	X, Y, Add  *Value
	In, Out    int
	Weights    []float32 // or nil: see Parameters
	Transposed bool
	Bias       []float32 // or nil
	Act        Activation

	// Parameters are weights [In,Out] in place of constants.
	Parameters
}

func (s *Dense) reads() []*Value  { return withOptional(s.X, s.W, s.B, s.Add) }
func (s *Dense) writes() []*Value { return []*Value{s.Y} }

// Pool is the largest value or the mean of each window of X [N,H,W,C].
type Pool struct {
	named
	X, Y *Value
	Window
	Mean         bool
	CountPadding bool // the mean is over zeros of the padding, too
	// Rows and columns of PadBottom and PadRight that are not counted: they
	// are no padding of the model's.
	UncountedBottom, UncountedRight int
}

func (s *Pool) reads() []*Value  { return []*Value{s.X} }
func (s *Pool) writes() []*Value { return []*Value{s.Y} }

// Reduce is the mean or the largest of Count neighbours: X is
// [outer,Count,Inner] in memory, Y [outer,Inner].
type Reduce struct {
	named
	X, Y         *Value
	Mean         bool // or the largest
	Count, Inner int
}

func (s *Reduce) reads() []*Value  { return []*Value{s.X} }
func (s *Reduce) writes() []*Value { return []*Value{s.Y} }

// Activation is a function of one number: "" for none, Clip to Alpha ... Beta,
// or an operator of graph.Unary. GeluTanh is that by approximation.
type Activation struct {
	Name        string
	Alpha, Beta float32
}

// Unary is a function of each number.
type Unary struct {
	named
	X, Y *Value
	Act  Activation
}

func (s *Unary) reads() []*Value  { return []*Value{s.X} }
func (s *Unary) writes() []*Value { return []*Value{s.Y} }

// Binary is a function of each two numbers: Add, Sub, Mul, Div, Pow, Max, Min or
// PRelu. The axes of all three lie in one order; A or B is repeated where it has
// length 1.
type Binary struct {
	named
	A, B, Y *Value
	Op      string
}

func (s *Binary) reads() []*Value  { return []*Value{s.A, s.B} }
func (s *Binary) writes() []*Value { return []*Value{s.Y} }

// MatMul is the products of matrices A [...,M,K] and B [...,K,N], or [...,N,K]
// if Transposed in memory.
type MatMul struct {
	named
	A, B, Y    *Value
	M, K, N    graph.Dim
	Transposed bool
	Shared     bool // B is one matrix, for all
}

func (s *MatMul) reads() []*Value  { return []*Value{s.A, s.B} }
func (s *MatMul) writes() []*Value { return []*Value{s.Y} }

// Softmax is that of rows of Cols numbers that are neighbours in memory.
type Softmax struct {
	named
	X, Y *Value
	Cols int
}

func (s *Softmax) reads() []*Value  { return []*Value{s.X} }
func (s *Softmax) writes() []*Value { return []*Value{s.Y} }

// LayerNorm is the normalization of rows of numbers that are neighbours in
// memory, as many as Scale has.
type LayerNorm struct {
	named
	X, Y        *Value
	Scale, Bias []float32 // Bias may be nil
	Epsilon     float64
}

func (s *LayerNorm) reads() []*Value  { return []*Value{s.X} }
func (s *LayerNorm) writes() []*Value { return []*Value{s.Y} }

// Copy fills Y with parts of others, after it was set to Fill where the parts
// leave something out.
type Copy struct {
	named
	Y     *Value
	Parts []Part
	Fill  *float32
}

// Part is an array that is copied; it has an axis for each of Axes.
type Part struct {
	X    *Value
	Axes []CopyAxis
}

// CopyAxis is an axis of a part. X and Y are places in the memory of both
// values, or -1 in X where one element is repeated.
type CopyAxis struct {
	Size           graph.Dim
	X, Y           int
	XStart, YStart graph.Dim
	XStep          int
}

func (s *Copy) reads() []*Value {
	list := make([]*Value, len(s.Parts))
	for i, p := range s.Parts {
		list[i] = p.X
	}
	return list
}
func (s *Copy) writes() []*Value { return []*Value{s.Y} }

// Permutation is the axis of the input at each place of the result of a copy
// that only changes their order, or nil.
func (s *Copy) Permutation() []int {
	if len(s.Parts) != 1 || s.Fill != nil || len(s.Parts[0].Axes) != len(s.Parts[0].X.Order) {
		return nil
	}
	perm := make([]int, len(s.Parts[0].Axes))
	for _, a := range s.Parts[0].Axes {
		x := s.Parts[0].X
		if a.X < 0 || a.XStep != 1 || a.XStart != (graph.Dim{}) || a.YStart != (graph.Dim{}) || a.Size != x.Shape[x.Order[a.X]] {
			return nil
		}
		perm[a.Y] = a.X
	}
	return perm
}

// Reference is a node that is computed as package graph does it: right, and
// slow. Its values lie in the order of their axes. Nil stands for what is
// absent, and for what nobody wants.
type Reference struct {
	named
	Node    *graph.Node
	In, Out []*Value
}

func (s *Reference) reads() []*Value {
	return slices.DeleteFunc(slices.Clone(s.In), func(v *Value) bool { return v == nil })
}

func (s *Reference) writes() []*Value {
	return slices.DeleteFunc(slices.Clone(s.Out), func(v *Value) bool { return v == nil })
}

// Dropout is zero with a probability of Rate, else X/(1-Rate).
type Dropout struct {
	named
	X, Y   *Value
	Rate   float64
	Stream uint64 // of random numbers
}

func (s *Dropout) reads() []*Value  { return []*Value{s.X} }
func (s *Dropout) writes() []*Value { return []*Value{s.Y} }

// WeightStandardization is that of graph.WeightStandardization: of X
// [FanIn,Out] in memory and Gain [Out].
type WeightStandardization struct {
	named
	X, Gain, Y *Value
	FanIn, Out int
}

func (s *WeightStandardization) reads() []*Value  { return []*Value{s.X, s.Gain} }
func (s *WeightStandardization) writes() []*Value { return []*Value{s.Y} }

// withOptional is a value and the others that are there.
func withOptional(v *Value, optional ...*Value) []*Value {
	list := []*Value{v}
	for _, v := range optional {
		if v != nil {
			list = append(list, v)
		}
	}
	return list
}
