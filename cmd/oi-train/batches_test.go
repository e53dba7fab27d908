package main

import "testing"

// An error over numbers that ran away names the item where it was seen first.
func TestCulprit(t *testing.T) {
	b := newBatch(4)
	b.add("old", nil, 0)
	b.clear()
	b.add("0001-aa", []byte{1}, 0)
	b.add("0002-bb", []byte{2}, 1)
	for i, want := range map[int]string{-1: "", 0: ", first seen at item 0001-aa", 1: ", first seen at item 0002-bb", 2: ""} {
		if got := b.offendingItem(i); got != want {
			t.Errorf("picture %d: %q, want %q", i, got, want)
		}
	}
}
