package csvscan

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// scanAll returns the wanted rows as strings, and the rows reported as bad.
func scanAll(t testing.TB, r io.Reader, column int, want func([]byte) bool) (header []string, rows [][]string, bad []*RowError, err error) {
	t.Helper()
	table, err := newReader(t.Context(), r, "f.csv")
	if err != nil {
		return nil, nil, nil, err
	}
	err = table.scan(rowHandler{
		column: column, id: -1,
		want: func(value, _ []byte, _ int64) bool { return want(value) },
		row: func(fields [][]byte, p Position) error {
			row := []string{fmt.Sprint(p.Line)}
			for _, f := range fields {
				row = append(row, string(f))
			}
			rows = append(rows, row)
			return nil
		},
		bad: func(e *RowError, _ Position, _ bool) error {
			bad = append(bad, e)
			return nil
		},
	})
	return table.header.Columns, rows, bad, err
}

// csvAll is the plain reference. ok is false where encoding/csv sees a fault.
func csvAll(data []byte, column int, want func([]byte) bool) (header []string, rows [][]string, ok bool) {
	r := csv.NewReader(bytes.NewReader(data))
	header, err := r.Read()
	if err != nil {
		return nil, nil, false
	}
	for {
		fields, err := r.Read()
		if err == io.EOF {
			return header, rows, true
		}
		if err != nil {
			return nil, nil, false
		}
		if want([]byte(fields[column])) {
			line, _ := r.FieldPos(0)
			rows = append(rows, append([]string{fmt.Sprint(line)}, fields...))
		}
	}
}

func anything([]byte) bool { return true }

func TestTableEdges(t *testing.T) {
	long := strings.Repeat("x", 300<<10)
	tests := []struct {
		name, data string
		column     int
		rows       string // fields joined by |, rows by newlines
		bad        string
	}{
		{"lf", "a,b\n1,2\n3,4\n", 0, "2|1|2\n3|3|4", ""},
		{"crlf", "a,b\r\n1,2\r\n3,4\r\n", 1, "2|1|2\n3|3|4", ""},
		{"no last newline", "a,b\n1,2", 1, "2|1|2", ""},
		{"last cr only", "a,b\n1,2\r", 1, "2|1|2", ""},
		{"empty lines", "\n\na,b\n\n1,2\n\r\n\n3,4\n\n", 0, "5|1|2\n8|3|4", ""},
		{"header only", "a,b", 0, "", ""},
		{"byte order mark", "\xef\xbb\xbfa,b\n1,2\n", 0, "2|1|2", ""},
		{"quoted", "a,b\n\"1\",\"2,\"\"3\"\"\"\n4,5\n", 0, "2|1|2,\"3\"\n3|4|5", ""},
		{"newline in quotes", "a,b\n1,\"x\ny\"\n2,\"p\r\nq\"\r\n3,4\n", 0, "2|1|x\ny\n4|2|p\nq\n6|3|4", ""},
		{"quoted empty", "a,b\n\"\",\"\"\n", 0, "2||", ""},
		{"quoted at end without newline", "a,b\n1,\"2\"", 0, "2|1|2", ""},
		{"quote inside", "a,b\n1,5\" pipe\n2,x\n", 0, "2|1|5\" pipe\n3|2|x", ""},
		{"nul and high bytes", "a,b\n\x00,\xff\xfe\n", 0, "2|\x00|\xff\xfe", ""},
		{"too few", "a,b,c\n1,2\n1,2,3\n", 0, "3|1|2|3", "f.csv:2: expected 3 fields, found 2"},
		{"too few for the column", "a,b,c\n1\n1,2,3\n", 2, "3|1|2|3", "f.csv:2: expected 3 fields, found 1"},
		{"quoted too few for the column", "a,b,c\n\"1\"\n1,2,3\n", 2, "3|1|2|3", "f.csv:2: expected 3 fields, found 1"},
		{"too many", "a,b\n1,2,3\n1,2\n", 0, "3|1|2", "f.csv:2: expected 2 fields, found 3"},
		{"behind the quote", "a,b\n\"1\"x,2\n1,2\n", 0, "3|1|2", "f.csv:2: " + errQuote.Error()},
		{"open quote swallows nothing", "a,b\n1,\"2\n3,4\n5,6\n", 0, "3|3|4\n4|5|6", "f.csv:2: " + errOpenQuote.Error()},
		{"open quote meets another", "a,b\n1,\"2\n3,\"4\"\n5,6\n", 0, "3|3|4\n4|5|6", "f.csv:2: " + errQuote.Error()},
		{"longer than a block", "a,b\n1," + long + "\n2,\"" + long + "\"\n3,4\n", 0, "2|1|" + long + "\n3|2|" + long + "\n4|3|4", ""},
		{"longer than allowed", "a,b\n1," + strings.Repeat(long, 8) + "\n3,4\n", 0, "3|3|4", "f.csv:2: " + errLongRow.Error()},
		{"quotes longer than allowed", "a,b\n1,\"" + strings.Repeat(long+"\n", 5) + "3,4\n", 0,
			// Lines after the first have one field; the last is a
			// row again.
			"7|3|4", "f.csv:2: " + errLongRow.Error() + strings.Repeat("\n", 4) + "…"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for name, r := range map[string]io.Reader{
				"whole":  strings.NewReader(tt.data),
				"data+e": iotest.DataErrReader(strings.NewReader(tt.data)),
				"halves": iotest.HalfReader(strings.NewReader(tt.data)),
			} {
				_, rows, bad, err := scanAll(t, r, tt.column, anything)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, row := range rows {
					got = append(got, strings.Join(row, "|"))
				}
				if s := strings.Join(got, "\n"); s != tt.rows {
					t.Errorf("%s: rows %.200q, want %.200q", name, s, tt.rows)
				}
				if strings.HasSuffix(tt.bad, "…") {
					continue // seen in the rows
				}
				var messages []string
				for _, e := range bad {
					messages = append(messages, e.Error())
				}
				if s := strings.Join(messages, "\n"); s != tt.bad {
					t.Errorf("%s: bad %q, want %q", name, s, tt.bad)
				}
			}
		})
	}
}

