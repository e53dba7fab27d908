package record_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/record"
)

func TestSkipLimit(t *testing.T) {
	for _, test := range []struct {
		limit       string
		in, skipped int64
		want        bool
	}{
		{"10", 1000, 10, false},
		{"10", 1000, 11, true},
		{"0", 5, 1, true},
		{"0", 5, 0, false},
		{"25%", 4, 1, false},
		{"25%", 4, 2, true},
		{"25%", 0, 0, false},
		{"25% from 20", 19, 19, false},
		{"25% from 20", 20, 5, false},
		{"25% from 20", 20, 6, true},
		{"0%", 1, 1, true},
		{"0%", 1, 0, false},
		{"100%", 500, 500, false},
		{"29%", 100, 29, false}, // 0.29*100 is less than 29
		{"29%", 100, 30, true},
		{"0.5%", 1000, 5, false},
		{"0.5%", 1000, 6, true},
	} {
		l, err := record.ParseSkipLimit(test.limit)
		if err != nil {
			t.Fatal(err)
		}
		if got := l.Exceeded(test.in, test.skipped); got != test.want {
			t.Errorf("%+v: got %v", test, got)
		}
		if l.String() != test.limit {
			t.Errorf("%s comes back as %s", test.limit, l)
		}
		if l.IsPercentage() != strings.Contains(test.limit, "%") {
			t.Errorf("%s: share %v", l, l.IsPercentage())
		}
	}
	for _, bad := range []string{"", "x", "-1", "101%", "-1%", "NaN%", "inf%", "1.5", "%", "25%%", "25% ", "25%20", "25% from", "25% from ", "25% from -1", "25% from x", "10 from 20"} {
		if l, err := record.ParseSkipLimit(bad); err == nil {
			t.Errorf("%q is taken for %s", bad, l)
		}
	}
}

func FuzzParseSkipLimit(f *testing.F) {
	for _, seed := range []string{"10", "25%", "12.5% from 20", "1e1%", "+5"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := record.ParseSkipLimit(text)
		if err != nil {
			return
		}
		if again, err := record.ParseSkipLimit(l.String()); err != nil || again != l {
			t.Errorf("%q is %s, and that is %v, %v", text, l, again, err)
		}
	})
}

// skipping returns pieces of one segment: of each, how many items came in and
// how many of them were skipped, and the limit.
type skipping struct {
	in, skipped int64
	limit       string
}

func pieces(parts ...skipping) []record.Record {
	var all []record.Record
	var total int64
	for _, p := range parts {
		total += p.in
	}
	for i, p := range parts {
		all = append(all, head("a"))
		for n := range p.in - p.skipped {
			all = append(all, thing(fmt.Sprintf("x%d-%d", i, n)))
		}
		count := record.StageCounts{Tool: "oi-crop", In: p.in, Out: p.in - p.skipped, MaxSkips: p.limit}
		if p.skipped > 0 {
			count.Skipped = map[string]int64{"decode": p.skipped}
		}
		part := &record.Part{Total: -1, Stages: []record.StageCounts{{Tool: "oi-fetch", In: p.in, Out: p.in}, count}}
		if i == 0 { // the pieces may come in any order
			part.Total, part.Upstream = total, counted("oi-boxes", total)
		}
		all = append(all, part)
	}
	return all
}

