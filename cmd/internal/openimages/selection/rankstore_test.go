package selection

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
	"github.com/opensandwich/oi/cmd/internal/openimages"
	"github.com/opensandwich/oi/record"
)

// storeWorld is benchWorld with faults of rows and a cache, which is returned.
func storeWorld(t testing.TB, from, to int) (*Query, string) {
	t.Helper()
	q := benchWorld(t, from, to)
	edit := func(of func(string) (openimages.File, error), f func(n int, line []byte) []byte) {
		name := filepath.Join(q.Source.String(), filepath.FromSlash(listOf(t, of).Path))
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var edited []byte
		n := 0
		for line := range bytes.Lines(data) {
			edited = append(edited, f(n, line)...)
			n++
		}
		if err := os.WriteFile(name, edited, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	edit(q.Dataset.Boxes, func(n int, line []byte) []byte {
		switch fields := bytes.Split(line, []byte{','}); {
		case n%101 == 100: // without a width
			fields[5] = fields[4]
			return bytes.Join(fields, []byte{','})
		case n%103 == 102: // twice
			return append(bytes.Clone(line), line...)
		}
		return line
	})
	edit(q.Dataset.Images, func(n int, line []byte) []byte {
		if n%53 == 52 {
			return nil // not listed
		}
		return line
	})
	cache := t.TempDir()
	q.Source = openimages.DirSource(q.Source.String()).WithCache(cache)
	return q, filepath.Join(cache, "ranks")
}

// stored are the files of rankings.
func stored(t testing.TB, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// same fails unless the query has these items and this ledger.
func same(t *testing.T, what string, q *Query, want []*record.Item, wantLedger *ledger) {
	t.Helper()
	got, account, _ := ask(t, q)
	if d := gocmp.Diff(want, got); d != "" {
		t.Fatalf("%s: %s", what, d)
	}
	account.items, wantLedger.items = nil, nil
	if d := gocmp.Diff(wantLedger, account, gocmp.AllowUnexported(*account)); d != "" {
		t.Fatalf("%s: %s", what, d)
	}
}

// TestStoredRanks asks with limits when nothing is kept of earlier ones, and
// then when it is: items and accounts are the same.
func TestStoredRanks(t *testing.T) {
	world, dir := storeWorld(t, 20, 40)
	plain := *world
	plain.Source = openimages.DirSource(world.Source.String()) // keeps nothing
	for _, tt := range []struct {
		name   string
		change func(*Query)
		files  int // there are afterwards
	}{
		{"limit", func(q *Query) { q.Limit = 40 }, 1},
		{"another limit", func(q *Query) { q.Limit = 300 }, 1},
		{"max, shard", func(q *Query) { q.MaxPerClass, q.Shard = 9, func(id string) bool { return id[15] < '8' } }, 1},
		{"balance", func(q *Query) { q.Balance = true }, 1},
		{"another seed", func(q *Query) { q.Balance, q.Limit, q.Seed = true, 200, 5 }, 2},
		{"refused", func(q *Query) {
			q.Limit, q.Rules = 30, "left"
			q.Refuse = func(row *openimages.BoxRow) string { return map[bool]string{true: "left"}[row.Box.XMin < .2] }
		}, 3},
		{"refused by what is not known", func(q *Query) {
			q.Limit = 30
			q.Refuse = func(row *openimages.BoxRow) string { return map[bool]string{true: "right"}[row.Box.XMin > .2] }
		}, 3},
		{"seen", func(q *Query) { q.Limit, q.Seen = 30, func(*openimages.BoxRow) {} }, 3},
		{"authors", func(q *Query) { q.Limit, q.StrictAuthors = 30, true }, 3},
		{"double labels", func(q *Query) { q.Limit, q.Doubles.Drop = 30, true }, 3},
		{"negatives", func(q *Query) { q.Limit, q.Negatives, q.NotName = 30, 9, "others" }, 3},
	} {
		asked, first := *world, plain
		tt.change(&asked)
		tt.change(&first)
		want, wantLedger, _ := ask(t, &first)
		if len(want) == 0 || wantLedger.skipped[ReasonBadBox] == 0 || wantLedger.skipped[ReasonNotListed] == 0 || wantLedger.removed[ReasonDuplicate] == 0 {
			t.Fatalf("%s: %d items, %v, %v", tt.name, len(want), wantLedger.skipped, wantLedger.removed)
		}
		same(t, tt.name, &asked, want, wantLedger)
		same(t, tt.name+" again", &asked, want, wantLedger)
		if n := len(stored(t, dir)); n != tt.files {
			t.Errorf("%s: %d files", tt.name, n)
		}
	}
}

// TestStoredRanksWrong: rankings that cannot be believed are found out again,
// and those that are of other lists are an error, not another answer.
func TestStoredRanksWrong(t *testing.T) {
	q, dir := storeWorld(t, 20, 30)
	q.Limit = 20
	want, wantLedger, _ := ask(t, q)
	names := stored(t, dir)
	if len(names) != 1 {
		t.Fatal(names)
	}
	good, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	write := func(data []byte) {
		t.Helper()
		if err := os.WriteFile(names[0], data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for i := 0; i < len(good); i += 1 + len(good)/40 {
		bad := bytes.Clone(good)
		bad[i] ^= 1
		write(bad)
		same(t, "a wrong byte", q, want, wantLedger)
		write(good[:i])
		same(t, "cut", q, want, wantLedger)
	}

	// A rank that no box has.
	d := csvscan.Decoder{Buf: good[len(rankMagic) : len(good)-4]}
	key := d.Text()
	found := decodeRankings(&d, 1, len(q.Classes))
	if found == nil {
		t.Fatal("what was written cannot be read")
	}
	for i := range found.labels {
		found.labels[i].entries[0].rank = 0
		found.labels[i].entries = found.labels[i].entries[:1]
		found.labels[i].have = 1
	}
	e := csvscan.Encoder{Buf: []byte(rankMagic)}
	e.Text(key)
	found.encode(&e)
	write(binary.LittleEndian.AppendUint32(e.Buf, rankSum(e.Buf)))
	s, err := q.Collect(t.Context(), newLedger())
	if err != nil {
		t.Fatal(err)
	}
	err = emit(t.Context(), s, func(*record.Item) error { return nil })
	if !errors.Is(err, errRanks) || len(stored(t, dir)) != 0 {
		t.Errorf("%v, %v", err, stored(t, dir))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	same(t, "after that", q, want, wantLedger)

	// A list that has changed, if only in its time.
	name := filepath.Join(q.Source.String(), filepath.FromSlash(listOf(t, q.Dataset.Images).Path))
	if err := os.Chtimes(name, time.Time{}, time.Unix(1e9, 0)); err != nil {
		t.Fatal(err)
	}
	same(t, "another time", q, want, wantLedger)
	if n := len(stored(t, dir)); n != 2 {
		t.Errorf("%d files", n)
	}
}

// TestTrimRanks: the files are bounded, and those that go are the oldest.
func TestTrimRanks(t *testing.T) {
	dir := t.TempDir()
	for i, name := range []string{"old", "other", "new"} {
		name = filepath.Join(dir, name+rankEnding)
		if err := os.WriteFile(name, nil, 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(name, mostRankBytes/2); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, time.Time{}, time.Unix(int64(1e9+i), 0)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "mine"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := trimRanks(dir); err != nil {
		t.Fatal(err)
	}
	want := []string{filepath.Join(dir, "mine"), filepath.Join(dir, "new"+rankEnding), filepath.Join(dir, "other"+rankEnding)}
	if d := gocmp.Diff(want, stored(t, dir)); d != "" {
		t.Error(d)
	}
}

// FuzzRankings reads whatever claims to be rankings: what is understood reads
// back the same.
func FuzzRankings(f *testing.F) {
	var e csvscan.Encoder
	k := &rankings{rows: []int64{7}, found: []int64{7}, sample: sample{labels: []lowestSounds{{have: 3, entries: []sound{{1, 2, 3, 0}}}}}, lost: []map[string]int64{{"limit": 2}}}
	k.failed = []sound{{1, 9, 0, 0}}
	k.encode(&e)
	f.Add(e.Buf)
	f.Fuzz(func(t *testing.T, data []byte) {
		k := decodeRankings(&csvscan.Decoder{Buf: data}, 1, 1)
		if k == nil {
			return
		}
		var e csvscan.Encoder
		k.encode(&e)
		again := decodeRankings(&csvscan.Decoder{Buf: e.Buf}, 1, 1)
		if d := gocmp.Diff(k, again, gocmp.AllowUnexported(rankings{}, sample{}, lowestSounds{}, sound{})); d != "" {
			t.Error(d)
		}
	})
}
