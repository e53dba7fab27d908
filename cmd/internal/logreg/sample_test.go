package logreg

import (
	"context"
	"math"
	"slices"
	"testing"
)

func TestSample(t *testing.T) {
	labels := make([]int, 5000)
	labels[4321] = 1 // the only one of its class
	for i := range labels {
		if i%7 == 3 {
			labels[i] = 2
		}
	}
	for _, n := range []int{1, 3, 100, 4999} {
		rows := Sample(labels, 4, n, 1)
		if want := max(n, 3); len(rows) != want {
			t.Errorf("%d rows, want %d", len(rows), want)
		}
		if !slices.IsSorted(rows) || len(slices.Compact(slices.Clone(rows))) != len(rows) {
			t.Errorf("%d: not sorted, or a row twice", n)
		}
		if !slices.Contains(rows, 4321) {
			t.Errorf("%d: without the rare class", n)
		}
		if !slices.Equal(rows, Sample(labels, 4, n, 1)) {
			t.Errorf("%d: another sample the second time", n)
		}
	}
	if slices.Equal(Sample(labels, 4, 100, 1), Sample(labels, 4, 100, 2)) {
		t.Error("the seed changes nothing")
	}
	if rows := Sample(labels, 4, 5000, 1); len(rows) != 5000 || rows[17] != 17 {
		t.Error("as many as there are: not all of them")
	}
	// Each row is as likely: of 2000 samples of 50 a row is in 20, with a
	// standard deviation of 4.4.
	in := make([]int, 5000)
	for seed := range uint64(2000) {
		for _, i := range Sample(labels, 4, 50, seed) {
			in[i]++
		}
	}
	in[4321] = 20
	if slices.Min(in) < 1 || slices.Max(in) > 47 {
		t.Errorf("rows are in %d to %d of 2000 samples", slices.Min(in), slices.Max(in))
	}
}

// TestSampleFirst: a fit that starts from that of a sample, standardised by that
// sample, ends where one from zeros ends.
func TestSampleFirst(t *testing.T) {
	const classes, c = 5, 1e-2
	data := clusters(t, 3, 6000, 12, classes, 2)
	standard := measured(t, data.Features)
	some := subset(data, Sample(data.Labels, classes, 600, 1))
	start, _ := fitted(t, some, classes, c, Options{})
	want, _ := fitted(t, data, classes, c, Options{})
	got, trained, err := Fit(context.Background(), data, standard, classes, c, start, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !trained.Converged {
		t.Error("not converged")
	}
	for i, w := range got.Weights {
		if math.Abs(w-want.Weights[i]) > 1e-4 {
			t.Fatalf("weight %d is %g, from zeros %g", i, w, want.Weights[i])
		}
	}
}
