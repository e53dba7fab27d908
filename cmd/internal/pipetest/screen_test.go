package pipetest

import (
	"regexp"
	"strings"
	"testing"
)

// A screen is what a terminal of so many columns has shown, without an end at
// the top. It knows what the commands send: text, line ends, carriage returns,
// erasing to the end of the line, and automatic line breaks on and off.
type screen struct {
	columns  int
	rows     [][]rune
	wraps    []bool // of a row: a line went on there that had no room
	row, col int
	wrap     bool
}

func newScreen(columns int) *screen {
	return &screen{columns: columns, rows: [][]rune{nil}, wraps: []bool{false}, wrap: true}
}

func (s *screen) newline(wrapped bool) {
	s.row++
	if s.row == len(s.rows) {
		s.rows, s.wraps = append(s.rows, nil), append(s.wraps, wrapped)
	}
}

func (s *screen) put(r rune) {
	if s.col == s.columns {
		if s.wrap {
			s.newline(true)
			s.col = 0
		} else {
			s.col--
		}
	}
	row := s.rows[s.row]
	for len(row) <= s.col {
		row = append(row, ' ')
	}
	row[s.col] = r
	s.rows[s.row] = row
	s.col++
}

// show shows text, and returns what it does not know.
func (s *screen) show(text string) (unknown []string) {
	escape := regexp.MustCompile(`^\x1b\[[0-9;?]*[A-Za-z]`)
	for len(text) > 0 {
		r := []rune(text[:min(len(text), 4)])[0]
		n := len(string(r))
		switch code := escape.FindString(text); {
		case code != "":
			n = len(code)
			switch code {
			case "\x1b[K":
				s.rows[s.row] = s.rows[s.row][:min(s.col, len(s.rows[s.row]))]
			case "\x1b[?7l":
				s.wrap = false
			case "\x1b[?7h":
				s.wrap = true
			default:
				unknown = append(unknown, code)
			}
		case r == '\r':
			s.col = 0
		case r == '\n':
			s.newline(false)
		case r < ' ':
			unknown = append(unknown, string(r))
		default:
			s.put(r)
		}
		text = text[n:]
	}
	return unknown
}

func (s *screen) text() []string {
	var lines []string
	for _, row := range s.rows {
		lines = append(lines, strings.TrimRight(string(row), " "))
	}
	return lines
}

func TestScreen(t *testing.T) {
	s := newScreen(6)
	if unknown := s.show("abcdefg\r\nxyz\r\x1b[K\x1b[?7l1234567890\x1b[?7h\rok\r\nü\r\n\x1b[2J"); len(unknown) != 1 {
		t.Errorf("unknown: %q", unknown)
	}
	if got := strings.Join(s.text(), "|"); got != "abcdef|g|ok3450|ü|" || !s.wraps[1] || s.wraps[2] || s.wraps[3] {
		t.Errorf("%q %v", got, s.wraps)
	}
}
