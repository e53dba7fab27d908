package dataset

import (
	"fmt"
	"maps"
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

// Every item is as likely to be drawn as every other, by every seed.
func TestRank(t *testing.T) {
	if a, b := Rank(1, "a", 0), Rank(1, "a", 0); a != b {
		t.Error("the same arguments give another rank")
	}
	if Rank(1, "a", 0) == Rank(2, "a", 0) || Rank(1, "a", 0) == Rank(1, "b", 0) || Rank(1, "a", 0) == Rank(1, "a", 1) {
		t.Error("seed, key or copy makes no difference")
	}
	const items, rounds = 10, 5000
	var drawn [items]float64
	for seed := range rounds {
		ranks := map[uint64]int{}
		for i := range items {
			ranks[Rank(uint64(seed), fmt.Sprint("item ", i), 0)] = i
		}
		for _, rank := range slices.Sorted(maps.Keys(ranks))[:3] {
			drawn[ranks[rank]]++
		}
	}
	chi2 := 0.0
	for _, n := range drawn {
		d := n - rounds*3/items
		chi2 += d * d / (rounds * 3 / items)
	}
	if chi2 > 27.9 { // 0.1 % of a chi-squared of 9 degrees lies beyond
		t.Errorf("drawn %v, chi-squared %.1f", drawn, chi2)
	}
}
