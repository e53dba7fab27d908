package openimages

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// photosOf stands for hits in the photos.
func photosOf(t testing.TB, ids []string) *photos {
	t.Helper()
	hits := &spool{}
	var e encoder
	for _, id := range ids {
		e.buf = e.buf[:0]
		(&hit{id: id}).append(&e)
		if _, err := hits.add(e.buf); err != nil {
			t.Fatal(err)
		}
	}
	p, err := newPhotos(hits, len(ids))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// imageList makes an image list with everything that a file can do to a reader.
func imageList(rng *rand.Rand, rows int) (data []byte, ids []string) {
	var b bytes.Buffer
	b.WriteString([]string{"ImageID,Title,OriginalURL,Rotation\n", "Title,ImageID,OriginalURL,Rotation\r\n"}[rng.IntN(2)])
	titleFirst := b.Bytes()[0] == 'T'
	for range rows {
		id := hexID(rng.Uint64())
		switch rng.IntN(12) {
		case 0:
			id = fmt.Sprintf("photo-%d", rng.IntN(20))
		case 1:
			if len(ids) > 0 {
				id = ids[rng.IntN(len(ids))] // again
			}
		}
		ids = append(ids, id)
		title := []string{"", "plain", `"a, b"`, "\"two\nlines\"", "\"three\r\n\n lines\"", `said "so"`, `"a ""quote"""`, `"open`, `"closed"x`}[rng.IntN(9)]
		if rng.IntN(30) == 0 {
			id = `"` + id + `"`
		}
		first, second := id, title
		if titleFirst {
			first, second = second, first
		}
		row := fmt.Sprintf("%s,%s,http://x/%d,%s\n", first, second, rng.IntN(100), []string{"0.0", "90.0", "", "nan", "askew"}[rng.IntN(5)])
		if rng.IntN(20) == 0 {
			row = row[:rng.IntN(len(row))] + "\n"
		}
		b.WriteString(row)
	}
	return b.Bytes(), ids
}

// TestImageIndexEqualsScan joins random photos with random lists: in one go, in
// blocks, and through the index that this left.
func TestImageIndexEqualsScan(t *testing.T) {
	rng := rand.New(rand.NewPCG(61, 62))
	for round := range 120 {
		data, ids := imageList(rng, 1+rng.IntN(150))
		src := testDir{DirSource: DirSource(t.TempDir()), step: 1 + rng.Int64N(700)}
		name := src.write(t, data)
		for try := range 3 {
			var asked []string
			for range rng.IntN(20) {
				asked = append(asked, ids[rng.IntN(len(ids))], hexID(rng.Uint64()))
			}
			p := photosOf(t, asked)
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
			if err := ScanImages(t.Context(), bytes.NewReader(data), testList, p.has, row, bad); err != nil {
				want.Err = err.Error()
			}
			row, bad = into(&got)
			if err := readImages(t.Context(), src, File{Path: testList}, p, row, bad, nil); err != nil {
				got.Err = err.Error()
			}
			if d := gocmp.Diff(want, got); d != "" {
				t.Fatalf("round %d.%d of\n%s\n%s", round, try, data, d)
			}
			if _, err := os.Stat(name + indexEnding); (err == nil) != (want.Err == "") {
				t.Fatalf("round %d: index: %v, reading: %s", round, err, want.Err)
			}
		}
	}
}

// TestSegments looks photos up in an index of several segments, whose photos
// begin with the same digits.
func TestSegments(t *testing.T) {
	const n = segmentRows + segmentRows/3
	var file bytes.Buffer
	w := newIndexWriter(&file, photoIndex)
	g := &gleanings{}
	for i := range int64(n) {
		g.keys = append(g.keys, photoPlace{photoHash(photoKey(hexID(uint64(i / 2)))), 100 * i})
		if len(g.keys) == 5000 || i == n-1 {
			w.add(0, 1, g)
			g.keys = g.keys[:0]
		}
	}
	if err := w.finish(stamp{size: 100 * n}); err != nil {
		t.Fatal(err)
	}
	x, err := readIndex(bytes.NewReader(file.Bytes()), int64(file.Len()), photoIndex)
	if err != nil {
		t.Fatal(err)
	}
	f, err := x.finder()
	if err != nil || len(f.segments) != 2 {
		t.Fatalf("%d segments, %v", len(f.segments), err)
	}
	rng := rand.New(rand.NewPCG(63, 64))
	for range 2000 {
		i := rng.Int64N(n / 2)
		places, err := f.find(photoHash(photoKey(hexID(uint64(i)))), nil)
		if err != nil || len(places) < 2 || len(places) > 4 {
			t.Fatalf("photo %d: %v, %v", i, places, err)
		}
		found := 0
		for _, place := range places {
			if place == 200*i || place == 200*i+100 {
				found++
			}
		}
		if found != 2 {
			t.Fatalf("photo %d: %v", i, places)
		}
	}
}
