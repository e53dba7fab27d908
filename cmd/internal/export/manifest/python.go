package manifest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// pythonJSON writes a value as Python's json.dumps(value, sort_keys=True) does,
// which hashes are taken of. Between items and after keys stand the separators.
// Values are nil, bool, string, int64, float64-free lists and maps of them.
func pythonJSON(value any, item, key string) string {
	var b strings.Builder
	writePython(&b, value, item, key)
	return b.String()
}

func writePython(b *strings.Builder, value any, item, key string) {
	switch v := value.(type) {
	case nil:
		b.WriteString("null")
	case bool:
		b.WriteString(strconv.FormatBool(v))
	case int64:
		b.WriteString(strconv.FormatInt(v, 10))
	case string:
		quotePython(b, v)
	case []any:
		b.WriteByte('[')
		for i, element := range v {
			if i > 0 {
				b.WriteString(item)
			}
			writePython(b, element, item, key)
		}
		b.WriteByte(']')
	case map[string]any:
		b.WriteByte('{')
		for i, name := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				b.WriteString(item)
			}
			quotePython(b, name)
			b.WriteString(key)
			writePython(b, v[name], item, key)
		}
		b.WriteByte('}')
	default:
		panic(fmt.Sprintf("manifest: no JSON for a %T", value))
	}
}

// quotePython writes a string in ASCII, as Python's ensure_ascii does.
func quotePython(b *strings.Builder, s string) {
	b.WriteByte('"')
	for _, r := range s {
		switch short := strings.IndexRune("\"\\\b\f\n\r\t", r); {
		case short >= 0:
			b.WriteByte('\\')
			b.WriteByte(`"\bfnrt`[short])
		case r >= ' ' && r <= '~':
			b.WriteByte(byte(r))
		case r >= 0x10000:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(b, `\u%04x`, r)
		}
	}
	b.WriteByte('"')
}

// decodePython turns what encoding/json has decoded, with numbers as they stand
// in the text, into values for pythonJSON. Numbers that are no integers are an
// error: how Python writes them again is not known.
func decodePython(value any) (any, error) {
	switch v := value.(type) {
	case nil, bool:
		return v, nil
	case string:
		if !utf8.ValidString(v) {
			return nil, fmt.Errorf("%q is not UTF-8", v)
		}
		return v, nil
	case interface{ Int64() (int64, error) }:
		return v.Int64()
	case []any:
		list := make([]any, len(v))
		for i, element := range v {
			var err error
			if list[i], err = decodePython(element); err != nil {
				return nil, err
			}
		}
		return list, nil
	case map[string]any:
		object := make(map[string]any, len(v))
		for name, element := range v {
			var err error
			if object[name], err = decodePython(element); err != nil {
				return nil, err
			}
		}
		return object, nil
	}
	return nil, fmt.Errorf("a %T", value)
}
