package suspects

import (
	"cmp"
	"slices"
)

// Folds divides items into up to n folds, or as many as there are groups, and
// returns the places of the items of each, sorted. Items of one group are in
// one fold. The largest group is dealt first, each to the fold that has the
// smallest part of its classes' items, of equals to the one with the fewest
// items: so each class is in as many folds as it can be.
//
// labels are the items' classes, from 0 to classes-1.
func Folds(groups, labels []int, classes, n int) [][]int {
	members := map[int][]int{}
	var order []int // of groups, by their first item
	total := make([]int, classes)
	for i, g := range groups {
		if members[g] == nil {
			order = append(order, g)
		}
		members[g] = append(members[g], i)
		total[labels[i]]++
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(len(members[b]), len(members[a])) })
	folds := make([][]int, min(n, len(order)))
	counts := make([][]int, len(folds)) // by class
	for f := range counts {
		counts[f] = make([]int, classes)
	}
	for _, g := range order {
		best, least := 0, 0.0
		for f := range folds {
			part := 0.0
			for _, i := range members[g] {
				part += float64(counts[f][labels[i]]) / float64(total[labels[i]])
			}
			if f == 0 || part < least || part == least && len(folds[f]) < len(folds[best]) {
				best, least = f, part
			}
		}
		for _, i := range members[g] {
			counts[best][labels[i]]++
		}
		folds[best] = append(folds[best], members[g]...)
	}
	for _, fold := range folds {
		slices.Sort(fold)
	}
	return folds
}
