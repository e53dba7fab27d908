// Package knn finds the nearest neighbours of vectors by the cosine of the angle
// between them. All products are computed, in vector code: there is no index to
// build, and nothing is missed.
package knn

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/kernel"
)

// Neighbour is a vector of an [Index] near another one.
type Neighbour struct {
	Row        int     // in the index
	Similarity float32 // the cosine, from -1 to 1
}

// Index holds vectors of length 1, [rows][dim]: 4*dim bytes a row.
type Index struct {
	rows, dim int
	vectors   []float32
}

// NewIndex scales the vectors [rows][dim] to length 1, in place, and keeps them.
func NewIndex(vectors []float32, dim int) (*Index, error) {
	if dim < 1 || len(vectors) == 0 || len(vectors)%dim != 0 {
		return nil, fmt.Errorf("%d numbers are not vectors of %d", len(vectors), dim)
	}
	Normalize(vectors, dim)
	return &Index{len(vectors) / dim, dim, vectors}, nil
}

// Normalize scales vectors [n][dim] to length 1. One of zeros stays as it is,
// and is as far from all others.
func Normalize(vectors []float32, dim int) {
	for ; len(vectors) > 0; vectors = vectors[dim:] {
		var sum float64
		for _, v := range vectors[:dim] {
			sum += float64(v) * float64(v)
		}
		if sum == 0 {
			continue
		}
		scale := 1 / math.Sqrt(sum)
		for i, v := range vectors[:dim] {
			vectors[i] = float32(float64(v) * scale)
		}
	}
}

// block is how many rows of the index are compared at once: the products of a
// block take 4*block bytes a query.
const block = 4096

// Nearest returns for each of the queries [n][dim], of length 1, the k rows
// that are nearest, the nearest first, of equally near ones that of the lower
// number. skip says which row is none for a query. The result does not depend
// on the threads.
func (x *Index) Nearest(ws *kernel.Workers, queries []float32, k int, skip func(query, row int) bool) ([][]Neighbour, error) {
	n := len(queries) / x.dim
	if n == 0 || len(queries)%x.dim != 0 || k < 1 {
		return nil, errors.New("no queries, or no neighbours are asked for")
	}
	nearest := make([][]Neighbour, n)
	products := make([]float32, n*min(block, x.rows))
	for first := 0; first < x.rows; first += block {
		m := kernel.MatMul{Batch: 1, M: n, K: x.dim, N: min(block, x.rows-first), TransposedB: true}
		if err := m.Check(); err != nil {
			return nil, err
		}
		m.Forward(ws, products[:n*m.N], queries, x.vectors[first*x.dim:(first+m.N)*x.dim])
		for q := range n {
			for i, p := range products[q*m.N : (q+1)*m.N] {
				if row := first + i; !skip(q, row) {
					nearest[q] = insert(nearest[q], Neighbour{row, p}, k)
				}
			}
		}
	}
	return nearest, nil
}

// insert keeps the k nearest.
func insert(list []Neighbour, one Neighbour, k int) []Neighbour {
	if len(list) == k && one.Similarity <= list[k-1].Similarity {
		return list
	}
	at, _ := slices.BinarySearchFunc(list, one, func(a, b Neighbour) int {
		return cmp.Or(cmp.Compare(b.Similarity, a.Similarity), cmp.Compare(a.Row, b.Row))
	})
	list = slices.Insert(list, at, one)
	return list[:min(len(list), k)]
}
