// Package safename makes file names of any text, which every system takes, and
// finds those that one of them would take for the same.
package safename

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// maxName leaves room for endings in the 255 bytes that a file name may have.
const maxName = 120

// Of returns text as one level of a path. Text that is a good name on Linux,
// macOS and Windows stays as it is. Any other is changed, and a hash of the
// text is appended, so that two texts do not become one name. The result is
// never empty, begins with neither a dot nor a hyphen, and has at most 129
// bytes.
func Of(text string) string { return of(text, forbidden) }

// WithoutDots is Of, and the result has no dot: in some formats a name ends at
// the first one.
func WithoutDots(text string) string { return of(text, forbidden+".") }

// forbidden are the characters that Windows takes in no name, or that separate
// the levels of a path.
const forbidden = `/\:*?"<>|`

func of(text, forbidden string) string {
	safe := strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) || strings.ContainsRune(forbidden, r) {
			return '_'
		}
		return r
	}, text)
	if strings.HasPrefix(safe, ".") || strings.HasPrefix(safe, "-") || isDevice(safe) {
		safe = "_" + safe[1:]
	}
	safe = strings.TrimRight(safe, ". ") // Windows drops them
	if len(safe) > maxName {
		safe = strings.TrimRight(strings.ToValidUTF8(safe[:maxName], ""), ". ")
	}
	if safe == text && text != "" && !hashed.MatchString(text) {
		return text
	}
	sum := sha256.Sum256([]byte(text))
	return safe + "~" + hex.EncodeToString(sum[:4])
}

// hashed is the end of a name that Of has changed.
var hashed = regexp.MustCompile(`~[0-9a-f]{8}$`)

// devices are the names that Windows keeps for devices, whatever follows after
// a dot.
var devices = regexp.MustCompile(`(?i)^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])$`)

func isDevice(name string) bool {
	base, _, _ := strings.Cut(name, ".")
	return devices.MatchString(strings.TrimRight(base, " "))
}

// Fold returns what a system that ignores case and how letters are composed
// sees of a name, or of a path: two names with the same are one file there.
func Fold(name string) string {
	folded := norm.NFD.String(cases.Fold().String(norm.NFD.String(name)))
	return strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) {
			return -1
		}
		return r
	}, folded)
}

// A Folder knows the names in a folder, and what each of them is of. The zero
// value is an empty one.
type Folder struct {
	names map[string]entry // by Fold of the name
}

type entry struct{ name, of string }

// Add adds a name and what it is of, such as `class "Cat"`. It returns a
// *Collision if another thing has this name, or one that some systems take for
// the same. To add the same again is fine.
func (f *Folder) Add(name, of string) error {
	if f.names == nil {
		f.names = map[string]entry{}
	}
	folded := Fold(name)
	there, taken := f.names[folded]
	switch {
	case !taken:
		f.names[folded] = entry{name, of}
	case there.of != of || there.name != name:
		of := []string{there.of, of}
		slices.Sort(of) // the message does not depend on who came first
		return &Collision{of[0], of[1], there.name == name}
	}
	return nil
}

// A Collision says that two things would have one file name.
type Collision struct {
	A, B string
	Same bool // on every system, not only where case does not count
}

// Error implements error.
func (c *Collision) Error() string {
	if c.Same {
		return fmt.Sprintf("%s and %s would have the same name", c.A, c.B)
	}
	return fmt.Sprintf("%s and %s would have the same name on Windows or macOS", c.A, c.B)
}
