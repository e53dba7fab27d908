package stream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/record"
)

// skipLast skips the last n of all items and removes the r before them. It is
// for -j 1.
func skipLast(all, n, r int) Func {
	left := all
	return func(ctx context.Context, item *record.Item) (Result, error) {
		switch left--; {
		case left < n:
			return Result{Skipped: "bad"}, nil
		case left < n+r:
			return Result{Removed: "filter"}, nil
		}
		return pass(ctx, item)
	}
}

func TestMaxSkips(t *testing.T) {
	for _, test := range []struct {
		limit                string
		in, skipped, removed int
		fails                bool
	}{
		// The default: a quarter, from 20 records on.
		{"", 19, 18, 0, false},
		{"", 20, 5, 0, false},
		{"", 20, 6, 0, true},
		{"", 4, 2, 0, false},
		// What was asked for holds for few records too.
		{"25%", 4, 1, 0, false},
		{"25%", 4, 2, 0, true},
		{"25%", 19, 18, 0, true},
		{"0%", 1000, 0, 0, false},
		{"0%", 3, 1, 0, true},
		{"0", 3, 1, 0, true},
		{"0", 3, 0, 0, false},
		{"2", 3, 2, 0, false},
		{"2", 30, 3, 0, true},
		{"50%", 1000, 500, 0, false},
		{"50%", 1000, 501, 0, true},
		// Everything skipped is a failure whatever was asked for.
		{"", 1, 1, 0, true},
		{"", 19, 19, 0, true},
		{"100%", 3, 3, 0, true},
		{"100%", 300, 300, 0, true},
		{"1000", 3, 3, 0, true},
		{"100%", 300, 299, 0, false},
		// What is removed is not skipped; and nothing may come in.
		{"", 3, 0, 3, false},
		{"0", 300, 0, 300, false},
		{"", 3, 1, 2, false},
		{"0", 0, 0, 0, false},
	} {
		run := func(f Flags, data []byte) (records []record.Record, failed bool) {
			t.Helper()
			f.Jobs, f.MaxSkips = 1, test.limit
			var stdout bytes.Buffer
			env, _ := testEnv(bytes.NewReader(data), &stdout)
			err := Filter(t.Context(), env, &f, nil, Stage{Func: skipLast(test.in, test.skipped, test.removed)})
			if err != nil && !strings.Contains(err.Error(), "too many skipped: ") {
				t.Fatal(err)
			}
			if f.JSON == "items" {
				return nil, err != nil
			}
			var options []record.ReaderOption
			if f.Part {
				options = append(options, record.SinglePiece())
			}
			r := record.NewReader(&stdout, options...)
			v, readErr := r.Read()
			for ; readErr == nil; v, readErr = r.Read() {
				records = append(records, v)
			}
			if errors.Is(readErr, io.EOF) != (err == nil) {
				t.Fatalf("%+v: %v, and its output %v", test, err, readErr)
			}
			return records, err != nil
		}
		whole := segment(t, record.Binary, 0, test.in)
		if _, failed := run(Flags{}, whole); failed != test.fails {
			t.Errorf("%+v: fails %v", test, failed)
		}
		// A piece of plain JSON is one that nobody joins.
		if _, failed := run(Flags{JSON: "items", Part: true}, whole); failed != test.fails {
			t.Errorf("%+v: as plain JSON: fails %v", test, failed)
		}
		records, failed := run(Flags{Part: true}, whole)
		if failed {
			t.Errorf("%+v: a piece is judged", test)
			continue
		}
		want := test.limit
		if want == "" {
			want = defaultMaxSkips
		}
		part := records[len(records)-1].(*record.Part)
		if c := part.Stages[0]; c.MaxSkips != want || c.In != int64(test.in) || c.Skipped["bad"] != int64(test.skipped) {
			t.Errorf("%+v: the part says %+v", test, c)
		}
	}
	for _, bad := range []string{"x", "-1", "101%", "NaN%", "1.5", "%"} {
		if err := (&Flags{MaxSkips: bad}).check(); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

// A share is looked at on the way too, once there are enough records.
func TestMaxSkipsOnTheWay(t *testing.T) {
	for skipped, fails := range map[int]bool{50: false, 51: true} { // the first, of 1000
		env, _ := testEnv(bytes.NewReader(segment(t, record.Binary, 0, 1000)), io.Discard)
		err := Filter(t.Context(), env, &Flags{Jobs: 1}, nil, Stage{Func: func(ctx context.Context, item *record.Item) (Result, error) {
			if number(item) < skipped-1 || number(item) == 199 {
				return Result{Skipped: "bad"}, nil
			}
			return pass(ctx, item)
		}})
		if fails != (err != nil) || err != nil && !strings.Contains(err.Error(), "51 of 200") {
			t.Errorf("%d: %v", skipped, err)
		}
	}
}

// A piece that nobody reads any more, or that is not written, is joined by
// nobody.
func TestPieceWithoutReader(t *testing.T) {
	for name, stage := range map[string]Stage{"the reader has gone": {MustDrain: true}, "no output": {NoOutput: true}} {
		stage.Func = skipLast(400, 200, 0)
		env, _ := testEnv(bytes.NewReader(segment(t, record.Binary, 0, 400)), &leaver{n: 100})
		err := Filter(t.Context(), env, &Flags{Jobs: 1, Part: true}, nil, stage)
		if err == nil || !strings.Contains(err.Error(), "too many skipped: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Pieces that say nothing alone are judged together by whoever reads them, in
// any form, and the message names the stage and the file.
func TestPiecesAreJudgedTogether(t *testing.T) {
	whole := segment(t, record.Binary, 0, 30)
	all := read(t, whole)
	for name, test := range map[string]struct {
		limits  []string // of the pieces, in turn
		skipped int      // of the ten items of each piece
		want    string   // the hint, "" for none
	}{
		"default":       {[]string{""}, 3, "--max-skips '25% from 20'"},
		"good":          {[]string{""}, 2, ""},
		"explicit":      {[]string{"10%"}, 2, "--max-skips '10%'"},
		"a number":      {[]string{"5"}, 2, "--max-skips '5'"},
		"all":           {[]string{"100%"}, 10, "nothing came through"},
		"the strictest": {[]string{"90%", "10%", "50%"}, 2, "--max-skips '10%'"},
	} {
		t.Run(name, func(t *testing.T) {
			var joined bytes.Buffer
			for i := range 3 {
				var piece bytes.Buffer
				w := record.NewWriter(&piece, record.Binary)
				records := slices.Concat(all[:1], all[1+10*i:1+10*i+10])
				if i == 2 {
					records = append(records, all[len(all)-1])
				}
				for _, r := range records {
					if err := w.Write(r); err != nil {
						t.Fatal(err)
					}
				}
				if err := w.Flush(); err != nil {
					t.Fatal(err)
				}
				env, _ := testEnv(&piece, &joined)
				f := &Flags{Jobs: 1, Part: true, MaxSkips: test.limits[i%len(test.limits)]}
				if err := Filter(t.Context(), env, f, nil, Stage{Func: skipLast(10, test.skipped, 0)}); err != nil {
					t.Fatal(err)
				}
			}
			path := filepath.Join(t.TempDir(), "joined.oi")
			if err := os.WriteFile(path, joined.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			var stdout bytes.Buffer
			env, _ := testEnv(nil, &stdout)
			err := Filter(t.Context(), env, &Flags{}, []string{path}, Stage{Func: pass})
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				end := read(t, stdout.Bytes())
				for _, c := range end[len(end)-1].(*record.End).Stages {
					if c.MaxSkips != "" {
						t.Errorf("the end still carries a limit: %+v", c)
					}
				}
				return
			}
			var hinted interface{ Hint() string }
			if !errors.As(err, &hinted) || !strings.Contains(hinted.Hint(), test.want) {
				t.Fatalf("got %v, want a hint with %q", err, test.want)
			}
			want := fmt.Sprintf("joined.oi: oi-test skipped too many: %d of 30 records (bad: %d)", 3*test.skipped, 3*test.skipped)
			if !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
}

// What is too much is judged at the end of the whole input, not at that of each
// segment, or the order of the segments would decide.
func TestSegmentsAreJudgedTogether(t *testing.T) {
	bad, good := segment(t, record.Binary, 0, 1), segment(t, record.Binary, 1, 9)
	do := func(ctx context.Context, item *record.Item) (Result, error) {
		if number(item) == 0 {
			return Result{Skipped: "bad"}, nil
		}
		return pass(ctx, item)
	}
	for name, in := range map[string][]byte{"bad first": append(bytes.Clone(bad), good...), "bad last": append(bytes.Clone(good), bad...)} {
		for limit, fails := range map[string]bool{"": false, "10%": false, "9%": true} {
			var stdout bytes.Buffer
			env, _ := testEnv(bytes.NewReader(in), &stdout)
			err := Filter(t.Context(), env, &Flags{Jobs: 2, MaxSkips: limit}, nil, Stage{Func: do})
			if (err != nil) != fails {
				t.Errorf("%s, %q: %v", name, limit, err)
			}
			if err == nil && len(items(read(t, stdout.Bytes()))) != 9 {
				t.Errorf("%s, %q: the output is not whole", name, limit)
			}
		}
	}
}

// A stage that fails after the first of several files has not given anybody a
// stream that looks complete.
func TestNoEndBeforeTheLastFile(t *testing.T) {
	dir := t.TempDir()
	whole, none := filepath.Join(dir, "whole.oi"), filepath.Join(dir, "none.oi")
	if err := os.WriteFile(whole, segment(t, record.Binary, 0, 3), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout bytes.Buffer
	env, _ := testEnv(nil, &stdout)
	if err := Filter(t.Context(), env, &Flags{Jobs: 2}, []string{whole, none}, Stage{Func: pass}); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("got %v", err)
	}
	n := 0
	var err error
	for _, err = range record.NewReader(&stdout).Items() {
		if err == nil {
			n++
		}
	}
	if n != 3 || !errors.Is(err, record.ErrTruncated) {
		t.Errorf("downstream saw %d items and %v", n, err)
	}
}
