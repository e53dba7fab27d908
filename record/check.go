package record

import (
	"fmt"
	"slices"
	"strings"
)

// checkName returns a check for strings that may become file names: 1 to most
// characters of A-Z, a-z, 0-9, _ and -.
func checkName(most int) func(string) error {
	return func(s string) error {
		if len(s) > most {
			return fmt.Errorf("%d characters, at most %d allowed", len(s), most)
		}
		for i := range len(s) {
			if !nameBytes[s[i]] {
				return fmt.Errorf("%q: only letters, digits, _ and - allowed", s)
			}
		}
		return nil
	}
}

// nameBytes are the bytes that checkName allows. It is never changed.
var nameBytes = func() (table [256]bool) {
	for c := range table {
		c := byte(c)
		table[c] = 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
	}
	return table
}()

// oneOf returns a check for strings of a fixed set.
func oneOf(allowed ...string) func(string) error {
	return func(s string) error {
		if slices.Contains(allowed, s) {
			return nil
		}
		return fmt.Errorf("%.40q is not one of %s", s, strings.Join(allowed, ", "))
	}
}

// checkSHA256 wants 64 lower-case hex digits.
func checkSHA256(s string) error { return checkHex(s, 64) }

// checkHex wants n lower-case hex digits.
func checkHex(s string, n int) error {
	if len(s) != n || strings.Trim(s, "0123456789abcdef") != "" {
		return fmt.Errorf("%.80q is not %d lower-case hex digits", s, n)
	}
	return nil
}
