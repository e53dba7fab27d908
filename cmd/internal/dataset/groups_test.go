package dataset

import (
	"math/rand/v2"
	"testing"

	"github.com/opensandwich/oi/record"
)

// Items that are connected by an author, an id or bytes are one group, in
// whatever order they come.
func TestGroups(t *testing.T) {
	item := func(id string, bytes byte, author string) *record.Item {
		item := picture(int(bytes), "a", Test)
		item.ID, item.Key = id, "key of "+id
		if bytes == 0 { // the file is not known, and equal pixels say nothing
			item.Fetched = nil
		}
		if author != "" {
			item.Image = &record.Image{Author: author}
		}
		return item
	}
	items := []*record.Item{
		// One photo of which one box alone names the author, under
		// another id and in another size too, and another photo of the
		// author.
		item("a", 1, ""), item("a", 2, ""), item("b", 2, "Ann"), item("c", 3, "Ann"),
		// Bytes that two authors claim.
		item("d", 4, "Ben"), item("e", 4, "Cid"), item("f", 5, "Cid"),
		// No author.
		item("g", 6, ""), item("g", 7, ""),
		// Alone.
		item("h", 8, ""), item("i", 9, "Dora"), item("", 0, ""), item("k", 0, ""),
	}
	want := []int{0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 4, 5, 6}
	authors := map[int]bool{0: true, 1: true, 4: true}
	r := rand.New(rand.NewPCG(1, 1))
	for range 50 {
		order := r.Perm(len(items))
		var g Groups
		numbers := make([]int, len(items))
		for _, i := range order {
			numbers[i] = g.Add(items[i])
		}
		for i := range items {
			for k := range items {
				if got := g.Find(numbers[i]) == g.Find(numbers[k]); got != (want[i] == want[k]) {
					t.Fatalf("order %v: items %d and %d in one group: %v", order, i, k, got)
				}
			}
			if g.HasAuthor(numbers[i]) != authors[want[i]] {
				t.Errorf("order %v: an author of item %d is known: %v", order, i, g.HasAuthor(numbers[i]))
			}
		}
	}
}