func zeros(n int) string { return strings.Repeat("\x00", n) }

func TestTableCut(t *testing.T) {
	nothing := func([]byte) bool { return false }
	whole := "a,b,c\n1,2,3\n4,\"5\n5\",6\n7,8,\"9\"\n"
	for _, tt := range []struct{ name, data, want string }{
		{"whole", whole, ""},
		{"without its last line end", strings.TrimSuffix(whole, "\n"), ""},
		{"in the first field", whole + "1", "f.csv:6: the file ends within this row: expected 3 fields, found 1"},
		{"in a plain row", whole + "1,2", "f.csv:6: the file ends within this row: expected 3 fields, found 2"},
		{"before the line feed", whole + "1,2\r", "f.csv:6: the file ends within this row: expected 3 fields, found 2"},
		{"behind quotes", whole + "1,\"2\"", "f.csv:6: the file ends within this row: expected 3 fields, found 2"},
		{"in quotes", whole + "1,2,\"3", "f.csv:6: the file ends within this row: expected 3 fields, found 3"},
		{"in the second line of quotes", whole + "1,\"2\n2", "f.csv:7: the file ends within this row: expected 3 fields, found 1"},
		{"ended", whole + "1,2\n", ""}, // a bad row that nobody wants
		{"empty line", whole + "\r", ""},
		{"header only", "a,b,c", ""},
		{"a hole within a row", whole + "1,2" + zeros(512) + "2,3\n", "f.csv:6: " + ErrHole.Error()},
		{"a hole over rows", whole + "1,2" + zeros(3<<16) + "\n1,2,3\n", "f.csv:6: " + ErrHole.Error()},
		{"a hole longer than rows may be", whole + "1,2" + zeros(3<<20) + "\n1,2,3\n", "f.csv:6: " + ErrHole.Error()},
		{"a hole within quotes", whole + "1,\"2" + zeros(512) + "2\",3\n", "f.csv:6: " + ErrHole.Error()},
		{"a hole from quotes on", whole + "1,\"2\n" + zeros(512) + "2,3\n", "f.csv:7: " + ErrHole.Error()},
		{"a hole at the end", whole + zeros(4096), "f.csv:6: " + ErrHole.Error()},
		{"a few zero bytes", whole + "1,\x00\x00,3\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if _, _, _, err := scanAll(t, strings.NewReader(tt.data), 0, nothing); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestTableHeader(t *testing.T) {
	for _, tt := range []struct{ name, data, want string }{
		{"empty", "", "f.csv: empty file, expected a CSV header"},
		{"only empty lines", "\n\r\n\n", "f.csv: empty file, expected a CSV header"},
		{"open quote", "\"a,b\n1,2\n", "f.csv:1: " + errOpenQuote.Error()},
		{"endless", strings.Repeat("x", 3<<20), "f.csv:1: " + errLongRow.Error()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, _, err := scanAll(t, strings.NewReader(tt.data), 0, anything)
			if err == nil || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestTableReadError(t *testing.T) {
	broken := errors.New("disk on fire")
	r := io.MultiReader(strings.NewReader("a,b\n1,2\n"+strings.Repeat("3,4\n", 1<<17)), iotest.ErrReader(broken))
	if _, _, _, err := scanAll(t, r, 0, anything); !errors.Is(err, broken) || !strings.Contains(err.Error(), "f.csv") {
		t.Errorf("got %v", err)
	}
}

func TestTableStops(t *testing.T) {
	stop := errors.New("enough")
	for _, data := range []string{"a,b\n1,2\n", "a,b\n\"1\",2\n", "a,b\n1\n", "a,b\n\"1\"x\n", "a,b\n1," + strings.Repeat("x", 3<<20)} {
		table, err := newReader(t.Context(), strings.NewReader(data), "f.csv")
		if err != nil {
			t.Fatal(err)
		}
		err = table.scan(rowHandler{
			id:   -1,
			want: func([]byte, []byte, int64) bool { return true },
			row:  func([][]byte, Position) error { return stop },
			bad:  func(*RowError, Position, bool) error { return stop },
		})
		if err != stop {
			t.Errorf("%.20q: got %v", data, err)
		}
	}
}

// hostileCSV returns a table of random rows that are legal, with whatever a
// legal field may hold, and long enough to cross block borders.
func hostileCSV(rng *rand.Rand) []byte {
	columns := 1 + rng.IntN(5)
	var b bytes.Buffer
	pieces := []string{"a", "b", "/m/0cdn1", "0.25", "x y", "", "é", "\xff", "\x00", "-", "\r", "aaaaaaaaaaaaaaaa"}
	quotedPieces := append(pieces, ",", "\"\"", "\n", "\r\n", "\r\r\n", "\n\n", "\"\"\"\"")
	field := func(header int) {
		switch {
		case header >= 0:
			fmt.Fprintf(&b, "h%d", header)
		case rng.IntN(3) == 0:
			b.WriteByte('"')
			for range rng.IntN(5) {
				b.WriteString(quotedPieces[rng.IntN(len(quotedPieces))])
			}
			b.WriteByte('"')
		default:
			for range rng.IntN(3) {
				b.WriteString(pieces[rng.IntN(len(pieces))])
			}
		}
		if rng.IntN(2000) == 0 && header < 0 {
			b.WriteString(strings.Repeat("z", rng.IntN(blockSize)))
		}
	}
	ends := []string{"\n", "\r\n", "\n\n"}
	end := ends[rng.IntN(len(ends))]
	for row := range 1 + rng.IntN(400) {
		for c := range columns {
			if c > 0 {
				b.WriteByte(',')
			}
			if row == 0 {
				field(c)
			} else {
				field(-1)
			}
		}
		b.WriteString(end)
	}
	data := b.Bytes()
	if rng.IntN(2) == 0 {
		data = bytes.TrimSuffix(data, []byte("\n"))
	}
	return data
}

// compareWithCSV checks that the scan finds what encoding/csv finds.
func compareWithCSV(t testing.TB, data []byte, column int, want func([]byte) bool) bool {
	t.Helper()
	header, rows, ok := csvAll(data, column, want)
	if !ok {
		return false
	}
	gotHeader, gotRows, bad, err := scanAll(t, bytes.NewReader(data), column, want)
	if err != nil || len(bad) > 0 {
		t.Fatalf("encoding/csv reads it, the scan says %v %v\n%.300q", err, bad, data)
	}
	if d := cmp.Diff(header, gotHeader); d != "" {
		t.Fatalf("header: %s", d)
	}
	if d := cmp.Diff(rows, gotRows); d != "" {
		t.Fatalf("rows differ: %s\n%.300q", d, data)
	}
	return true
}

func TestTableAgainstCSV(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const rounds = 250
	compared := 0
	for range rounds {
		data := hostileCSV(rng)
		columns := bytes.Count(data[:bytes.IndexByte(append(data[:len(data):len(data)], '\n'), '\n')], comma) + 1
		column := rng.IntN(columns)
		want := anything
		if rng.IntN(2) == 0 {
			want = func(v []byte) bool { return len(v)%2 == 1 }
		}
		if compareWithCSV(t, data, column, want) {
			compared++
		}
	}
	// A long tail behind a closing quote is the one fault generated.
	if compared < rounds/2 {
		t.Errorf("only %d of %d tables were legal", compared, rounds)
	}
}

func FuzzTable(f *testing.F) {
	f.Add([]byte("a,b\n1,2\n"), 0)
	f.Add([]byte("a,b\r\n\"1\r\n\",\"2\"\"\"\r\n\r\n3,4"), 1)
	f.Add([]byte("\xef\xbb\xbfa\n\"\n"), 0)
	f.Add([]byte("a,b\n\"x\"y,2\n\"open,3\n4,5\n"), 0)
	f.Add([]byte("a\n\r\r\n\"\r\"\n"), 0)
	f.Fuzz(func(t *testing.T, data []byte, column int) {
		header, rows, bad, err := scanAll(t, bytes.NewReader(data), column&3, anything)
		if err != nil {
			return
		}
		for _, row := range rows {
			if len(row) != len(header)+1 {
				t.Fatalf("row %q under header %q", row, header)
			}
		}
		lines := int64(bytes.Count(data, []byte("\n")) + 1)
		for _, e := range bad {
			if e.Line < 1 || e.Line > lines {
				t.Fatalf("line %d of %d", e.Line, lines)
			}
		}
		if column&3 < len(header) && !bytes.HasPrefix(data, []byte("\xef\xbb\xbf")) {
			compareWithCSV(t, data, column&3, anything)
		}
	})
}
