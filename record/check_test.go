package record_test

import (
	"bytes"
	"errors"
	"hash/crc32"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/record"
)

// seal puts the trailer behind a map that may break the rules.
func seal(body []byte) []byte {
	sum := crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli))
	n := len(body)
	return append(bytes.Clone(body), append([]byte{0xd8, 0x6f, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n),
		byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}, "oi-rec1\n"...)...)
}

// pairs builds a MessagePack map from keys and values, in order.
func pairs(t testing.TB, kv ...any) record.Raw {
	m := record.Raw{0x80 | byte(len(kv)/2)}
	for _, v := range kv {
		if v, ok := v.(record.Raw); ok {
			m = append(m, v...)
			continue
		}
		m = append(m, raw(t, v)...)
	}
	return m
}

// Records that are whole but wrong: read, they give an error that names the
// field.
func TestReaderRefuses(t *testing.T) {
	type kv = []any
	id := func(more ...any) kv { return append(kv{"id", "a"}, more...) }
	sub := func(more ...any) record.Raw { return pairs(t, more...) }
	box := func(more ...any) record.Raw {
		return pairs(t, append(kv{"xmin", 0.5, "xmax", 1, "ymin", 0.0, "ymax", 0.25}, more...)...)
	}
	hex64 := strings.Repeat("0a", 32)
	// vector is an embedding with some of its keys replaced.
	vector := func(kv ...any) record.Raw {
		all := []any{"of", hex64, "dtype", "float16", "side", 1, "data", []byte{0, 0}}
		for i := 0; i < len(kv); i += 2 {
			if at := slices.Index(all, kv[i]); at >= 0 {
				all[at+1] = kv[i+1]
			} else {
				all = append(all, kv[i], kv[i+1])
			}
		}
		return sub(all...)
	}
	tests := []struct {
		record kv
		field  string
		err    string
	}{
		{kv{"key", "a"}, "id", "missing"},
		{kv{"id", nil}, "id", "missing"},
		{kv{"id", ""}, "id", "empty"},
		{kv{"id", 5}, "id", "want a string, have an integer"},
		{kv{"id", "../../etc/passwd"}, "id", "only letters"},
		{kv{"id", "a b"}, "id", "only letters"},
		{kv{"id", "a\x00"}, "id", "only letters"},
		{kv{"id", strings.Repeat("a", 65)}, "id", "65 characters"},
		{id("key", strings.Repeat("a", 81)), "key", "81 characters"},
		{id("key", "a/b"), "key", "only letters"},
		{id("subset", "a/b"), "subset", "only letters"},
		{id("set", "valid"), "set", "train, val, test"},
		{id("set", 5), "set", "want a string"},
		{id("id", "b"), "id", "twice"},
		{id("x", 1, "x", 1), "x", "twice"},
		{id("label", sub("mid", "/m/1")), "label.name", "missing"},
		{id("label", sub("name", "x", "mid", record.Raw{0xa1, 0xff})), "label.mid", "UTF-8"},
		{id("label", "Hamburger"), "label", "want a map, have a string"},
		{id("box", sub("xmin", 1)), "box.xmax", "missing"},
		{id("box", box("occluded", 2)), "box.occluded", "outside -1 to 1"},
		{id("box", box("occluded", 1.0)), "box.occluded", "want an integer"},
		{id("box", box("occluded", true)), "box.occluded", "want an integer"},
		{id("box", sub("xmin", math.NaN(), "xmax", 1, "ymin", 0, "ymax", 0)), "box.xmin", "not a finite number"},
		{id("box", sub("xmin", "0.5", "xmax", 1, "ymin", 0, "ymax", 0)), "box.xmin", "want a number, have a string"},
		{id("box", sub("xmin", int64(1)<<53+1, "xmax", 1, "ymin", 0, "ymax", 0)), "box.xmin", "no exact float64"},
		{id("avoid", sub()), "avoid", "want an array"},
		{id("avoid", []any{1}), "avoid[0]", "want a map"},
		{id("avoid", record.Raw(append([]byte{0x92}, append(box(), box("ymin", 1)...)...))), "avoid[1].ymin", "twice"},
		{id("image", sub("rotation", "90")), "image.rotation", "want a number"},
		{id("image", sub("original_size", -1)), "image.original_size", "outside"},
		{id("image", sub("original_size", uint64(math.MaxUint64))), "image.original_size", "too large"},
		{id("fetched", sub("sha256", "ABC")), "fetched.sha256", "hex"},
		{id("fetched", sub("bytes", "text")), "fetched.bytes", "want bytes, have a string"},
		{id("crop", sub("x", -1)), "crop.x", "outside"},
		{id("crop", sub("x", 0, "y", 0, "width", 0)), "crop.width", "outside"},
		{id("tensor", sub("shape", []any{1, 1, 3}, "dtype", "uint8", "data", []byte{1, 2})), "tensor.data", "2 bytes for shape [1 1 3], want 3"},
		{id("tensor", sub("shape", []any{1, 3}, "dtype", "uint8", "data", []byte{1, 2, 3})), "tensor.shape", "2 sides"},
		{id("tensor", sub("shape", []any{1, 0, 3}, "dtype", "uint8", "data", []byte{})), "tensor.shape", "side 0"},
		{id("tensor", sub("shape", []any{1 << 40, 1 << 40, 3}, "dtype", "uint8", "data", []byte{})), "tensor.shape", "side"},
		{id("tensor", sub("shape", []any{1, 1, 3}, "dtype", "float32", "data", []byte{1, 2, 3})), "tensor.dtype", "uint8"},
		{id("tensor", sub("shape", []any{1, 1, 3}, "dtype", "uint8")), "tensor.data", "missing"},
		{id("context", sub("shape", []any{1, 1, 3}, "dtype", "uint8", "data", []byte{1, 2})), "context.data", "2 bytes for shape [1 1 3], want 3"},
		{id("context", sub("shape", []any{1 << 40, 1 << 40, 3}, "dtype", "uint8", "data", []byte{})), "context.shape", "side"},
		{id("context", sub("shape", []any{1, 1, 3}, "dtype", "uint8")), "context.data", "missing"},
		{id("context", 1), "context", "want a map"},
		{id("embedding", vector("of", "x")), "embedding.of", "hex"},
		{id("embedding", sub("dtype", "float16", "side", 1, "data", []byte{0, 0})), "embedding.of", "missing"},
		{id("embedding", sub("of", hex64, "side", 1, "data", []byte{0, 0})), "embedding.dtype", "missing"},
		{id("embedding", sub("of", hex64, "dtype", "float16", "data", []byte{0, 0})), "embedding.side", "missing"},
		{id("embedding", sub("of", hex64, "dtype", "float16", "side", 1)), "embedding.data", "missing"},
		{id("embedding", vector("dtype", "bfloat16")), "embedding.dtype", "not one of float16, float32"},
		{id("embedding", vector("side", 0)), "embedding.side", "outside"},
		{id("embedding", vector("context", -1)), "embedding.context", "outside"},
		{id("embedding", vector("pixels", "AB")), "embedding.pixels", "hex"},
		{id("embedding", vector("data", "text")), "embedding.data", "want bytes, have a string"},
		{id("embedding", vector("data", []byte{})), "embedding.data", "no numbers"},
		{id("embedding", vector("data", []any{})), "embedding.data", "no numbers"},
		{id("embedding", vector("data", []byte{1, 2, 3})), "embedding.data", "3 bytes are not numbers of 2 bytes"},
		{id("embedding", vector("data", []byte{0, 0, 0, 0x7c})), "embedding.data", "number 1 is infinite"},
		{id("embedding", vector("dtype", "float32", "data", []byte{0, 0, 0, 0, 1, 0, 0x80, 0xff})), "embedding.data", "number 1 is infinite or not a number"},
		{id("embedding", vector("data", []any{1, 65520})), "embedding.data[1]", "65520 is beyond what float16 can hold"},
		{id("embedding", vector("dtype", "float32", "data", []any{1e39})), "embedding.data[0]", "beyond what float32"},
		{id("embedding", vector("data", []any{1, "2"})), "embedding.data[1]", "want a number, have a string"},
		{id("embedding", vector("data", []any{math.NaN()})), "embedding.data[0]", "not a finite number"},
		{id("embedding", vector("data", make([]byte, 2<<20+2))), "embedding.data", "number of numbers of 1048577 is above the limit of 1048576"},
		{id("embedding", vector("data", make([]any, 1<<20+1))), "embedding.data", "number of numbers of 1048577"},
		{id("augment", sub("epoch", -1)), "augment.epoch", "outside"},
		{id("augment", sub("epoch", 1, "seed", -1)), "augment.seed", "negative"},
		{id("augment", sub("epoch", 1, "flip_h", 1)), "augment.flip_h", "want true or false"},
		{id("prediction", sub("probabilities", sub("a", "b"))), "prediction.probabilities.a", "want a number"},
		{id("prediction", sub("probabilities", sub("a", 1, "a", 1))), "prediction.probabilities.a", "twice"},
		{id("prediction", sub("neighbours", record.Raw(append([]byte{0x91}, sub("key", "a/b", "similarity", 1)...)))), "prediction.neighbours[0].key", "only letters"},
		{id("prediction", sub("neighbours", record.Raw(append([]byte{0x91}, sub("key", "a")...)))), "prediction.neighbours[0].similarity", "missing"},
		{id("failure", sub("stage", "oi-crop")), "failure.reason", "missing"},
		{id("failure", sub("stage", "oi-fetch", "reason", "gone", "status", 1000)), "failure.status", "outside"},
		{id("fetched", sub("earlier", record.Raw(append([]byte{0x91}, sub("source", "s3")...)))), "fetched.earlier[0].reason", "missing"},
		{kv{"oi", "banana"}, "oi", "header, end, part"},
		{kv{"oi", 5}, "oi", "want a string"},
		{kv{"oi", "end", "oi", "end"}, "oi", "twice"},
		{kv{"oi", "end", "stages", record.Raw(append([]byte{0x91}, sub("tool", "x", "in", 1)...))}, "stages[0].out", "missing"},
		{kv{"oi", "end", "stages", record.Raw(append([]byte{0x91}, sub("tool", "x", "in", -1, "out", 0)...))}, "stages[0].in", "outside"},
		{kv{"oi", "header", "version", 2}, "version", "version 2"},
		{kv{"oi", "header"}, "version", "missing"},
		{kv{"oi", "header", "version", 1, "completeness", "good"}, "completeness", "unchecked"},
		{kv{"oi", "part", "stages", []any{}}, "stages", "missing"},
		{kv{"oi", "part", "total", -1}, "total", "outside"},
	}
	for _, tt := range tests {
		opener := encode(t, record.Binary, []record.Record{head()})
		body := pairs(t, tt.record...)
		in := record.NewReader(bytes.NewReader(append(opener, seal(body)...)))
		if _, err := in.Read(); err != nil {
			t.Fatal(err)
		}
		_, err := in.Read()
		var fe *record.FormatError
		if !errors.As(err, &fe) {
			t.Errorf("%.300q: %v", body, err)
			continue
		}
		if fe.Field != tt.field || !strings.Contains(fe.Err.Error(), tt.err) || fe.Record != 2 {
			t.Errorf("%.300q: %v\nwant record 2, field %s, %q", body, err, tt.field, tt.err)
		}
		if at := fe.Offset - int64(len(opener)); at < 0 || at >= int64(len(body)) {
			t.Errorf("%.300q: offset %d is outside the record, which begins at %d", body, fe.Offset, len(opener))
		}
	}
}

