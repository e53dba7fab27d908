package openimages

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// fold drops what people do not care about in a name: case, spaces, underscores
// and hyphens of every kind, and how a program has written a letter: in one
// code point or several, in full width, or as a ligature. Curly quotes are
// straight.
func fold(name string) string {
	if isASCII(name) {
		return strings.Map(foldRune, name)
	}
	// Once before, as compatibility makes two code points of some quotes,
	// and once behind, as it makes spaces and letters of others.
	name = norm.NFKC.String(strings.Map(foldSign, name))
	return norm.NFC.String(strings.Map(foldRune, name))
}

// foldRune returns a letter as fold has it, or -1 to drop it.
func foldRune(r rune) rune {
	if r < unicode.MaxASCII {
		return unicode.ToLower(foldSign(r))
	}
	return unicode.ToLower(unicode.ToUpper(foldSign(r))) // one sigma, one i, one s
}

// foldSign makes one of the signs that mean the same, and leaves letters alone.
func foldSign(r rune) rune {
	switch {
	case r == ' ' || r == '-' || r == '_':
		return -1
	case r == '`':
		return '\''
	case r <= unicode.MaxASCII:
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	case unicode.IsSpace(r), unicode.In(r, unicode.Cf, unicode.Pd, unicode.Dash, unicode.Hyphen, unicode.Variation_Selector):
		return -1
	case strings.ContainsRune("‘’‚‛′‵ʹʻʼʽˈ´＇ꞌ", r):
		return '\''
	case strings.ContainsRune("“”„‟″‶＂«»", r):
		return '"'
	case strings.ContainsRune("⁄∕／", r):
		return '/'
	}
	return r
}

// bare is fold without accents and apostrophes, for who cannot or does not type
// them.
func bare(folded string) string {
	if isASCII(folded) {
		return strings.ReplaceAll(folded, "'", "")
	}
	var b strings.Builder
	for _, r := range norm.NFD.String(folded) {
		switch plain, ok := bareLetters[r]; {
		case ok:
			b.WriteString(plain)
		case r != '\'' && !unicode.Is(unicode.Mn, r):
			b.WriteRune(r)
		}
	}
	return b.String()
}

// bareLetters are the letters, folded, that Unicode does not take apart.
var bareLetters = map[rune]string{
	'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'đ': "d", 'ð': "d", 'þ': "th", 'ł': "l", 'ħ': "h", 'ı': "i", 'ŋ': "n",
}

// dropInvisible drops spaces and what cannot be seen.
func dropInvisible(r rune) rune {
	if unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) {
		return -1
	}
	return r
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] > unicode.MaxASCII {
			return false
		}
	}
	return true
}
