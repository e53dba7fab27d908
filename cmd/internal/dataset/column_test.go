package dataset

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// Texts of any length are what they were, wherever in a block they are.
func TestTexts(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	lengths := []int{0, 5, textBlock - 1, 0, 0, 1, textBlock, 0, 7, textBlock + 1, 3, 2 * textBlock, textBlock - 2, 1, 0, 1}
	for range 5000 {
		lengths = append(lengths, r.IntN(90))
	}
	var all texts
	want := make([]string, len(lengths))
	for i, n := range lengths {
		want[i] = strings.Repeat(string(rune('a'+i%26)), n)
		if err := all.add(want[i]); err != nil {
			t.Fatal(err)
		}
		for _, row := range []int{0, i / 2, i} {
			if got := all.at(row); got != want[row] {
				t.Fatalf("after %d texts that of row %d has %d bytes, want %d", i+1, row, len(got), len(want[row]))
			}
		}
	}
	for row := range want {
		if got := all.at(row); got != want[row] {
			t.Errorf("row %d has %d bytes, want %d", row, len(got), len(want[row]))
		}
	}
}

// A table finds what was added and nothing else, even where hashes are the same.
func TestTable(t *testing.T) {
	for name, hashOf := range map[string]func(int32) uint64{
		"all different": func(n int32) uint64 { return uint64(n) * 0x9e3779b97f4a7c15 },
		"few":           func(n int32) uint64 { return uint64(n%7) << 61 },
		"the last slot": func(int32) uint64 { return 1<<64 - 1 },
	} {
		var some table
		find := func(n int32) (int32, bool) {
			return some.find(hashOf(n), func(other int32) bool { return other == n })
		}
		for n := range int32(1000) {
			if got, ok := find(2 * n); ok {
				t.Fatalf("%s: %d was found before it was added, as %d", name, 2*n, got)
			}
			some.add(2*n, hashOf)
		}
		for n := range int32(1000) {
			if got, ok := find(2 * n); !ok || got != 2*n {
				t.Errorf("%s: %d is %d, %v", name, 2*n, got, ok)
			}
			if _, ok := find(2*n + 1); ok {
				t.Errorf("%s: %d is there", name, 2*n+1)
			}
		}
	}
}

// Hashes are read back from memory, and from the file where they have no room.
func TestHashes(t *testing.T) {
	for _, limit := range []int64{0, 1000, 1 << 20} {
		h := hashes{store{limit: limit, dir: t.TempDir()}}
		const n = 100
		of := func(i int) (picture, pixels Picture) { return Picture{byte(i), 1}, Picture{byte(i), 2} }
		for i := range n {
			if err := h.add(of(i)); err != nil {
				t.Fatal(err)
			}
		}
		if inFile := h.kept.outside > 0; inFile != (limit < n*int64(pairSize)) {
			t.Errorf("limit %d: %d bytes in the file", limit, h.kept.outside)
		}
		for i := range n {
			wantPicture, wantPixels := of(i)
			if picture, pixels, err := h.at(i); err != nil || picture != wantPicture || pixels != wantPixels {
				t.Errorf("limit %d: %d has %v, %v, %v", limit, i, picture, pixels, err)
			}
		}
		if err := h.kept.close(); err != nil {
			t.Error(err)
		}
	}
}

// An id is found again whether or not the key begins with it.
func TestIDsOfRows(t *testing.T) {
	r := rows{numbers: map[string]int32{}, others: map[int32]string{}}
	long := strings.Repeat("x", otherID)
	for i, c := range []struct{ key, id string }{
		{"0001-abc", "0001"}, {"0001-abd", ""}, {"key", "id"}, {"key", "key"}, {"k", "key"}, {long + "-1", long}, {long, long[1:]}, // which the key begins with
	} {
		row, err := r.add(Entry{Key: c.key, Label: "a", Set: Val}, -1, heldOutTest)
		if err != nil || int(row) != i {
			t.Fatal(row, err)
		}
		r.setID(row, c.id)
		if got := r.id(row); got != c.id {
			t.Errorf("of %s the id is %q, want %q", c.key, got, c.id)
		}
		if got := r.entry(row); got.Set != Val || got.Key != c.key || r.sets.at(i).held() != heldOutTest {
			t.Errorf("%+v", got)
		}
	}
	if len(r.others) != 3 {
		t.Errorf("%d ids were kept in full, want those that no key begins with, and a long one", len(r.others))
	}
}

// Parts of entries are in the order that was asked for.
func TestEntries(t *testing.T) {
	c := collect(t, picture(3, "a", Train), picture(1, "b", Val), picture(2, "a", Train), picture(9, "a", Test))
	all := c.Entries()
	for want, got := range map[string]Entries{
		"3 1 2 9":     all,
		"1 2":         all.Part(1, 3),
		"9 3":         all.Pick(slices.Values([]int{3, 0})),
		"2 9 3 1 3 2": Concat(all.Part(2, 4), Entries{}, all.Part(0, 2), c.Of(Train).Pick(slices.Values([]int{1, 0}))),
		"":            Concat(),
	} {
		if keys(got) != want || got.Len() != len(strings.Fields(want)) {
			t.Errorf("%q, want %q", keys(got), want)
		}
	}
	for i, e := range all.All() {
		if e != all.At(i) {
			t.Errorf("place %d is %+v, want %+v", i, e, all.At(i))
		}
		if i == 2 {
			break
		}
	}
	if got := fmt.Sprint(CountsOf(all.Part(0, 2), all.Part(3, 4))); got != "train 1 (a 1)\nval 1 (b 1)\ntest 1 (a 1)" {
		t.Error(got)
	}
}
