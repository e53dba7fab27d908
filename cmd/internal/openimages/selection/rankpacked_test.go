package selection

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/opensandwich/oi/cmd/internal/openimages"
)

// TestRankPacked ranks rows as the index holds them, and judges all of them in
// a query that finds no index: items and accounts are the same, with rows that
// the index does not hold, broken ones, and photos that are listed twice, by
// broken rows or not at all.
func TestRankPacked(t *testing.T) {
	q, ranks := storeWorld(t, 20, 60)
	rng := rand.New(rand.NewPCG(111, 112))
	edit := func(of func(string) (openimages.File, error), f func(fields [][]byte) [][]byte) {
		name := filepath.Join(q.Source.String(), filepath.FromSlash(listOf(t, of).Path))
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var edited []byte
		n := 0
		for line := range bytes.Lines(data) {
			fields := bytes.Split(bytes.TrimSuffix(line, []byte{'\n'}), []byte{','})
			if n++; n > 1 {
				fields = f(fields)
			}
			edited = append(append(edited, bytes.Join(fields, []byte{','})...), '\n')
		}
		if err := os.WriteFile(name, edited, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	edit(q.Dataset.Boxes, func(fields [][]byte) [][]byte {
		switch rng.IntN(400) {
		case 0:
			fields[4] = append(fields[4], "01"...) // eight decimals
		case 1:
			fields[0] = []byte(`"` + string(fields[0]) + `"`)
		case 2:
			fields[6] = []byte("none")
		case 3:
			fields = fields[:11]
		}
		return fields
	})
	edit(q.Dataset.Images, func(fields [][]byte) [][]byte {
		switch rng.IntN(100) {
		case 0: // another row of it
			line := bytes.Join(fields, []byte{','})
			return [][]byte{slices.Concat(line, []byte{'\n'}, line)}
		case 1:
			fields[11] = []byte("askew")
		}
		return fields
	})
	used := func() {
		t.Helper()
		s, err := q.Collect(t.Context(), newLedger())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		k, err := s.rankPacked(t.Context(), s.subsets[0], s.newSample(10, 10))
		if err != nil || k == nil {
			t.Fatalf("the index was not used: %v", err)
		}
		if len(k.odd) < 100 || len(k.bad) < 20 || k.rows[0] < 300 {
			t.Fatalf("%d photos to be judged, %d broken rows, %d rows", len(k.odd), len(k.bad), k.rows[0])
		}
	}
	first := true
	for name, change := range map[string]func(*Query){
		"limit":          func(q *Query) { q.Limit = 40 },
		"more than all":  func(q *Query) { q.Limit = 1_000_000 },
		"max, shard":     func(q *Query) { q.MaxPerClass, q.Shard = 9, func(id string) bool { return id[15] < '8' } },
		"balance, limit": func(q *Query) { q.Balance, q.Limit, q.Seed = true, 200, 5 },
		"refused": func(q *Query) {
			q.Limit, q.Rules = 30, "left"
			q.Refuse = func(row *openimages.BoxRow) string { return map[bool]string{true: "left"}[row.Box.XMin < .2] }
		},
		"labels together": func(q *Query) {
			q.Limit = 77
			q.Assign = map[string]int{benchMID(20): 0, benchMID(25): 0, benchMID(29): 1}
			q.Classes = q.Classes[:2]
		},
	} {
		asked := *q
		change(&asked)
		dropIndexes(t, q)
		want, wantLedger, _ := ask(t, &asked)
		if first {
			used()
			first = false
		}
		if err := os.RemoveAll(ranks); err != nil {
			t.Fatal(err)
		}
		got, ledger, _ := ask(t, &asked)
		if d := gocmp.Diff(want, got); d != "" || len(got) == 0 {
			t.Fatalf("%s: %d items: %s", name, len(got), d)
		}
		ledger.items, wantLedger.items = nil, nil
		slices.Sort(ledger.details) // broken rows come first
		slices.Sort(wantLedger.details)
		if d := gocmp.Diff(wantLedger, ledger, gocmp.AllowUnexported(*ledger)); d != "" {
			t.Fatalf("%s: %s", name, d)
		}
	}
}
