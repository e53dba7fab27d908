package classset

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Each sign has a form in full width, which East Asian keyboards write.
const (
	slashes = "/／"
	pluses  = "+＋"
	equals  = "=＝"
	commas  = ",，"
	blanks  = " \t\u00a0"
)

// CutSlash returns the name of a class without the slash that stands for the
// kinds below it, and without quotes, and whether there was a slash.
func CutSlash(text string) (name string, below bool) {
	text = unquote(text)
	if r, size := utf8.DecodeLastRuneInString(text); strings.ContainsRune(slashes, r) && size > 0 {
		return unquote(text[:len(text)-size]), true
	}
	return text, false
}

// CutMinus returns a name without the hyphen in front that asks for it to be
// left out, whichever of the hyphens a keyboard or an editor has made of it.
func CutMinus(text string) (name string, minus bool) {
	text = trim(text)
	if r, size := utf8.DecodeRuneInString(text); unicode.In(r, unicode.Pd, unicode.Dash, unicode.Hyphen) {
		return trim(text[size:]), true
	}
	return text, false
}

// trim drops spaces around a text, and what cannot be seen.
func trim(text string) string {
	return strings.TrimFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) })
}

// split cuts a text at each of some signs.
func split(text, signs string) []string {
	var parts []string
	for {
		before, after, found := cutAny(text, signs)
		parts = append(parts, before)
		if !found {
			return parts
		}
		text = after
	}
}

// cutAny is strings.Cut at the first of some signs.
func cutAny(text, signs string) (before, after string, found bool) {
	i := strings.IndexAny(text, signs)
	if i < 0 {
		return text, "", false
	}
	_, size := utf8.DecodeRuneInString(text[i:])
	return text[:i], text[i+size:], true
}

// quotes are the quotes that open a text, each with those that close it: what
// an editor makes of straight ones, and of other languages.
func quotes(open rune) (closing string) {
	switch open {
	case '"':
		return `"`
	case '\'':
		return "'"
	case '“', '”', '„', '‟', '«', '»', '＂':
		return "“”»«＂"
	case '‘', '’', '‚', '‛', '＇':
		return "‘’＇"
	}
	return ""
}

// cutQuoted cuts at the quote that closes a text: one that a sign, a blank or
// nothing follows. Another may be an apostrophe.
func cutQuoted(text, closing string) (before, after string, closed bool) {
	for from := 0; ; {
		part, after, found := cutAny(text[from:], closing)
		if !found {
			return "", "", false
		}
		if after == "" || strings.IndexAny(after, blanks+commas+slashes+pluses+equals) == 0 {
			return text[:from+len(part)], after, true
		}
		from = len(text) - len(after)
	}
}

// unquote takes off quotes that a list brought along.
func unquote(text string) string {
	text = trim(text)
	open, size := utf8.DecodeRuneInString(text)
	if within, rest, closed := cutQuoted(text[size:], quotes(open)); closed && rest == "" {
		return trim(within)
	}
	return text
}
