package openimages

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// A joinWorld is a box list and an image list, of which some photos are not
// listed, some several times, and some by broken rows.
type joinWorld struct {
	src           testDir
	images, boxes string // the names of the files
}

const joinBoxes = "boxes.csv"

func newJoinWorld(t *testing.T, rng *rand.Rand, photos int) joinWorld {
	t.Helper()
	data, ids := oitest.ImageList(rng, photos)
	other := regexp.MustCompile(`photo-\d+`)
	official := func(id string) string { return oitest.HexID(csvscan.Key64(id)) }
	data = append(bytes.TrimRight(other.ReplaceAllFunc(data, func(id []byte) []byte { return []byte(official(string(id))) }), "\n"), "\"\n"...)
	for i, id := range ids {
		ids[i] = other.ReplaceAllStringFunc(id, official)
	}
	for range 1 + photos/5 {
		ids = append(ids, oitest.HexID(rng.Uint64()))
	}
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	var list bytes.Buffer
	list.WriteString(oitest.Header13 + "\n")
	for _, id := range ids {
		for range rng.IntN(3) {
			fmt.Fprintf(&list, "%s,xclick,/m/%d,1,0.1%05d,0.900000,0.2%05d,0.800000,0,0,0,0,0\n", id, rng.IntN(2), rng.IntN(1e5), rng.IntN(1e5))
		}
	}
	w := joinWorld{src: testDir{DirSource: DirSource(t.TempDir()), step: 1 + rng.Int64N(700)}}
	w.images = w.src.write(t, data)
	w.boxes = filepath.Join(string(w.src.DirSource), joinBoxes)
	if err := os.WriteFile(w.boxes, list.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	return w
}

// joinFound is what lookups say of some photos.
type joinFound struct {
	Rows, Unsure []*ImageRow
	Bad          []string
	Listed       []bool
}

// look looks the photos of a label up, with numbers or without, and returns how
// many had one.
func (w *joinWorld) look(t *testing.T, numbers bool) (found joinFound, numbered int) {
	t.Helper()
	list := OpenBoxes(w.src, File{Path: joinBoxes})
	var keys []csvscan.LookupKey
	for rows, err := range list.Read(t.Context(), BoxRequest{MIDs: []string{"/m/1"}, Want: func(mid []byte) bool { return string(mid) == "/m/1" }}) {
		if err != nil {
			t.Fatal(err)
		}
		for i := range rows {
			key := csvscan.LookupKey{Key: rows[i].Value.ImageID}
			if numbers {
				key.Number = rows[i].Value.Number
			}
			if key.Number > 0 {
				numbered++
			}
			keys = append(keys, key)
		}
	}
	lookup, err := OpenImages(t.Context(), w.src, File{Path: testList})
	if err != nil {
		t.Fatal(err)
	}
	if numbers {
		if err := list.Join(t.Context(), lookup); err != nil {
			t.Fatal(err)
		}
	}
	reader, err := lookup.Reader()
	if err != nil {
		t.Fatal(err)
	}
	all, err := lookup.Fetch(keys, 1)
	if err != nil {
		t.Fatal(err)
	}
	unsure, err := lookup.FetchUnsure(keys, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i := range keys {
		row, faults, err := parseRow(reader, all, i)
		if err != nil {
			t.Fatal(err)
		}
		one, _, err := parseRow(reader, unsure, i)
		if err != nil {
			t.Fatal(err)
		}
		for _, fault := range faults {
			found.Bad = append(found.Bad, fault.Error())
		}
		found.Rows, found.Unsure, found.Listed = append(found.Rows, row), append(found.Unsure, one), append(found.Listed, unsure.Listed(i))
	}
	if err := lookup.Close(); err != nil {
		t.Fatal(err)
	}
	if err := list.Close(); err != nil {
		t.Fatal(err)
	}
	return found, numbered
}

// TestJoin looks photos up by their numbers, and by their ids alone: the rows
// are the same, also where the join is damaged or is of other lists.
func TestJoin(t *testing.T) {
	rng := rand.New(rand.NewPCG(101, 102))
	sure, joins := 0, 0
	for round := range 25 {
		w := newJoinWorld(t, rng, 1+rng.IntN(150))
		name := w.boxes + csvscan.JoinEnding
		w.look(t, false) // makes the indexes
		check := func(what string) {
			t.Helper()
			want, _ := w.look(t, false)
			got, numbered := w.look(t, true)
			if d := gocmp.Diff(want, got); d != "" {
				t.Fatalf("round %d, %s: %s", round, what, d)
			}
			if numbered == 0 && len(got.Rows) > 0 {
				t.Fatalf("round %d, %s: no photo has a number", round, what)
			}
			for _, listed := range got.Listed {
				if listed {
					sure++
				}
			}
		}
		check("made")
		whole, err := os.ReadFile(name)
		if err != nil {
			continue // a row in the list of images has no id
		}
		joins++
		check("read")
		if again, err := os.ReadFile(name); err != nil || !bytes.Equal(again, whole) {
			t.Fatalf("round %d: the join was made twice: %v", round, err)
		}
		for range 5 {
			damaged := bytes.Clone(whole)
			damaged[rng.IntN(len(damaged))] ^= 1 << rng.IntN(8)
			if rng.IntN(4) == 0 {
				damaged = damaged[:rng.IntN(len(damaged))]
			}
			if err := os.WriteFile(name, damaged, 0o666); err != nil {
				t.Fatal(err)
			}
			check("damaged")
			check("after damage")
			if again, err := os.ReadFile(name); err != nil || !bytes.Equal(again, whole) {
				t.Fatalf("round %d: the damaged join was not made again: %v", round, err)
			}
		}
		// The photos are moved, and the join is that of the list
		// before.
		list, err := os.ReadFile(w.images)
		if err != nil {
			t.Fatal(err)
		}
		header := bytes.IndexByte(list, '\n') + 1
		moved := slices.Concat(list[:header], bytes.Repeat([]byte("\n"), 3), list[header:])
		if err := os.WriteFile(w.images, moved, 0o666); err != nil {
			t.Fatal(err)
		}
		check("moved")
		check("moved, read")
	}
	if sure < 500 || joins < 5 {
		t.Errorf("%d photos are surely listed, with %d joins", sure, joins)
	}
}
