package openimages

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"regexp"
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

// TestImageLookupUnsure asks the index which photos have one sound row, and the
// list itself of the others.
func TestImageLookupUnsure(t *testing.T) {
	rng := rand.New(rand.NewPCG(65, 66))
	other := regexp.MustCompile(`photo-\d+`)
	listed := 0
	for round := range 200 {
		data, ids := oitest.ImageList(rng, 1+rng.IntN(100))
		official := func(id string) string { return oitest.HexID(csvscan.Key64(id)) }
		if round%2 == 0 { // so that the index tells all ids apart
			data = []byte(other.ReplaceAllStringFunc(string(data), official))
			for i, id := range ids {
				ids[i] = other.ReplaceAllStringFunc(id, official)
			}
		}
		src := testDir{DirSource: DirSource(t.TempDir()), step: 1 + rng.Int64N(700)}
		src.write(t, data)
		asked := append(slices.Clone(ids), oitest.HexID(rng.Uint64()), "photo-21")
		asked = slices.Compact(slices.Sorted(slices.Values(asked)))
		lookup, err := OpenImages(t.Context(), src, File{Path: testList})
		if err != nil {
			continue // the list is cut
		}
		reader, err := lookup.Reader()
		if err != nil {
			t.Fatal(err)
		}
		all, err := lookup.Fetch(lookupKeys(asked), 1)
		if err != nil {
			t.Fatal(err)
		}
		unsure, err := lookup.FetchUnsure(lookupKeys(asked), 1)
		if err != nil {
			t.Fatal(err)
		}
		for i, id := range asked {
			want, wantFaults, err := parseRow(reader, all, i)
			if err != nil {
				t.Fatal(err)
			}
			got, gotFaults, err := parseRow(reader, unsure, i)
			if err != nil {
				t.Fatal(err)
			}
			if unsure.Listed(i) {
				listed++
				if want == nil || wantFaults != nil || got != nil || gotFaults != nil {
					t.Fatalf("round %d: %s is said to be listed, in\n%s", round, id, data)
				}
			} else if d := gocmp.Diff(want, got) + gocmp.Diff(len(wantFaults), len(gotFaults)); d != "" {
				t.Fatalf("round %d: %s in\n%s\n%s", round, id, data, d)
			}
		}
		if err := lookup.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if listed < 1000 {
		t.Errorf("%d photos are said to be listed", listed)
	}
}

func lookupKeys(ids []string) (keys []csvscan.LookupKey) {
	for _, id := range ids {
		keys = append(keys, csvscan.LookupKey{Key: id})
	}
	return keys
}

// parseRow returns a row that was fetched, nil if there is none that is sound.
func parseRow(r *csvscan.LookupReader[ImageRow], rows *csvscan.Rows, i int) (*ImageRow, []*RowError, error) {
	row := new(ImageRow)
	ok, faults, err := r.Parse(rows, i, row)
	if !ok {
		row = nil
	}
	return row, faults, err
}

// TestSoundImages compares with the parser: what it says to be sound is.
func TestSoundImages(t *testing.T) {
	h := csvscan.Header{Columns: []string{"ImageID", "OriginalURL", "OriginalSize", "Rotation"}}
	sound := soundImages(h)
	parse, err := imageParser(h)
	if err != nil {
		t.Fatal(err)
	}
	yes := 0
	for _, size := range []string{"", "0", "77", "1.0", "-1", "x", "999999999999999999", "9999999999999999999", "1e3"} {
		for _, rotation := range []string{"", "0", "0.0", "90.0", ".5", "1.2.3", "-90", "inf", "nan", " 0", ".", "1."} {
			for _, end := range []string{"", ",", ",more"} {
				row := "0123456789abcdef,http://x," + size + "," + rotation + end
				fields := bytes.Split([]byte(row), []byte{','})
				err := errors.New("not as many fields as columns")
				if len(fields) == len(h.Columns) {
					_, _, err = parse(fields)
				}
				is := sound([]byte(row))
				if is && err != nil {
					t.Errorf("%q is said to be sound, but %v", row, err)
				}
				if is {
					yes++
				}
			}
		}
	}
	if yes < 20 {
		t.Errorf("%d rows are said to be sound", yes)
	}
	if sound([]byte("0123456789abcdef,http://x,1")) {
		t.Error("a row that lacks a field is said to be sound")
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
	rows, err := lookup.Fetch(lookupKeys(ids), 1)
	if err != nil {
		return found, err
	}
	defer rows.Release()
	bad := lookup.Keyless()
	found.Rows = make([]*ImageRow, len(ids))
	for i := range ids {
		row, faults, err := parseRow(reader, rows, i)
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
