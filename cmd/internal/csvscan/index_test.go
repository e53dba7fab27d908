package csvscan

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// indexOf is the index of a list in memory.
func indexOf(t testing.TB, data []byte, kind Kind) []byte {
	t.Helper()
	var b bytes.Buffer
	x := newIndexWriter(&b, kind)
	bind := bindLabels
	if kind == ByKey {
		bind = bindImages
	}
	p := &scan[struct{}]{
		ctx: t.Context(), r: bytes.NewReader(data), size: int64(len(data)), index: x,
		Request: rowless(testList, bind),
	}
	if err := p.run(skipRows); err != nil {
		t.Fatal(err)
	}
	if err := x.finish(fingerprint{size: int64(len(data))}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// seal makes the checksums of a directory and a foot right again.
func seal(index []byte) {
	foot := index[len(index)-indexFoot:]
	at := int64(binary.LittleEndian.Uint64(foot))
	if size := int64(len(index) - indexFoot); at >= indexHead && at <= size {
		binary.LittleEndian.PutUint32(foot[8:], uint32(size-at))
		binary.LittleEndian.PutUint32(foot[12:], checksum(index[at:size]))
	}
	binary.LittleEndian.PutUint32(foot[16:], checksum(slices.Concat(index[:indexHead], foot[:16])))
}

// FuzzReadIndex reads whatever claims to be an index, with checksums that are
// right. It must neither panic nor find a row outside the list.
func FuzzReadIndex(f *testing.F) {
	list := oitest.BoxList(rand.New(rand.NewPCG(81, 82)), 30, true)
	photos, _ := oitest.ImageList(rand.New(rand.NewPCG(83, 84)), 30)
	photos = append(bytes.TrimRight(photos, "\n"), '\n')
	f.Add(indexOf(f, list, ByValue), false)
	f.Add(indexOf(f, photos, ByKey), true)
	f.Add([]byte(indexMagic), false)
	f.Fuzz(func(t *testing.T, data []byte, ofPhotos bool) {
		kind := ByValue
		if ofPhotos {
			kind = ByKey
		}
		if len(data) >= indexHead+indexFoot {
			data = slices.Clone(data)
			copy(data, indexHeader(kind))
			copy(data[len(data)-8:], indexMagic)
			seal(data)
		}
		x, err := readIndex(bytes.NewReader(data), int64(len(data)), kind)
		if err != nil {
			return
		}
		const size = 10_000
		r := &indexReader[string]{x: x, q: &Request[string]{}, size: size, segment: -1}
		for i := range x.labels {
			r.q.Values = append(r.q.Values, x.labels[i].name)
		}
		windows, spans, err := r.q.windows(x, size)
		if err != nil {
			return
		}
		for i := range windows {
			r.found = r.found[:0]
			w := &windows[i]
			for k := range w.spans {
				s := &spans[w.spans[k]]
				if r.chunk, err = x.part(r.chunk, s.at, s.size, s.sum); err == nil {
					r.found, _ = x.rowsIn(s, r.chunk, w.from, w.before, size, r.found)
				}
			}
			for _, ref := range r.found {
				if ref.offset < max(0, w.from) || ref.offset >= min(size, w.before) {
					t.Fatalf("place %d from %d before %d", ref.offset, w.from, w.before)
				}
				if x.form != "" {
					_, _ = r.key(ref.photo)
				}
			}
		}
		tables, err := x.keyTables()
		if err != nil {
			return
		}
		_, _ = x.places(tables, hashesOf("", "photo-1", oitest.HexID(1), oitest.HexID(1<<63)))
	})
}

// hashesOf returns the hashes of some keys, sorted.
func hashesOf(keys ...string) (list []keyHash) {
	for i, key := range keys {
		list = append(list, keyHash{hashKey(Key64(key)), int32(i)})
	}
	slices.SortFunc(list, func(a, b keyHash) int { return cmp.Compare(a.hash, b.hash) })
	return list
}

// TestPutUvarint compares with the library's.
func TestPutUvarint(t *testing.T) {
	rng := rand.New(rand.NewPCG(85, 86))
	for range 100_000 {
		v := rng.Uint64() >> rng.IntN(65)
		var want, got [binary.MaxVarintLen64]byte
		n, m := binary.PutUvarint(want[:], v), putUvarint(got[:], v)
		if n != m || !bytes.Equal(want[:n], got[:m]) {
			t.Fatalf("%d: got %x, want %x", v, got[:m], want[:n])
		}
	}
}

// TestLabelTable finds labels in rows of all shapes, or leaves them to others.
func TestLabelTable(t *testing.T) {
	rng := rand.New(rand.NewPCG(87, 88))
	for range 300 {
		var table labelTable
		ids := map[string]uint32{}
		for range rng.IntN(200) {
			label := randomText(rng, 1+rng.IntN(18))
			if _, ok := ids[label]; !ok {
				ids[label] = uint32(len(ids))
				table.add([]byte(label), ids[label])
			}
		}
		ids["unknown"] = 1 << 20
		for label, want := range ids {
			row := oitest.HexID(rng.Uint64()) + "," + randomText(rng, rng.IntN(20)) + "," + label
			if rng.IntN(5) > 0 {
				row += "," + randomText(rng, rng.IntN(50))
			}
			block := row + "\n" + "0123456789abcdef,source,/m/a,1,0.1,0.2,0.3,0.4,0,0,0,0,0,and more of it\n"
			id, after, ok := table.find((*[lookBack]byte)([]byte(block)))
			if ok && (id != want || len(label) > 15 || !strings.HasSuffix(row[:after], ","+label+",")) {
				t.Fatalf("%q: got %d, want %d of %q", row, id, want, label)
			}
			fields := bytes.Split([]byte(row), []byte{','})
			if easy := len(label) <= 15 && len(fields) > 3 && len(fields[1]) < 16; easy && !ok && want < 1<<20 {
				t.Fatalf("%q is not found", row)
			}
		}
	}
}

func randomText(rng *rand.Rand, n int) string {
	text := make([]byte, n)
	for i := range text {
		text[i] = "/m0123456789abcdef_\x00\xff"[rng.IntN(21)]
	}
	return string(text)
}

// BenchmarkIndex makes an index of a box list, in bytes of the list.
func BenchmarkIndex(b *testing.B) {
	data := oitest.BigList(21, 200_000)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		indexOf(b, data, ByValue)
	}
}

// BenchmarkKeyIndex makes an index of an image list.
func BenchmarkKeyIndex(b *testing.B) {
	var list bytes.Buffer
	list.WriteString("ImageID,Subset,OriginalURL,OriginalLandingURL,License,AuthorProfileURL,Author,Title,OriginalSize,OriginalMD5,Thumbnail300KURL,Rotation\n")
	rng := rand.New(rand.NewPCG(89, 90))
	for range 100_000 {
		title := []string{"Lunch at the corner", `"a ""quoted"" one"`, "\"in two\nlines\""}[max(rng.IntN(20)-17, 0)]
		list.WriteString(oitest.HexID(rng.Uint64()) + ",train,https://farm3.staticflickr.com/5310/5898076654_51085e157c_o.jpg,https://www.flickr.com/photos/someone/5898076654,https://creativecommons.org/licenses/by/2.0/,https://www.flickr.com/people/someone/,Some One," +
			title + ",4405052,KFukvivpCM5QXl5SqKe41g==,https://c1.staticflickr.com/6/5310/5898076654_00643a940c_z.jpg,0.0\n")
	}
	b.SetBytes(int64(list.Len()))
	for b.Loop() {
		indexOf(b, list.Bytes(), ByKey)
	}
}

// TestSegments looks photos up in an index of several segments, whose photos
// begin with the same digits.
func TestSegments(t *testing.T) {
	const n = segmentRows + segmentRows/3
	var file bytes.Buffer
	w := newIndexWriter(&file, ByKey)
	g := &blockEntries{}
	for i := range int64(n) {
		g.keys = append(g.keys, keyEntry{hashKey(Key64(oitest.HexID(uint64(i / 2)))), 100 * i})
		if len(g.keys) == 5000 || i == n-1 {
			w.add(0, 1, g)
			g.keys = g.keys[:0]
		}
	}
	if err := w.finish(fingerprint{size: 100 * n}); err != nil {
		t.Fatal(err)
	}
	x, err := readIndex(bytes.NewReader(file.Bytes()), int64(file.Len()), ByKey)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := x.keyTables()
	if err != nil || len(tables) != 2 {
		t.Fatalf("%d segments, %v", len(tables), err)
	}
	rng := rand.New(rand.NewPCG(63, 64))
	for _, count := range []int{1, 2, 100, 10_000} {
		var keys []string
		var want []keyPlace
		for i := range int32(count) {
			photo := rng.Int64N(n)
			keys = append(keys, oitest.HexID(uint64(photo)))
			if photo < n/2 { // the others are not there
				want = append(want, keyPlace{200 * photo, i}, keyPlace{200*photo + 100, i})
			}
		}
		got, err := x.places(tables, hashesOf(keys...))
		if err != nil {
			t.Fatal(err)
		}
		for _, list := range [][]keyPlace{want, got} {
			slices.SortFunc(list, func(a, b keyPlace) int { return cmp.Or(cmp.Compare(a.offset, b.offset), cmp.Compare(a.key, b.key)) })
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%d photos: got %d places, want %d", count, len(got), len(want))
		}
	}
}
