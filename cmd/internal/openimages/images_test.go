package openimages

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"os"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// imagesOf asks for the rows of some photos.
func imagesOf(ids []string) ImageRequest {
	keys := map[uint64]bool{}
	for _, id := range ids {
		keys[csvscan.Key64(id)] = true
	}
	return ImageRequest{
		Keys:    maps.Keys(keys),
		Want:    func(id []byte) bool { return keys[csvscan.Key64(id)] },
		WantKey: func(key uint64) bool { return keys[key] },
	}
}

// TestImageIndexEqualsScan joins random photos with random lists: in one go, in
// blocks, and through the index that this left.
func TestImageIndexEqualsScan(t *testing.T) {
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
			p := imagesOf(asked)
			type result struct {
				Rows []ImageRow
				Bad  []string
				Err  string
			}
			var want, got result
			into := func(r *result) (func(*ImageRow) error, func(*RowError) error) {
				return func(row *ImageRow) error {
						line := row.Line
						row.Line = 0
						r.Rows = append(r.Rows, *row)
						row.Line = line
						return nil
					}, func(bad *RowError) error {
						r.Bad = append(r.Bad, bad.Error())
						return nil
					}
			}
			row, bad := into(&want)
			if err := ScanImages(t.Context(), bytes.NewReader(data), testList, p.Want, row, bad); err != nil {
				want.Err = err.Error()
			}
			p.Row, p.Bad = into(&got)
			if err := ReadImages(t.Context(), src, File{Path: testList}, p); err != nil {
				got.Err = err.Error()
			}
			if d := gocmp.Diff(want, got); d != "" {
				t.Fatalf("round %d.%d of\n%s\n%s", round, try, data, d)
			}
			if _, err := os.Stat(name + csvscan.IndexEnding); (err == nil) != (want.Err == "") {
				t.Fatalf("round %d: index: %v, reading: %s", round, err, want.Err)
			}
		}
	}
}
