package main

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/logreg"
	"github.com/opensandwich/oi/cmd/internal/nearduplicate"
	"github.com/opensandwich/oi/record"
)

// foldOf returns the fold of each entry.
func (f *outOfFold) foldOf() []int {
	of := make([]int, f.entries.Len())
	for number, fold := range f.folds {
		for _, i := range fold {
			of[i] = number
		}
	}
	return of
}

// lone returns items of as many authors, divided.
func lone(t *testing.T, n int) *outOfFold {
	t.Helper()
	var items []*record.Item
	for i := range n {
		items = append(items, picture(i, []string{"green", "red"}[i%2], "train"))
	}
	f := &outOfFold{classes: []string{"green", "red"}, groups: &dataset.Groups{}, entries: collected(t, items).Entries()}
	for i := range n {
		f.labels = append(f.labels, i%2)
		f.group = append(f.group, f.groups.Add(&record.Item{ID: string(rune('a' + i))}))
	}
	f.count()
	f.deal()
	return f
}

// TestNearFolds: a wrong label that is there twice, with a picture that was made
// a little brighter by somebody else, is not confirmed by it.
func TestNearFolds(t *testing.T) {
	items, wrong := mislabelled()
	for i, n := range []int{7, 20} { // of train
		again := picture(700+i, items[n].Label.Name, "train")
		for k, v := range items[n].Tensor.Data {
			again.Tensor.Data[k] = byte(int(v)*9/10 + 10)
		}
		items, wrong = append(items, again), append(wrong, again.Key)
	}
	slices.Sort(wrong)
	input := encode(t, []string{"red", "green"}, items...)
	keys, counts := suspectsOf(t, fitted(t, small(t), input, "--suspects", "6"))
	slices.Sort(keys)
	if counts.NearDuplicates != 2 || counts.Groups != len(items)-2 || !slices.Equal(keys, wrong) {
		t.Errorf("got %v, want %v\n%+v", keys, wrong, counts)
	}
}

// TestNearFoldsByFeatures: pictures of close features are in one fold, but never
// so many that nothing is left to learn from.
func TestNearFoldsByFeatures(t *testing.T) {
	const n, dim = 60, nearduplicate.MinDim
	rng := rand.New(rand.NewPCG(5, 6))
	values := make([]float32, n*dim)
	for i := range values {
		values[i] = float32(rng.NormFloat64())
	}
	copied := func(to, from int) {
		for k := range dim {
			values[to*dim+k] = values[from*dim+k] + .1*float32(rng.NormFloat64())
		}
	}
	copied(20, 3)
	copied(41, 20)
	divided := func() *outOfFold {
		t.Helper()
		m, err := logreg.NewMatrix(values, dim)
		if err != nil {
			t.Fatal(err)
		}
		f := lone(t, n)
		if err := f.dealAgain(t.Context(), m, 2); err != nil {
			t.Fatal(err)
		}
		return f
	}
	f := divided()
	if of := f.foldOf(); f.near != 2 || f.alike || of[3] != of[20] || of[3] != of[41] || len(f.sizes) != n-2 {
		t.Errorf("%d joined, of %d groups", f.near, len(f.sizes))
	}
	for i := 10; i < 40; i++ {
		copied(i, 9)
	}
	f = divided()
	largest := 0
	for _, size := range f.sizes {
		largest = max(largest, size)
	}
	if !f.alike || largest > n/10 || len(f.folds) != mostFolds {
		t.Errorf("a group of %d, %d folds", largest, len(f.folds))
	}
	// Few features say nothing.
	few, err := logreg.NewMatrix(values[:n*4], 4)
	if err != nil {
		t.Fatal(err)
	}
	f = lone(t, n)
	if err := f.dealAgain(t.Context(), few, 1); err != nil || f.near != 0 {
		t.Errorf("%v: %d joined", err, f.near)
	}
}
