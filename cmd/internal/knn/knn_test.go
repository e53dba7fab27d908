package knn

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/kernel"
)

// TestNearest compares with sorting all similarities, on more rows than a block
// has, with equal rows among them.
func TestNearest(t *testing.T) {
	const rows, dim, k, n = block + 100, 5, 7, 6
	rng := rand.New(rand.NewPCG(1, 2))
	vectors := make([]float32, rows*dim)
	for i := range vectors {
		vectors[i] = float32(rng.IntN(7) - 3) // with ties, and rows of zeros
	}
	queries := slices.Clone(vectors[:n*dim])
	Normalize(queries, dim)
	x, err := NewIndex(vectors, dim)
	if err != nil {
		t.Fatal(err)
	}
	skip := func(query, row int) bool { return row%3 == query%3 }
	var before [][]Neighbour
	for threads := 1; threads <= 3; threads += 2 {
		ws := kernel.NewWorkers(threads)
		got, err := x.Nearest(ws, queries, k, skip)
		ws.Close()
		if err != nil {
			t.Fatal(err)
		}
		if before != nil && !slices.EqualFunc(got, before, slices.Equal) {
			t.Errorf("%d threads: another result", threads)
		}
		before = got
	}
	for q := range n {
		var all []Neighbour
		for row := range rows {
			if skip(q, row) {
				continue
			}
			var sum float32
			for i := range dim {
				sum += queries[q*dim+i] * x.vectors[row*dim+i]
			}
			all = append(all, Neighbour{row, sum})
		}
		slices.SortStableFunc(all, func(a, b Neighbour) int { return cmp.Compare(b.Similarity, a.Similarity) })
		for i, got := range before[q] {
			if d := got.Similarity - all[i].Similarity; d > 1e-6 || d < -1e-6 || skip(q, got.Row) {
				t.Errorf("query %d: neighbour %d is %+v, want %+v", q, i, got, all[i])
			}
			if i > 0 && (got.Similarity > before[q][i-1].Similarity || got.Similarity == before[q][i-1].Similarity && got.Row < before[q][i-1].Row) {
				t.Errorf("query %d: %+v after %+v", q, got, before[q][i-1])
			}
		}
		if len(before[q]) != k {
			t.Errorf("query %d: %d neighbours", q, len(before[q]))
		}
	}
}

func TestFewRows(t *testing.T) {
	x, err := NewIndex([]float32{3, 4, 0, 0}, 2)
	if err != nil {
		t.Fatal(err)
	}
	ws := kernel.NewWorkers(1)
	defer ws.Close()
	got, err := x.Nearest(ws, []float32{0.6, 0.8}, 5, func(int, int) bool { return false })
	if err != nil || len(got[0]) != 2 || got[0][0].Row != 0 || got[0][0].Similarity < 0.9999 || got[0][1].Similarity != 0 {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []struct{ numbers, dim int }{{0, 2}, {3, 2}, {2, 0}} {
		if _, err := NewIndex(make([]float32, bad.numbers), bad.dim); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}