// Maps whose form is wrong do not get as far as their fields.
func TestReaderRefusesForms(t *testing.T) {
	for want, body := range map[string]string{
		"key is not a string":  "\x81\x01\x02",
		"key is not valid":     "\x81\xa1\xff\x02",
		"begins no":            "\x81\xa1k\xc1",
		"must be a MessagePac": "\x93\x01\x02\x03",
		"no trailer":           "\x80\x80",
	} {
		opener := encode(t, record.Binary, []record.Record{head()})
		_, err := readAll(bytes.NewReader(append(opener, seal([]byte(body))...)))
		var fe *record.FormatError
		if !errors.As(err, &fe) || !strings.Contains(err.Error(), want) || fe.Record != 2 || fe.Offset != int64(len(opener)) {
			t.Errorf("%q: %v, want %q", body, err, want)
		}
	}
}

// Each part of a trailer is looked at.
func TestReaderRefusesTrailers(t *testing.T) {
	opener := encode(t, record.Binary, []record.Record{head()})
	body := raw(t, map[string]any{"id": "a"})
	n := len(body)
	for i, want := range map[int]string{
		n:      "no trailer", // the ext's code
		n + 1:  "no trailer", // its type
		n + 5:  "the trailer says 7 bytes",
		n + 6:  "checksum",
		n + 9:  "checksum",
		n + 10: "no trailer", // the magic
		n + 17: "no trailer",
	} {
		sealed := seal(body)
		sealed[i]++
		_, err := readAll(bytes.NewReader(append(bytes.Clone(opener), sealed...)))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("byte %d of the trailer: %v, want %q", i-n, err, want)
		}
	}
	if _, err := readAll(bytes.NewReader(append(opener, seal(body)...))); !errors.Is(err, record.ErrTruncated) {
		t.Errorf("unchanged, the item is fine and the end missing: %v", err)
	}
}

