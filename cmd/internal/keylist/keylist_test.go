package keylist

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"

	"github.com/opensandwich/oi/record"
)

// TestWriter: whatever keys and labels hold, an item is one line of CSV, and one
// that cannot be left out begins with #.
func TestWriter(t *testing.T) {
	long := strings.Repeat("x", record.MaxID) + "-01234567"
	var b bytes.Buffer
	l, err := NewWriter(&b, "label")
	if err != nil {
		t.Fatal(err)
	}
	rows := []struct{ key, label, want string }{
		{"000cd56bb02e4edb-01234567", "Hot dog", "000cd56bb02e4edb-01234567"},
		{long, "a, b", long},
		{"a b,c\n#d", "tab\there\r\n", "#a b,c #d"},
		{"", "\u00fc \"x\"", "#"},
		{"\"quoted\"", "#", "#\"quoted\""},
	}
	for _, r := range rows {
		if err := l.Add(r.key, r.label); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.AddOther("000cd56bb02e4edb-01234567-bg", "background"); err != nil {
		t.Fatal(err)
	}
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "\n"); n != len(rows)+2 {
		t.Errorf("%d lines of %d rows:\n%s", n, len(rows), b.String())
	}
	got, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if got[0][0] != "key" || got[0][1] != "label" || got[len(got)-1][0] != "#000cd56bb02e4edb-01234567-bg" {
		t.Errorf("%q", got)
	}
	for i, r := range rows {
		if got[i+1][0] != r.want {
			t.Errorf("key %q is written %q", r.key, got[i+1][0])
		}
	}
	if got[2][1] != "a, b" || got[3][1] != "tab here  " {
		t.Errorf("%q", got)
	}
}
