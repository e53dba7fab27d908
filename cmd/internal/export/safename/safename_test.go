package safename

import (
	"errors"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestOf(t *testing.T) {
	for _, s := range []string{"Hot dog", "Käse", "Ka\u0308se", "Organ (Musical Instrument)", "00017b0dd06aab97-1f", "a.b", "Con man", "console", "com10", "nul_", "x~1234567", "日本語", "🐈"} {
		if got := Of(s); got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
	// These stand in folders that were written long ago.
	for s, want := range map[string]string{"a/b": "a_b~c14cddc0", "": "~e3b0c442", "x.": "x~c92f00b1"} {
		if got := Of(s); got != want {
			t.Errorf("%q became %q, want %q", s, got, want)
		}
	}
	if got := WithoutDots("a.b"); strings.Contains(got, ".") || got == Of("a_b") {
		t.Errorf("a.b became %q", got)
	}
}

// hard are texts that are a good name on no system, or on some.
var hard = []string{
	"", ".", "..", "../../etc/passwd", "a/b", "a\\b", "a_b", "a\x00b", "\xff", "\xfe", "-rf", "x.", "x ", "x", "x. .", "C:", "?", "*",
	`"`, "<a>", "a|b", "con", "CON", "Con.txt", "nul .tar.gz", "AUX.", "prn", "com1", "LPT9", "COM¹", "conout$", "lpt0.x", "a\nb", "a\u202eb", "\u00a0",
	strings.Repeat("ä", 200), strings.Repeat("ä", 201), strings.Repeat("a", 300), strings.Repeat("a", 119) + " b", "a_b~c14cddc0",
}

func checkName(t *testing.T, text, name string) {
	t.Helper()
	base, _, _ := strings.Cut(strings.ToLower(name), ".")
	switch strings.TrimRight(base, " ") {
	case "con", "prn", "aux", "nul", "com1", "lpt9", "com¹", "conin$", "conout$", "lpt0":
		t.Errorf("%q became the device %q", text, name)
	}
	switch {
	case name == "", len(name) > 129, !utf8.ValidString(name), filepath.Base(name) != name, strings.ContainsAny(name, "/\\\x00:*?\"<>|\n\u202e"),
		strings.HasPrefix(name, "."), strings.HasPrefix(name, "-"), strings.HasSuffix(name, "."), strings.HasSuffix(name, " "):
		t.Errorf("%q became %q", text, name)
	}
}

func TestOfHard(t *testing.T) {
	for _, of := range []func(string) string{Of, WithoutDots} {
		seen := map[string]string{}
		for _, s := range hard {
			got := of(s)
			checkName(t, s, got)
			if other, taken := seen[Fold(got)]; taken {
				t.Errorf("%q and %q both became %q", s, other, got)
			}
			seen[Fold(got)] = s
		}
	}
}

// TestOfAny: whatever the text, it is one level of a path.
func TestOfAny(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const letters = "./\\\x00: -_~ab\xff\u202econNUL1?|"
	for range 20_000 {
		b := make([]byte, rng.IntN(12))
		for i := range b {
			b[i] = letters[rng.IntN(len(letters))]
		}
		checkName(t, string(b), Of(string(b)))
	}
}

func TestFold(t *testing.T) {
	for _, same := range [][2]string{
		{"Cat", "cat"}, {"CAT", "cAt"}, {"Käse", "Ka\u0308se"}, {"KÄSE", "ka\u0308se"}, {"Straße", "STRASSE"}, {"ΣΑΣ", "σας"},
		{"\u212b", "å"}, {"a\ufe0f", "a"}, {"Ǆ", "ǆ"}, {"train/Cat/A.png", "train/cat/a.png"},
	} {
		if Fold(same[0]) != Fold(same[1]) {
			t.Errorf("%q and %q are two names", same[0], same[1])
		}
	}
	for _, other := range [][2]string{{"Cat", "Cats"}, {"Kase", "Käse"}, {"a", "а"}, {"a b", "a_b"}} {
		if Fold(other[0]) == Fold(other[1]) {
			t.Errorf("%q and %q are one name", other[0], other[1])
		}
	}
}

func TestFolder(t *testing.T) {
	var f Folder
	for _, name := range []string{"Cat", "Dog", "Cat"} {
		if err := f.Add(name, `class "`+name+`"`); err != nil {
			t.Error(err)
		}
	}
	err := f.Add("cat", `class "cat"`)
	if want := `class "Cat" and class "cat" would have the same name on Windows or macOS`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	err = f.Add("Dog", `set "Dog"`)
	var collision *Collision
	if !errors.As(err, &collision) || !collision.Same || err.Error() != `class "Dog" and set "Dog" would have the same name` {
		t.Errorf("got %v", err)
	}
}
