package editdistance

import "testing"

func TestLevenshtein(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"abc", "", 3}, {"", "abc", 3}, {"kitten", "sitting", 3}, {"epochs", "epoch", 1}, {"käse", "kase", 1}, {"ab", "ba", 2}, {"flaw", "lawn", 2}, {"é", "e", 1},
	} {
		if got := Levenshtein([]rune(test.a), []rune(test.b)); got != test.want {
			t.Errorf("%q, %q: %d, want %d", test.a, test.b, got, test.want)
		}
	}
}
