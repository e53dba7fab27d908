package model

import (
	"fmt"
	"strings"
	"unicode"
)

// pythonDict writes names as Python would, {0: 'Hamburger', 1: 'Sandwich'}: the
// form in which Ultralytics keeps the classes of its models in ONNX, and in
// which other programs look for them.
func pythonDict(names []string) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, name := range names {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%d: %s", i, pythonString(name))
	}
	b.WriteByte('}')
	return b.String()
}

// pythonString writes a string as Python's repr does: in single quotes, or in
// double ones where that saves a backslash.
func pythonString(s string) string {
	quote := '\''
	if strings.ContainsRune(s, '\'') && !strings.ContainsRune(s, '"') {
		quote = '"'
	}
	var b strings.Builder
	b.WriteRune(quote)
	for _, r := range strings.ToValidUTF8(s, "\ufffd") {
		switch {
		case r == quote || r == '\\':
			b.WriteRune('\\')
			b.WriteRune(r)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteRune(quote)
	return b.String()
}
