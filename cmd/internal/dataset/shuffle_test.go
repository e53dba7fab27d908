package dataset

import (
	"fmt"
	"slices"
	"testing"
)

func TestPermutation(t *testing.T) {
	for _, n := range []int{0, 1, 2, 7, 1000} {
		order := Permutation(3, 1, n)
		sorted := slices.Sorted(slices.Values(order))
		for i, k := range sorted {
			if i != k {
				t.Fatalf("n = %d: not a permutation: %v", n, order)
			}
		}
		if len(order) != n {
			t.Fatalf("n = %d: %d numbers", n, len(order))
		}
	}
	base := Permutation(3, 1, 100)
	if !slices.Equal(base, Permutation(3, 1, 100)) {
		t.Error("the same arguments give another order")
	}
	if slices.Equal(base, Permutation(4, 1, 100)) || slices.Equal(base, Permutation(3, 2, 100)) {
		t.Error("seed or epoch makes no difference")
	}
}

// An order that changed would change every model, so one is pinned.
func TestPermutationPinned(t *testing.T) {
	const want = "[0 4 10 8 9 11 6 2 7 1 3 5]"
	if got := fmt.Sprint(Permutation(1, 1, 12)); got != want {
		t.Errorf("Permutation(1, 1, 12) = %s, want %s", got, want)
	}
}

// Each of the six orders of three comes equally often.
func TestPermutationUniform(t *testing.T) {
	n := map[string]int{}
	const rounds = 6000
	for epoch := range rounds {
		n[fmt.Sprint(Permutation(9, epoch, 3))]++
	}
	chi2 := 0.0
	for _, k := range n {
		d := float64(k) - rounds/6
		chi2 += d * d / (rounds / 6)
	}
	if len(n) != 6 || chi2 > 20.5 { // 0.1 % of a chi-squared of 5 degrees lies beyond
		t.Errorf("orders %v, chi-squared %.1f", n, chi2)
	}
}
