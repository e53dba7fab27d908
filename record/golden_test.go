package record_test

import (
	"bytes"
	"encoding/binary"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/opensandwich/oi/record"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// A goldenStream is a stream as records and as files: NAME.oi, NAME.json
// (framed) and NAME.items.json (plain).
type goldenStream struct {
	name    string
	records []record.Record // as written
	read    []record.Record // as read, where that differs
	// complete holds the numbers of records after which the stream is
	// complete as well.
	complete []int
}

func goldenStreams(t testing.TB) []goldenStream {
	return []goldenStream{
		{name: "full", records: fullStream(t)},
		{name: "minimal", records: []record.Record{&record.Header{Version: 1}, &record.End{}}},
		{name: "expected", records: []record.Record{
			&record.Header{Version: 1, Stages: []record.Stage{{Tool: "oi-boxes"}}, Completeness: "unchecked", Expected: 1<<53 + 1},
			&record.Item{ID: "a"},
			&record.End{},
		}},
		{name: "embedding", records: embeddingStream(t)},
		{name: "context", records: contextStream(t)},
		accountStream(),
		{
			name: "segments",
			records: []record.Record{
				&record.Header{Version: 1, Classes: []record.Class{{MID: "/m/0l515", Name: "Sandwich"}}},
				&record.Item{ID: "b"},
				&record.End{Stages: []record.StageCounts{{Tool: "oi-boxes", In: 1, Out: 1}}},
				&record.Header{Version: 1, Classes: []record.Class{{MID: "/m/0cdn1", Name: "Hamburger"}}, Completeness: "unchecked"},
				&record.Item{ID: "a"},
				&record.End{Damage: &record.Damage{Regions: 1, Bytes: 77}},
			},
			complete: []int{3},
		},
		{
			name: "pieces",
			records: []record.Record{
				pieceHeader(),
				&record.Item{ID: "a"},
				&record.Part{Total: -1, Stages: []record.StageCounts{{Tool: "oi-crop", In: 2, Out: 1, Skipped: map[string]int64{"decode": 1}}}},
				pieceHeader(),
				&record.Part{Total: 3, Stages: []record.StageCounts{{Tool: "oi-crop", In: 0, Out: 0}},
					Upstream: []record.StageCounts{{Tool: "oi-fetch", In: 3, Out: 3}}},
				pieceHeader(),
				&record.Item{ID: "c"},
				&record.Part{Total: -1, Stages: []record.StageCounts{{Tool: "oi-crop", In: 1, Out: 1}},
					Damage: &record.Damage{Regions: 2, Bytes: 300}},
			},
			read: []record.Record{
				pieceHeader(),
				&record.Item{ID: "a"},
				&record.Item{ID: "c"},
				&record.End{
					Stages: []record.StageCounts{
						{Tool: "oi-fetch", In: 3, Out: 3},
						{Tool: "oi-crop", In: 3, Out: 2, Skipped: map[string]int64{"decode": 1}},
					},
					Damage: &record.Damage{Regions: 2, Bytes: 300},
				},
			},
		},
	}
}

func pieceHeader() *record.Header {
	return &record.Header{
		Version: 1,
		Classes: []record.Class{{MID: "/m/0cdn1", Name: "Hamburger"}},
		Stages:  []record.Stage{{Tool: "oi-fetch", Version: "1.0"}},
	}
}

// raw encodes v for use under an unknown key.
func raw(t testing.TB, v any) record.Raw {
	t.Helper()
	var buf bytes.Buffer
	e := msgpack.NewEncoder(&buf)
	e.UseCompactInts(true)
	e.SetSortMapKeys(true)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func extra(t testing.TB, where string) []record.Field {
	return []record.Field{{Key: "note", Value: raw(t, "unknown in "+where)}, {Key: "a_" + where, Value: raw(t, nil)}}
}

// fullStream uses every key, and every type under unknown keys.
func fullStream(t testing.TB) []record.Record {
	rotation := 270.0
	data := make([]byte, 2*3*3)
	for i := range data {
		data[i] = byte(14 * i)
	}
	unknown := []record.Field{
		{Key: "nothing", Value: raw(t, nil)},
		{Key: "yes", Value: raw(t, true)},
		{Key: "small", Value: raw(t, -5)},
		{Key: "exact", Value: raw(t, int64(1)<<53)},
		{Key: "beyond", Value: raw(t, int64(1)<<53+1)},
		{Key: "lowest", Value: raw(t, int64(math.MinInt64))},
		{Key: "highest", Value: raw(t, uint64(math.MaxUint64))},
		{Key: "whole_number", Value: raw(t, 3.0)},
		{Key: "minus_zero", Value: raw(t, math.Copysign(0, -1))},
		{Key: "tiny", Value: raw(t, 5e-324)},
		{Key: "huge", Value: raw(t, math.MaxFloat64)},
		{Key: "text", Value: raw(t, "quote \" backslash \\ tab \t bell \a csi \u009b é 漢 🍔 </script>")},
		{Key: "empty", Value: raw(t, "")},
		{Key: "not_utf8", Value: append(record.Raw{0xa4}, 'a', 0xff, 0xfe, 'b')},
		{Key: "bytes", Value: raw(t, []byte{0, 1, 2, 0xff})},
		{Key: "no_bytes", Value: raw(t, []byte{})},
		{Key: "ext_fix", Value: record.Raw{0xd4, 0x05, 0x2a}},
		{Key: "ext_8", Value: record.Raw{0xc7, 0x03, 0x7f, 1, 2, 3}},
		{Key: "list", Value: raw(t, []any{1, "two", []any{3.5}, map[string]any{"four": []byte{4}}})},
		{Key: "map", Value: raw(t, map[string]any{"$bin": "not a form", "$$": 1, "plain": 2, "": 3})},
		{Key: "form_like", Value: raw(t, map[string]any{"$bin": "AAEC"})},
		{Key: "$top", Value: raw(t, 1)},
		{Key: "many", Value: raw(t, manyKeys())},
	}
	full := &record.Item{
		ID: "000411001ff7dd4f", Key: "000411001ff7dd4f-01234567", Subset: "train", Set: "val",
		Label: &record.Label{MID: "/m/0cdn1", Name: "Hamburger", Extra: extra(t, "label")},
		Box: &record.Box{XMin: 0.1875, XMax: 0.87437505, YMin: 1e-7, YMax: 1, Occluded: 1, Truncated: 0, GroupOf: -1,
			Depiction: 0, Inside: 1, Extra: extra(t, "box")},
		Avoid: []record.Rect{{XMin: 0.5, XMax: 0.75, YMin: 0.25, YMax: 0.5}, {XMax: 1. / 3, YMax: 2. / 3, Extra: extra(t, "rect")}},
		Image: &record.Image{
			URL: "https://example.org/o.jpg", LandingURL: "https://example.org/", ThumbnailURL: "https://example.org/t.jpg",
			License: "https://creativecommons.org/licenses/by/2.0/", Author: "Ünïcode", AuthorURL: "https://example.org/a",
			Title: "", Rotation: &rotation, OriginalMD5: "0KJh3ddq4mFVGmwCbWmZ2g==", OriginalSize: 1 << 60, Extra: extra(t, "image"),
		},
		Fetched: &record.Fetched{URL: "https://example.org/o.jpg", Source: "flickr", SHA256: strings.Repeat("0123456789abcdef", 4),
			MediaType: "image/jpeg", Bytes: []byte("\xff\xd8\xff not a JPEG"), Extra: extra(t, "fetched")},
		Crop: &record.Crop{X: 1, Y: 2, Width: 3, Height: 4, Rotation: 90, SourceWidth: 1024, SourceHeight: 768, Background: true,
			Extra: extra(t, "crop")},
		Tensor: &record.Tensor{Shape: []int{2, 3, 3}, DType: "uint8", Data: data, Extra: extra(t, "tensor")},
		Augment: &record.Augment{Epoch: 2, Copy: 1, Seed: math.MaxUint64, Theta: -17.5, TX: 0.1, TY: -0.1, Shear: 2, ZX: 0.95, ZY: 1.05,
			FlipH: true, FlipV: false, Extra: extra(t, "augment")},
		Prediction: &record.Prediction{Label: "Hamburger", Probabilities: map[string]float64{"Sandwich": 0.25, "Hamburger": 0.75},
			Extra: extra(t, "prediction")},
		Failure: &record.Failure{Stage: "oi-crop", Reason: "decode", Detail: "not a JPEG", Extra: extra(t, "failure")},
		Extra:   unknown,
	}
	return []record.Record{
		&record.Header{
			Version: 1,
			Classes: []record.Class{{MID: "/m/0cdn1", Name: "Hamburger", Extra: extra(t, "class")}, {Name: "not Hamburger"}},
			Stages: []record.Stage{
				{Tool: "oi-boxes", Version: "1.0", Args: map[string]string{"subset": "validation", "class": "Hamburger"}, Extra: extra(t, "stage")},
				{Tool: "oi-fetch"},
			},
			Completeness: "unchecked",
			Extra:        extra(t, "header"),
		},
		full,
		&record.Item{ID: "a"},
		&record.Item{ID: "bare-parts_1", Avoid: []record.Rect{}, Fetched: &record.Fetched{Bytes: []byte{}}, Image: &record.Image{},
			Augment: &record.Augment{Epoch: 1}, Prediction: &record.Prediction{}},
		&record.End{
			Stages: []record.StageCounts{
				{Tool: "oi-boxes", In: 1 << 62, Out: 3, Removed: map[string]int64{"filter": 1<<62 - 3}},
				{Tool: "oi-fetch", In: 3, Out: 3, Added: map[string]int64{"background": 1}, Skipped: map[string]int64{"status 404": 1},
					Extra: extra(t, "count")},
			},
			Damage: &record.Damage{Regions: 1, Bytes: 4096, Extra: extra(t, "loss")},
			Extra:  extra(t, "end"),
		},
	}
}

// embeddingStream has numbers of both types: ordinary ones, the largest, the
// smallest and zeros of both signs.
func embeddingStream(t testing.TB) []record.Record {
	halves := []byte{0x00, 0x3c, 0x55, 0xb5, 0xff, 0x7b, 0xff, 0xfb, 0x01, 0x00, 0xff, 0x83, 0x00, 0x00, 0x00, 0x80, 0x66, 0x2e}
	var singles []byte
	for _, f := range []float32{1, -1. / 3, math.MaxFloat32, math.SmallestNonzeroFloat32, 0.1, float32(math.Copysign(0, -1)), 16777216, 1e-7} {
		singles = binary.LittleEndian.AppendUint32(singles, math.Float32bits(f))
	}
	of, pixels := strings.Repeat("0123456789abcdef", 4), strings.Repeat("fedcba9876543210", 4)
	return []record.Record{
		&record.Header{Version: 1, Stages: []record.Stage{{Tool: "oi-eval"}}},
		&record.Item{ID: "a", Crop: &record.Crop{Width: 1, Height: 1},
			Embedding: &record.Embedding{Of: of, DType: "float16", Side: 128, Pixels: pixels, Data: halves, Extra: extra(t, "embedding")}},
		&record.Item{ID: "b", Embedding: &record.Embedding{Of: of, DType: "float32", Side: 224, Data: singles}},
		&record.End{},
	}
}

// contextStream has items of two views, of different sizes.
func contextStream(t testing.TB) []record.Record {
	view := func(shape ...int) *record.Tensor {
		data := make([]byte, shape[0]*shape[1]*shape[2])
		for i := range data {
			data[i] = byte(17 * i)
		}
		return &record.Tensor{Shape: shape, DType: "uint8", Data: data}
	}
	first, second := view(2, 2, 3), view(1, 3, 3)
	second.Extra = extra(t, "context")
	return []record.Record{
		&record.Header{Version: 1, Stages: []record.Stage{{Tool: "oi-crop", Args: map[string]string{"two_views": "3x1"}}}},
		&record.Item{ID: "a", Crop: &record.Crop{Width: 1, Height: 1}, Tensor: first, Context: second,
			Augment: &record.Augment{Epoch: 1}, Extra: extra(t, "item")},
		&record.Item{ID: "b", Context: view(1, 1, 3)},
		&record.Item{ID: "c", Embedding: &record.Embedding{Of: strings.Repeat("ab", 32), DType: "float16", Side: 2, Context: 3, Data: []byte{0, 0}}},
		&record.End{},
	}
}

// manyKeys is a map that needs a longer header.
func manyKeys() map[string]any {
	m := make(map[string]any)
	for c := 'a'; c <= 't'; c++ {
		m[string(c)] = int(c)
	}
	return m
}

func encode(t testing.TB, to record.Encoding, records []record.Record) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := record.NewWriter(&buf, to)
	for _, r := range records {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// readAll returns the records before the first error, and the error unless it
// is io.EOF.
func readAll(r io.Reader, opts ...record.ReaderOption) ([]record.Record, error) {
	var all []record.Record
	in := record.NewReader(r, opts...)
	for {
		rec, err := in.Read()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, rec)
	}
}

func decode(t testing.TB, data []byte, opts ...record.ReaderOption) []record.Record {
	t.Helper()
	all, err := readAll(bytes.NewReader(data), opts...)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// same compares records; an empty list is the same as none except in avoid.
func same(a, b any) string {
	lists := cmp.FilterPath(func(p cmp.Path) bool {
		return p.Last().String() == ".Classes" || p.Last().String() == ".Stages"
	}, cmp.FilterValues(func(a, b any) bool { return empty(a) && empty(b) }, cmp.Ignore()))
	return cmp.Diff(a, b, lists,
		cmp.Comparer(func(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }))
}

func empty(v any) bool {
	switch v := v.(type) {
	case []record.Class:
		return len(v) == 0
	case []record.Stage:
		return len(v) == 0
	case []record.StageCounts:
		return len(v) == 0
	}
	return false
}

func TestGolden(t *testing.T) {
	for _, g := range goldenStreams(t) {
		t.Run(g.name, func(t *testing.T) {
			files := []struct {
				name     string
				encoding record.Encoding
			}{
				{g.name + ".oi", record.Binary},
				{g.name + ".json", record.FramedJSON},
				{g.name + ".items.json", record.JSON},
			}
			for _, f := range files {
				path := filepath.Join("testdata", "golden", f.name)
				got := encode(t, f.encoding, g.records)
				if *update {
					if err := os.WriteFile(path, got, 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, want) {
					t.Fatalf("%s: written anew it differs; look at the difference, then run with -update\n%s",
						path, cmp.Diff(string(want), string(got)))
				}
				if f.encoding == record.JSON {
					testPlain(t, g, want)
					continue
				}
				wantRead := g.read
				if wantRead == nil {
					wantRead = g.records
				}
				if diff := same(wantRead, decode(t, want)); diff != "" {
					t.Fatalf("%s: read (-want +got):\n%s", path, diff)
				}
			}
		})
	}
}

// testPlain reads plain JSON, which knows the items only.
func testPlain(t *testing.T, g goldenStream, data []byte) {
	t.Helper()
	if len(data) == 0 {
		return // a stream without items: as plain JSON, empty input
	}
	want := []record.Record{&record.Header{Version: 1, Completeness: "unchecked"}}
	for _, r := range g.records {
		if _, ok := r.(*record.Item); ok {
			want = append(want, r)
		}
	}
	want = append(want, &record.End{})
	in := record.NewReader(bytes.NewReader(data))
	var got []record.Record
	for {
		rec, err := in.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, rec)
	}
	if diff := same(want, got); diff != "" {
		t.Fatalf("plain JSON (-want +got):\n%s", diff)
	}
	if in.Encoding() != record.JSON {
		t.Errorf("encoding %v", in.Encoding())
	}
}

// The JSON of a record makes the same bytes as the record, unknown keys
// included.
func TestGoldenJSONToBinary(t *testing.T) {
	for _, g := range goldenStreams(t) {
		if g.read != nil {
			continue // reading joins its pieces
		}
		data, err := os.ReadFile(filepath.Join("testdata", "golden", g.name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join("testdata", "golden", g.name+".oi"))
		if err != nil {
			t.Fatal(err)
		}
		if got := encode(t, record.Binary, decode(t, data)); !bytes.Equal(got, want) {
			t.Errorf("%s: JSON read and written as binary differs:\n%q\n%q", g.name, got, want)
		}
	}
}

// Each golden file name belongs to a stream, so that no stale one stays.
func TestGoldenFilesAreUsed(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "golden", "*"))
	if err != nil {
		t.Fatal(err)
	}
	want := 3 * len(goldenStreams(t))
	if len(files) != want {
		t.Errorf("%d golden files, want %d: %v", len(files), want, files)
	}
}
