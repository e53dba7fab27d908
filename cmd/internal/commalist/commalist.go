// Package commalist writes several texts as one, with commas between them.
package commalist

import "strings"

// Join returns the words with commas between them. A comma or backslash within
// a word has a backslash before it.
func Join(words []string) string {
	escape := strings.NewReplacer(`\`, `\\`, `,`, `\,`)
	escaped := make([]string, len(words))
	for i, word := range words {
		escaped[i] = escape.Replace(word)
	}
	return strings.Join(escaped, ",")
}

// Split returns the words that Join has joined, none of the empty text. A
// backslash before anything else is one.
func Split(text string) []string {
	if text == "" {
		return nil
	}
	var words []string
	var word strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text) && (text[i+1] == ',' || text[i+1] == '\\'):
			i++
			word.WriteByte(text[i])
		case c == ',':
			words = append(words, word.String())
			word.Reset()
		default:
			word.WriteByte(c)
		}
	}
	return append(words, word.String())
}
