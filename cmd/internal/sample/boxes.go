package sample

import (
	_ "embed"
	"fmt"
	"strings"
)

// box is the visible extent of one food on the stored picture: pixels x0 to
// x1-1 and y0 to y1-1.
type box struct {
	class                                 class
	x0, x1, y0, y1                        int
	occluded, truncated, group, depiction bool
}

// measure is the size of a stored picture and its boxes.
type measure struct {
	w, h  int
	boxes []box
}

// measures of all photos, one line each, in the order of subsets and numbers:
// the size, then for each box its class, flags and edges. Written by go test
// -run Measures -update.
//
//go:embed boxes.txt
var boxesText string

// flags of a box in boxes.txt.
func (b *box) flags() string {
	var s string
	for _, f := range []struct {
		set  bool
		name string
	}{{b.occluded, "o"}, {b.truncated, "t"}, {b.group, "g"}, {b.depiction, "d"}} {
		if f.set {
			s += f.name
		}
	}
	return s
}

// String is the measure as a line of boxes.txt.
func (m *measure) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "%dx%d", m.w, m.h)
	for i := range m.boxes {
		b := &m.boxes[i]
		fmt.Fprintf(&s, " %d%s:%d,%d,%d,%d", b.class, b.flags(), b.x0, b.x1, b.y0, b.y1)
	}
	return s.String()
}

// parseMeasures reads boxes.txt into one list per subset.
func parseMeasures(text string) (map[string][]measure, error) {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	out := make(map[string][]measure, len(subsets))
	at := 0
	for _, s := range subsets {
		if len(lines) < at+s.photos {
			return nil, fmt.Errorf("boxes.txt has %d lines, too few for %s", len(lines), s.name)
		}
		list := make([]measure, s.photos)
		for i := range list {
			if err := list[i].parse(lines[at+i]); err != nil {
				return nil, fmt.Errorf("boxes.txt:%d: %w", at+i+1, err)
			}
		}
		out[s.name], at = list, at+s.photos
	}
	if at != len(lines) {
		return nil, fmt.Errorf("boxes.txt has %d lines, expected %d", len(lines), at)
	}
	return out, nil
}

func (m *measure) parse(line string) error {
	size, rest, more := strings.Cut(line, " ")
	s := scanner{size}
	m.w = s.number('x')
	m.h = s.number(0)
	if m.w <= 0 || m.h <= 0 {
		return fmt.Errorf("no size in %q", line)
	}
	for more {
		var field string
		field, rest, more = strings.Cut(rest, " ")
		head, edges, _ := strings.Cut(field, ":")
		s := scanner{strings.TrimRight(head, "otgd")}
		b := box{class: class(s.number(0))}
		for _, f := range head[len(head)-len(strings.TrimLeft(head, "0123456789")):] {
			switch f {
			case 'o':
				b.occluded = true
			case 't':
				b.truncated = true
			case 'g':
				b.group = true
			case 'd':
				b.depiction = true
			}
		}
		s = scanner{edges}
		b.x0, b.x1, b.y0, b.y1 = s.number(','), s.number(','), s.number(','), s.number(0)
		if b.class < 0 || int(b.class) >= len(classes) || b.x0 < 0 || b.y0 < 0 || b.x0 >= b.x1 || b.y0 >= b.y1 || b.x1 > m.w || b.y1 > m.h {
			return fmt.Errorf("no box in %q", field)
		}
		m.boxes = append(m.boxes, b)
	}
	return nil
}

// scanner takes whole numbers off a string.
type scanner struct{ rest string }

// number reads digits up to a separator, or to the end for 0; -1 stands for
// anything else.
func (s *scanner) number(separator byte) int {
	text, rest := s.rest, ""
	if separator != 0 {
		var found bool
		if text, rest, found = strings.Cut(s.rest, string(rune(separator))); !found {
			return -1
		}
	}
	s.rest = rest
	if text == "" || len(text) > 6 {
		return -1
	}
	n := 0
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	return n
}