// What other writers do and may do: another order of keys, wider integers,
// integers for numbers, float 32, nil for nothing.
func TestReaderTakesWhatItMay(t *testing.T) {
	body := pairs(t,
		"box", pairs(t,
			"ymax", record.Raw{0xca, 0x3f, 0, 0, 0}, // float 32
			"ymin", 0, "xmax", record.Raw{0xcf, 0, 0, 0, 0, 0, 0, 0, 1}, "xmin", record.Raw{0xd3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
			"occluded", record.Raw{0xd1, 0xff, 0xff}, "inside", nil),
		"future", record.Raw{0xd0, 0x05}, // an int 8 that a fixint would hold
		"label", nil,
		"id", record.Raw{0xd9, 0x01, 'a'}, // a longer form of a short string
	)
	opener := encode(t, record.Binary, []record.Record{head()})
	closer := encode(t, record.Binary, []record.Record{head(), &record.End{}})[len(opener):]
	all := decode(t, bytes.Join([][]byte{opener, seal(body), closer}, nil))
	want := &record.Item{
		ID:    "a",
		Box:   &record.Box{XMin: -1, XMax: 1, YMin: 0, YMax: 0.5, Occluded: -1, Truncated: -1, GroupOf: -1, Depiction: -1, Inside: -1},
		Extra: []record.Field{{Key: "future", Value: record.Raw{0xd0, 0x05}}},
	}
	if diff := same(want, all[1]); diff != "" {
		t.Error(diff)
	}
}

// The Writer keeps the same rules, writes nothing of a record that breaks
// them, and goes on.
func TestWriterRefuses(t *testing.T) {
	nan := math.NaN()
	item := func(change func(*record.Item)) *record.Item {
		i := &record.Item{ID: "a"}
		change(i)
		return i
	}
	with := func(fields ...record.Field) *record.Item { return &record.Item{ID: "a", Extra: fields} }
	tests := []struct {
		record record.Record
		field  string
		err    string
	}{
		{&record.Item{}, "id", "empty"},
		{&record.Item{ID: "a/b"}, "id", "only letters"},
		{item(func(i *record.Item) { i.Set = "validation" }), "set", "train, val, test"},
		{item(func(i *record.Item) { i.Label = &record.Label{} }), "label.name", "empty"},
		{item(func(i *record.Item) { i.Label = &record.Label{Name: "\xff"} }), "label.name", "UTF-8"},
		{item(func(i *record.Item) { i.Box = &record.Box{YMax: math.Inf(1)} }), "box.ymax", "finite"},
		{item(func(i *record.Item) { i.Box = &record.Box{GroupOf: 5} }), "box.group_of", "outside"},
		{item(func(i *record.Item) { i.Avoid = []record.Rect{{}, {XMax: nan}} }), "avoid[1].xmax", "finite"},
		{item(func(i *record.Item) { i.Image = &record.Image{Rotation: &nan} }), "image.rotation", "finite"},
		{item(func(i *record.Item) { i.Image = &record.Image{OriginalSize: -1} }), "image.original_size", "outside"},
		{item(func(i *record.Item) { i.Fetched = &record.Fetched{SHA256: "x"} }), "fetched.sha256", "hex"},
		{item(func(i *record.Item) { i.Crop = &record.Crop{} }), "crop.width", "outside"},
		{item(func(i *record.Item) { i.Tensor = &record.Tensor{} }), "tensor.shape", "0 sides"},
		{item(func(i *record.Item) {
			i.Tensor = &record.Tensor{Shape: []int{1, 1, 3}, DType: "uint8", Data: []byte{1}}
		}), "tensor.data", "1 bytes"},
		{item(func(i *record.Item) { i.Tensor = &record.Tensor{Shape: []int{1, 1, 1}, Data: []byte{1}} }), "tensor.dtype", "empty"},
		{item(func(i *record.Item) { i.Context = &record.Tensor{} }), "context.shape", "0 sides"},
		{item(func(i *record.Item) { i.Embedding = &record.Embedding{} }), "embedding.of", "empty"},
		{item(func(i *record.Item) {
			i.Embedding = &record.Embedding{Of: strings.Repeat("a", 64), DType: "float32", Side: 1, Data: []byte{1, 2}}
		}), "embedding.data", "2 bytes are not numbers"},
		{item(func(i *record.Item) {
			i.Embedding = &record.Embedding{Of: strings.Repeat("a", 64), DType: "float16", Side: 1, Data: []byte{0, 0xfc}}
		}), "embedding.data", "infinite"},
		{item(func(i *record.Item) { i.Prediction = &record.Prediction{Probabilities: map[string]float64{"a": nan}} }),
			"prediction.probabilities.a", "finite"},
		{item(func(i *record.Item) { i.Augment = &record.Augment{Copy: -1} }), "augment.copy", "outside"},
		{item(func(i *record.Item) { i.Augment = &record.Augment{Of: "X"} }), "augment.of", "hex"},
		{with(record.Field{Key: "id", Value: record.Raw{1}}), "id", "describes"},
		{with(record.Field{Key: "oi", Value: record.Raw{0xa3, 'e', 'n', 'd'}}), "oi", "describes"},
		{with(record.Field{Key: "x", Value: record.Raw{1}}, record.Field{Key: "x", Value: record.Raw{1}}), "x", "twice"},
		{with(record.Field{Key: "x"}), "x", "not one MessagePack value"},
		{with(record.Field{Key: "x", Value: record.Raw{0xc1}}), "x", "not one MessagePack value"},
		{with(record.Field{Key: "x", Value: record.Raw{1, 2}}), "x", "1 bytes after"},
		{with(record.Field{Key: "x", Value: record.Raw{0x92, 1}}), "x", "not one MessagePack value"},
		{with(record.Field{Key: "\xff", Value: record.Raw{1}}), "\xff", "UTF-8"},
		{&record.End{Stages: []record.StageCounts{{In: 1}}}, "stages[0].tool", "empty"},
		{&record.End{Stages: []record.StageCounts{{Tool: "x", In: -1}}}, "stages[0].in", "outside"},
		{&record.End{Stages: []record.StageCounts{{Tool: "x", Skipped: map[string]int64{"a": -1}}}}, "stages[0].skipped.a", "negative"},
		{&record.End{Damage: &record.Damage{Regions: -1}}, "salvaged.places", "outside"},
		{&record.Part{Total: -1}, "stages", "missing"},
		{head("again"), "", "a header inside a segment"},
		{nil, "", "no record"},
		{(*record.Item)(nil), "", "no record"},
	}
	for _, to := range []record.Encoding{record.Binary, record.FramedJSON, record.JSON} {
		var out bytes.Buffer
		w := record.NewWriter(&out, to)
		for _, r := range []record.Record{&record.Item{ID: "a"}, &record.End{}, &record.Part{}} {
			if err := w.Write(r); err == nil || !strings.Contains(err.Error(), "before a header") {
				t.Errorf("first record: %v", err)
			}
		}
		if err := w.Write(&record.Header{Version: 7}); err == nil || !strings.Contains(err.Error(), "version 7") {
			t.Errorf("%v", err)
		}
		if err := w.Write(head()); err != nil {
			t.Fatal(err)
		}
		for _, tt := range tests {
			err := w.Write(tt.record)
			var fe *record.FormatError
			if !errors.As(err, &fe) || fe.Field != tt.field || !strings.Contains(err.Error(), tt.err) || fe.Record != 2 {
				t.Errorf("%v: %+v: %v\nwant record 2, field %s, %q", to, tt.record, err, tt.field, tt.err)
			}
		}
		for _, r := range []record.Record{&record.Item{ID: "good"}, &record.End{}} {
			if err := w.Write(r); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		all := decode(t, out.Bytes())
		if kinds(all) != "header item end" || all[1].(*record.Item).ID != "good" {
			t.Errorf("%v: %q came out", to, kinds(all))
		}
	}
}

func TestWriterReportsTheWritersError(t *testing.T) {
	full := errors.New("disk full")
	for _, size := range []int{0, 10, 100 << 10} {
		for room := range 3 {
			w := record.NewWriter(&failingWriter{room: room * 1000, err: full}, record.Binary)
			var err error
			for _, r := range []record.Record{head(), &record.Item{ID: "a", Fetched: &record.Fetched{Bytes: make([]byte, size)}}, &record.End{}} {
				if err = w.Write(r); err != nil {
					break
				}
			}
			if err == nil {
				err = w.Flush()
			}
			total := size + 200
			if room*1000 < min(total, 200) && !errors.Is(err, full) {
				t.Errorf("payload %d, room %d: %v", size, room*1000, err)
			}
			if size > 2000 && !errors.Is(err, full) {
				t.Errorf("payload %d, room %d: %v", size, room*1000, err)
			}
			if err != nil {
				if again := w.Write(&record.End{}); !errors.Is(again, full) {
					t.Errorf("the error does not stick: %v", again)
				}
				if again := w.Flush(); !errors.Is(again, full) {
					t.Errorf("the error does not stick to Flush: %v", again)
				}
			}
		}
	}
	short := record.NewWriter(writerFunc(func(p []byte) (int, error) { return len(p) / 2, nil }), record.Binary)
	if err := short.Write(head()); err != nil {
		t.Fatal(err)
	}
	if err := short.Flush(); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("short write: %v", err)
	}
}

type failingWriter struct {
	room int
	err  error
}

func (w *failingWriter) Write(p []byte) (int, error) {
	if w.room -= len(p); w.room < 0 {
		return 0, w.err
	}
	return len(p), nil
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
