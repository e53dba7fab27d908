package openimages

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/download"
	"github.com/opensandwich/oi/record"
)

// mirror returns the folder of real rows beside the repository, or skips.
func mirror(t testing.TB) DirSource {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			path := filepath.Join(filepath.Dir(dir), "shared", "data", "openimages", "mirror")
			if _, err := os.Stat(path); err != nil {
				t.Skipf("no real rows at %s", path)
			}
			return DirSource(path)
		}
	}
	t.Skip("no go.mod above the package")
	return ""
}

func readFile(t testing.TB, src Source, path string) []byte {
	t.Helper()
	r, err := src.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
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

func anything([]byte) bool { return true }
