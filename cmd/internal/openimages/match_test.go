package openimages

import (
	"errors"
	"strings"
	"testing"
)

// TestLookBeside takes relatives from the real hierarchy.
func TestLookBeside(t *testing.T) {
	src := mirror(t)
	d, err := LookupDataset("v7")
	if err != nil {
		t.Fatal(err)
	}
	names, err := ReadClasses(t.Context(), src, d)
	if err != nil {
		t.Fatal(err)
	}
	h, err := ReadHierarchy(t.Context(), src, d)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ query, hint string }{
		{"Hamburgr", "did you mean Hamburger, Hammer or Hamster? Beside Hamburger, below Sandwich: Submarine sandwich"},
		{"Pineaple", "did you mean Pineapple, Eagle or Maple? Beside Pineapple, below Fruit: Apple, Banana, Cantaloupe, Common fig, Grape, Grapefruit, Lemon and 8 more"},
		{"zzzzzzzzz", ""},
	} {
		_, err := names.Find(tt.query)
		var unknown *UnknownClassError
		if !errors.As(err, &unknown) {
			t.Fatalf("%s: got %v", tt.query, err)
		}
		unknown.Suggest(h, names)
		if got := unknown.Hint(); got != tt.hint {
			t.Errorf("%s: got %q, want %q", tt.query, got, tt.hint)
		}
		if strings.Contains(unknown.Hint(), "below Entity") {
			t.Errorf("%s: %s", tt.query, unknown.Hint())
		}
	}
}
