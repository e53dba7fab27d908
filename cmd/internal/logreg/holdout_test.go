package logreg

import (
	"math"
	"slices"
	"testing"
)

// What is held out is answered for as by a model that was fitted to the rest
// alone, on any number of threads.
func TestHoldOut(t *testing.T) {
	const classes, c = 9, 0.01
	data := clusters(t, 3, 700, 21, classes, 1)
	var fold []int
	for i := range data.Labels {
		if i%3 == 1 {
			fold = append(fold, i)
		}
	}
	for name, o := range map[string]Options{"plain": {}, "weighted": {ClassWeights: Balanced(data.Labels, classes)}} {
		rest, held := split(data, fold)
		model, _, err := Fit(t.Context(), rest, measured(t, rest.Features), classes, c, nil, o)
		if err != nil {
			t.Fatal(err)
		}
		weights, bias, err := model.Export()
		if err != nil {
			t.Fatal(err)
		}
		x := make([]float32, len(fold)*21)
		if err := held.Features.Read(x, 0); err != nil {
			t.Fatal(err)
		}
		var before [][]float64
		for _, threads := range []int{1, 4} {
			o.Threads = threads
			var places []int
			var rows [][]float64
			err := HoldOut(t.Context(), data, fold, classes, c, o, func(i int, p []float64) error {
				places, rows = append(places, i), append(rows, slices.Clone(p))
				return nil
			})
			if err != nil || !slices.Equal(places, fold) {
				t.Fatalf("%s: %v, answers for %v", name, err, places)
			}
			for r, row := range rows {
				var want [classes]float64
				total := 0.0
				for k := range want {
					z := float64(bias[k])
					for j, v := range x[r*21:][:21] {
						z += float64(v) * float64(weights[k*21+j])
					}
					want[k] = math.Exp(z)
					total += want[k]
				}
				for k, p := range row {
					if math.Abs(p-want[k]/total) > 1e-4 {
						t.Fatalf("%s: row %d, class %d: %v, want %v", name, r, k, p, want[k]/total)
					}
				}
				if before != nil && !slices.Equal(row, before[r]) {
					t.Fatalf("%s: row %d differs with %d threads", name, r, threads)
				}
			}
			before = rows
		}
	}
}

// A class that is held out as a whole gets no answers, and two classes are
// needed to give any.
func TestHoldOutClass(t *testing.T) {
	data := clusters(t, 4, 120, 5, 4, 1)
	var fold []int
	for i, label := range data.Labels {
		if label == 2 || i%4 == 0 {
			fold = append(fold, i)
		}
	}
	answered := 0
	err := HoldOut(t.Context(), data, fold, 4, 1e-3, Options{}, func(i int, p []float64) error {
		answered++
		sum := p[0] + p[1] + p[3]
		if data.Labels[i] == 2 || p[2] != 0 || math.Abs(sum-1) > 1e-9 {
			t.Errorf("item %d of class %d: %v", i, data.Labels[i], p)
		}
		return nil
	})
	if err != nil || answered == 0 {
		t.Errorf("%d answers, %v", answered, err)
	}
	fold = fold[:0]
	for i, label := range data.Labels {
		if label != 1 || i < 20 {
			fold = append(fold, i)
		}
	}
	err = HoldOut(t.Context(), data, fold, 4, 1e-3, Options{}, func(i int, _ []float64) error {
		t.Errorf("item %d was answered for by a model of one class", i)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
