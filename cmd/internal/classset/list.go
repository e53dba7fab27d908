package classset

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/opensandwich/oi/cmd/internal/openimages"
)

// ReadList reads arguments from a list such as other programs write, one or
// more a line: the lines of oi-labels (a MID, a tab, and more), its JSON
// objects, names as they are, or words in a shell's quotes. Empty lines and
// those that begin with # say nothing.
func ReadList(r io.Reader) ([]string, error) {
	var list []string
	lines := openimages.TextLines(r)
	for n := 1; lines.Scan(); n++ {
		line := trim(lines.Text())
		first, _ := utf8.DecodeRuneInString(line)
		switch {
		case line == "", line[0] == '#':
		case line[0] == '{':
			var object struct{ MID string }
			if err := json.Unmarshal([]byte(line), &object); err != nil || object.MID == "" {
				return nil, fmt.Errorf("line %d: expected a JSON object with a mid, as oi-labels --json writes them", n)
			}
			list = append(list, object.MID)
		case quotes(first) != "":
			words, err := words(line)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", n, err)
			}
			list = append(list, words...)
		default:
			name, _, _ := strings.Cut(line, "\t")
			list = append(list, strings.ReplaceAll(trim(name), `\ `, " "))
		}
	}
	return list, lines.Err()
}

// words splits a line at spaces and commas outside quotes.
func words(line string) ([]string, error) {
	var list []string
	for {
		line = strings.TrimLeft(line, blanks+commas)
		if line == "" {
			return list, nil
		}
		var word string
		if open, size := utf8.DecodeRuneInString(line); quotes(open) != "" {
			var closed bool
			if word, line, closed = cutQuoted(line[size:], quotes(open)); !closed {
				return nil, fmt.Errorf("expected a closing %c", open)
			}
		} else if end := strings.IndexAny(line, blanks+commas); end >= 0 {
			word, line = line[:end], line[end:]
		} else {
			word, line = line, ""
		}
		if word = trim(word); word != "" {
			list = append(list, word)
		}
	}
}
