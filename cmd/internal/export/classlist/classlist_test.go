package classlist

import (
	"slices"
	"testing"
)

func TestSort(t *testing.T) {
	got := Sort([]string{"b", "é", "a/b", "a", "B", "a", "a b"})
	if want := []string{"B", "a", "a b", "a/b", "b", "é"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestText(t *testing.T) {
	if got, want := Text([]string{"Hot dog", "a\nb", "é"}), "Hot dog\na_b~7e18f737\né\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