// Whoever joins pieces judges the sums of what was skipped.
func TestJoinedSkips(t *testing.T) {
	for name, test := range map[string]struct {
		parts []skipping
		want  string // the limit that is exceeded, "all", or "" for an end
	}{
		"within":                        {[]skipping{{10, 3, "25%"}, {10, 2, "25%"}}, ""},
		"a bad piece among good ones":   {[]skipping{{3, 3, "25%"}, {10, 0, "25%"}}, ""},
		"beyond":                        {[]skipping{{10, 3, "25%"}, {10, 3, "25%"}}, "25%"},
		"few":                           {[]skipping{{2, 1, "25% from 20"}, {2, 1, "25% from 20"}}, ""},
		"enough":                        {[]skipping{{10, 3, "25% from 20"}, {10, 3, "25% from 20"}}, "25% from 20"},
		"a number":                      {[]skipping{{10, 2, "3"}, {10, 2, "3"}}, "3"},
		"a number kept":                 {[]skipping{{10, 2, "4"}, {10, 2, "4"}}, ""},
		"none allowed":                  {[]skipping{{10, 1, "0%"}, {10, 0, "0%"}}, "0%"},
		"all":                           {[]skipping{{1, 1, "100%"}, {1, 1, "100%"}, {1, 1, "100%"}}, "all"},
		"all of few":                    {[]skipping{{1, 1, "25% from 20"}}, "all"},
		"all of an older writer":        {[]skipping{{1, 1, ""}, {1, 1, ""}}, "all"},
		"many of an older writer":       {[]skipping{{100, 99, ""}}, ""},
		"empty":                         {[]skipping{{0, 0, "0"}}, ""},
		"different, the first decides":  {[]skipping{{10, 1, "0"}, {10, 1, "50%"}}, "0"},
		"different, the second decides": {[]skipping{{10, 1, "50%"}, {10, 1, "1"}}, "1"},
		"different, all are kept":       {[]skipping{{10, 1, "50%"}, {10, 1, "2"}, {10, 0, ""}}, ""},
	} {
		for _, to := range []record.Encoding{record.Binary, record.FramedJSON} {
			t.Run(name+"/"+to.String(), func(t *testing.T) {
				records := pieces(test.parts...)
				data := encode(t, to, records)
				got, err := readAll(bytes.NewReader(data))
				if test.want == "" {
					if err != nil {
						t.Fatal(err)
					}
					// The limit was for the sums, and they
					// are judged.
					for _, c := range got[len(got)-1].(*record.End).Stages {
						if c.MaxSkips != "" {
							t.Errorf("%s keeps the limit %s", c.Tool, c.MaxSkips)
						}
					}
				} else {
					var skips *record.SkipError
					if !errors.As(err, &skips) {
						t.Fatalf("got %v", err)
					}
					limit := skips.Limit
					if limit == "" {
						limit = "all"
					}
					if limit != test.want || skips.Counts.Tool != "oi-crop" || !strings.Contains(err.Error(), "oi-crop skipped too many: ") {
						t.Errorf("%q of %+v: %v, want %s", skips.Limit, skips.Counts, err, test.want)
					}
					if kinds := kinds(got); strings.Contains(kinds, "end") {
						t.Error(kinds)
					}
				}
				// A stage that reads a piece leaves it to
				// others to judge.
				if whole := decode(t, data[:len(encode(t, to, records[:len(pieces(test.parts[0]))]))], record.SinglePiece()); len(whole) == 0 {
					t.Error("no records")
				} else if part := whole[len(whole)-1].(*record.Part); part.Stages[1].MaxSkips != test.parts[0].limit {
					t.Errorf("the piece's limit is %q", part.Stages[1].MaxSkips)
				}
			})
		}
	}
}

// What is removed on purpose is no failure, and what others wrote is bounded.
func TestJoinedSkipsOfOthers(t *testing.T) {
	part := func(c record.StageCounts) []record.Record {
		return []record.Record{head("a"), &record.Part{Total: c.In, Stages: []record.StageCounts{c}, Upstream: counted("oi-fetch", c.In)}}
	}
	for _, c := range []record.StageCounts{
		{Tool: "oi-crop", In: 5, Removed: map[string]int64{"filter": 5}, MaxSkips: "0"},
		{Tool: "oi-crop", In: 5, Removed: map[string]int64{"filter": 3}, Skipped: map[string]int64{"decode": 2}, MaxSkips: "2"},
	} {
		if _, err := readAll(bytes.NewReader(encode(t, record.Binary, part(c)))); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
	long := strings.Repeat("long", 1000)
	many := map[string]int64{}
	for i := range 1000 {
		many[fmt.Sprint(i, long)] = math.MaxInt64 / 2
	}
	_, err := readAll(bytes.NewReader(encode(t, record.Binary, part(record.StageCounts{Tool: long, In: 5, Skipped: many, MaxSkips: "2"}))))
	var skips *record.SkipError
	if !errors.As(err, &skips) || len(err.Error()) > 1000 {
		t.Errorf("%v", err)
	}

	var all []record.Record
	for i := range 65 {
		all = slices.Concat(all, []record.Record{head("a"),
			&record.Part{Total: -1, Stages: []record.StageCounts{{Tool: "oi-crop", In: 1, Out: 1, MaxSkips: fmt.Sprint(i)}}}})
	}
	if _, err := readAll(bytes.NewReader(encode(t, record.Binary, all))); err == nil || !strings.Contains(err.Error(), "more than 64 different limits") {
		t.Errorf("65 limits: %v", err)
	}
	w := record.NewWriter(&bytes.Buffer{}, record.Binary)
	if err := w.Write(head("a")); err != nil {
		t.Fatal(err)
	}
	err = w.Write(&record.Part{Total: -1, Stages: []record.StageCounts{{Tool: "oi-crop", MaxSkips: "many"}}})
	if fe := new(record.FormatError); !errors.As(err, &fe) || fe.Field != "stages[0].max_skips" {
		t.Errorf("a wrong limit: %v", err)
	}
}
