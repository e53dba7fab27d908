package openimages

import (
	"bytes"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// TestImageLookup looks random photos up in random lists, again through the
// index that this left: it finds what a reading of the list in one go meets.
func TestImageLookup(t *testing.T) {
	rng := rand.New(rand.NewPCG(61, 62))
	for round := range 120 {
		data, ids := oitest.ImageList(rng, 1+rng.IntN(150))
		src := testDir{DirSource: DirSource(t.TempDir()), step: 1 + rng.Int64N(700)}
		name := src.write(t, data)
		for try := range 3 {
			var asked []string
			for range rng.IntN(20) {
				asked = append(asked, ids[rng.IntN(len(ids))], oitest.HexID(rng.Uint64()))
			}
			asked = slices.Compact(slices.Sorted(slices.Values(asked)))
			want, wantErr := plainImages(t, data, asked)
			got, err := lookUp(t, src, asked)
			if (err == nil) != (wantErr == nil) {
				t.Fatalf("round %d.%d of\n%s\n%v, want %v", round, try, data, err, wantErr)
			}
			if d := gocmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" && err == nil {
				t.Fatalf("round %d.%d of\n%s\n%s", round, try, data, d)
			}
			if _, err := os.Stat(name + csvscan.IndexEnding); (err == nil) != (wantErr == nil) {
				t.Fatalf("round %d: index: %v, reading: %v", round, err, wantErr)
			}
		}
	}
}

// images are the first sound rows of some photos, and the broken rows.
type images struct {
	Rows []*ImageRow
	Bad  []string
}

// plainImages finds them in one go.
func plainImages(t testing.TB, data []byte, ids []string) (images, error) {
	t.Helper()
	found := images{Rows: make([]*ImageRow, len(ids))}
	err := scanImages(t.Context(), bytes.NewReader(data), testList,
		func(id []byte) bool { return slices.Contains(ids, string(id)) },
		func(row *ImageRow) error {
			if i := slices.Index(ids, row.ImageID); found.Rows[i] == nil {
				found.Rows[i] = row
			}
			return nil
		},
		func(bad *RowError) error {
			found.Bad = append(found.Bad, bad.Error())
			return nil
		})
	slices.Sort(found.Bad)
	return found, err
}

// lookUp finds them by the index.
func lookUp(t testing.TB, src Source, ids []string) (found images, err error) {
	t.Helper()
	lookup, err := OpenImages(t.Context(), src, File{Path: testList})
	if err != nil {
		return found, err
	}
	defer func() {
		if err := lookup.Close(); err != nil {
			t.Error(err)
		}
	}()
	reader, err := lookup.Reader()
	if err != nil {
		return found, err
	}
	rows, err := lookup.Fetch(ids, 1)
	if err != nil {
		return found, err
	}
	defer rows.Release()
	bad := lookup.Keyless()
	found.Rows = make([]*ImageRow, len(ids))
	for i := range ids {
		row, faults, err := reader.Parse(rows, i)
		if err != nil {
			return found, err
		}
		found.Rows[i] = row
		bad = append(bad, faults...)
	}
	for _, fault := range bad {
		found.Bad = append(found.Bad, fault.Error())
	}
	slices.Sort(found.Bad)
	return found, nil
}
