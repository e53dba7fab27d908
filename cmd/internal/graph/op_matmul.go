package graph

import (
	"fmt"
	"slices"
)

// Gemm is Alpha*A*B + Beta*C of matrices; C is optional and may be repeated.
type Gemm struct {
	Alpha, Beta    float64
	TransA, TransB bool
}

// Kind implements Op.
func (*Gemm) Kind() string { return "Gemm" }

// sides gives the product's rows, sums and columns.
func (o *Gemm) sides(a, b []int) (rows, n, columns int, err error) {
	if len(a) != 2 || len(b) != 2 {
		return 0, 0, 0, fmt.Errorf("inputs of shapes %v and %v where matrices were expected", a, b)
	}
	if o.TransA {
		a = []int{a[1], a[0]}
	}
	if o.TransB {
		b = []int{b[1], b[0]}
	}
	if a[1] != b[0] {
		return 0, 0, 0, fmt.Errorf("a product of shapes %v and %v", a, b)
	}
	return a[0], a[1], b[1], nil
}

func (o *Gemm) infer(in []*info, outputs int) ([]info, error) {
	if err := want(in, 2, 3); err != nil {
		return nil, err
	}
	if err := wantType(Float32, in...); err != nil {
		return nil, err
	}
	rows, _, columns, err := o.sides(in[0].Shape, in[1].Shape)
	if err != nil {
		return nil, err
	}
	shape := []int{rows, columns}
	if c := optional(in, 2); c != nil {
		if whole, err := broadcast(shape, c.Shape); err != nil || !slices.Equal(whole, shape) {
			return nil, fmt.Errorf("a summand C of shape %v for a result of shape %v", c.Shape, shape)
		}
	}
	return single(outputs, Float32, shape)
}

func (o *Gemm) eval(in, out []*Tensor) error {
	rows, n, columns, err := o.sides(in[0].Shape, in[1].Shape)
	if err != nil {
		return err
	}
	a, b := matrix{in[0].Floats, n, 1}, matrix{in[1].Floats, columns, 1}
	if o.TransA {
		a.row, a.column = 1, rows
	}
	if o.TransB {
		b.row, b.column = 1, n
	}
	sums := multiply(a, b, rows, n, columns)
	var c *Tensor
	if given := optional(in, 2); given != nil {
		c = expand(given, out[0].Shape)
	}
	for i, v := range sums {
		v *= o.Alpha
		if c != nil {
			v += o.Beta * c.at(i)
		}
		out[0].Floats[i] = float32(v)
	}
	return nil
}

// matrix is a view with the distances of neighbouring rows and columns.
type matrix struct {
	data        []float32
	row, column int
}

// multiply gives the product of [rows,n] and [n,columns].
func multiply(a, b matrix, rows, n, columns int) []float64 {
	sums := make([]float64, rows*columns)
	for r := range rows {
		row := sums[r*columns:][:columns]
		for k := range n {
			f := float64(a.data[r*a.row+k*a.column])
			for c := range row {
				row[c] += f * float64(b.data[k*b.row+c*b.column])
			}
		}
	}
	return sums
}

// MatMul is the product of matrices [...,M,K] and [...,K,N], whose other axes
// are repeated as for elementwise operators. A vector is a row on the left and
// a column on the right, which the result then lacks.
type MatMul struct{}

// Kind implements Op.
func (*MatMul) Kind() string { return "MatMul" }

// sides gives the shapes as matrices, of the product too, and those of the
// batches.
func (*MatMul) sides(a, b []int) (ma, mb, batch []int, err error) {
	if len(a) == 0 || len(b) == 0 {
		return nil, nil, nil, fmt.Errorf("a product of shapes %v and %v", a, b)
	}
	ma, mb = a, b
	if len(a) == 1 {
		ma = []int{1, a[0]}
	}
	if len(b) == 1 {
		mb = []int{b[0], 1}
	}
	batch, err = broadcast(ma[:len(ma)-2], mb[:len(mb)-2])
	if err != nil || ma[len(ma)-1] != mb[len(mb)-2] {
		return nil, nil, nil, fmt.Errorf("a product of shapes %v and %v", a, b)
	}
	return ma, mb, batch, nil
}

func (o *MatMul) infer(in []*info, outputs int) ([]info, error) {
	if err := want(in, 2, 2); err != nil {
		return nil, err
	}
	if err := wantType(Float32, in...); err != nil {
		return nil, err
	}
	ma, mb, batch, err := o.sides(in[0].Shape, in[1].Shape)
	if err != nil {
		return nil, err
	}
	shape := slices.Clone(batch)
	if len(in[0].Shape) > 1 {
		shape = append(shape, ma[len(ma)-2])
	}
	if len(in[1].Shape) > 1 {
		shape = append(shape, mb[len(mb)-1])
	}
	return single(outputs, Float32, shape)
}

func (o *MatMul) eval(in, out []*Tensor) error {
	ma, mb, batch, err := o.sides(in[0].Shape, in[1].Shape)
	if err != nil {
		return err
	}
	rows, n, columns := ma[len(ma)-2], ma[len(ma)-1], mb[len(mb)-1]
	if out[0].Size() == 0 {
		return nil
	}
	sa, sb := broadcastStrides(ma[:len(ma)-2], batch), broadcastStrides(mb[:len(mb)-2], batch)
	one := append(slices.Clone(batch), 1) // rows of one matrix
	at := 0
	eachRow(one, [][]int{append(sa, 0), append(sb, 0)}, func(from []int) {
		a := matrix{in[0].Floats[from[0]*rows*n:], n, 1}
		b := matrix{in[1].Floats[from[1]*n*columns:], columns, 1}
		for i, v := range multiply(a, b, rows, n, columns) {
			out[0].Floats[at+i] = float32(v)
		}
		at += rows * columns
	})
	return nil
}
