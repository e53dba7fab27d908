package selection

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opensandwich/oi/cmd/internal/download"
	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/cmd/internal/openimages"
	"github.com/opensandwich/oi/record"
)

// header13 is that of the official box lists.
const header13 = oitest.Header13

// noSleep is for a source that does not wait between attempts.
func noSleep(ctx context.Context, _ time.Duration) error { return context.Cause(ctx) }

// mirror returns the folder of real rows, or skips.
func mirror(t testing.TB) openimages.DirSource {
	t.Helper()
	return openimages.DirSource(oitest.RealData(t, "openimages/mirror"))
}

// list is the path of a list of a subset.
func list(t testing.TB, of func(string) (openimages.File, error), subset string) string {
	t.Helper()
	f, err := of(subset)
	if err != nil {
		t.Fatal(err)
	}
	return f.Path
}

// mapSource is a data set in memory.
type mapSource map[string]string

func (m mapSource) Open(_ context.Context, path string) (io.ReadCloser, error) {
	text, ok := m[path]
	if !ok {
		return nil, &download.MissingError{Path: path, Source: m.String(), Err: fs.ErrNotExist}
	}
	return io.NopCloser(bytes.NewReader([]byte(text))), nil
}

func (mapSource) String() string { return "memory" }

// ledger keeps the accounts of a query.
type ledger struct {
	in, out          int64
	removed, skipped map[string]int64
	details          []string
	items            []*record.Item // skipped
	most             int64          // skips allowed, 0 for any number
}

func newLedger() *ledger {
	return &ledger{removed: map[string]int64{}, skipped: map[string]int64{}}
}

func (l *ledger) Announce(int64)                {}
func (l *ledger) In(n int64)                    { l.in += n }
func (l *ledger) Out(n int64)                   { l.out += n }
func (l *ledger) Remove(reason string, n int64) { l.removed[reason] += n }
func (l *ledger) Skip(item *record.Item, reason, detail string) error {
	l.skipped[reason]++
	l.details = append(l.details, detail)
	l.items = append(l.items, item)
	if l.most > 0 && int64(len(l.details)) > l.most {
		return errTooMany
	}
	return nil
}

// balance fails unless every row is accounted for.
func (l *ledger) balance(t testing.TB) {
	t.Helper()
	sum := l.out
	for _, m := range []map[string]int64{l.removed, l.skipped} {
		for _, n := range m {
			sum += n
		}
	}
	if sum != l.in {
		t.Errorf("%d in, but %d out, %v removed, %v skipped", l.in, l.out, l.removed, l.skipped)
	}
}

// parsedRows are the rows that plainRow has parsed: tests ask for one often.
var parsedRows sync.Map

// plainRow parses a row of a list with header13.
func plainRow(t testing.TB, fields []string, line int64) (row openimages.BoxRow) {
	t.Helper()
	text := header13 + "\n" + strings.Join(fields, ",") + "\n"
	if known, ok := parsedRows.Load(text); ok {
		row = known.(openimages.BoxRow)
		row.Line = line
		return row
	}
	rows := openimages.OpenBoxes(mapSource{"b.csv": text}, openimages.File{Path: "b.csv"}).Read(t.Context(), openimages.BoxRequest{
		Want: func([]byte) bool { return true },
	})
	for some, err := range rows {
		if err == nil && some[0].Fault != nil {
			err = some[0].Fault
		}
		if err != nil {
			t.Fatal(err)
		}
		row = some[0].Value.BoxRow
	}
	row.Line, row.Offset = line, 0
	parsedRows.Store(text, row)
	return row
}

// emit calls f with every item of a selection.
func emit(ctx context.Context, s *Selection, f func(*record.Item) error) error {
	add := func(items []*record.Item, item *record.Item) ([]*record.Item, error) {
		kept, box := *item, *item.Box
		kept.Box, kept.Avoid = &box, slices.Clone(item.Avoid)
		if item.Image != nil {
			image := *item.Image
			kept.Image = &image
		}
		return append(items, &kept), nil
	}
	return Emit(ctx, s, func() func([]*record.Item, *record.Item) ([]*record.Item, error) { return add },
		func(items []*record.Item, n int64) error {
			if n != int64(len(items)) {
				return fmt.Errorf("%d items, told of %d", len(items), n)
			}
			for _, item := range items {
				if err := f(item); err != nil {
					return err
				}
			}
			return nil
		})
}
