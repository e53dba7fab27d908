package record_test

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opensandwich/oi/record"
)

// addGolden adds the golden files whose names end in suffix as seeds.
func addGolden(f *testing.F, suffix string, add func([]byte)) {
	f.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "golden", "*"+suffix))
	if err != nil {
		f.Fatal(err)
	}
	if len(files) == 0 {
		f.Fatal("no seeds")
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		add(data)
	}
}

// bounded reads data and fails if that costs much more memory than the input
// has bytes. The factor is for records of few bytes that are large as structs.
func bounded(t *testing.T, data []byte, opts ...record.ReaderOption) (all []record.Record, err error) {
	t.Helper()
	used := allocated(func() { all, err = readAll(bytes.NewReader(data), opts...) })
	if most := uint64(8<<20 + 200*len(data)); used > most {
		t.Errorf("%d bytes of input cost %d bytes", len(data), used)
	}
	return all, err
}

// stable checks that what was read can be written and read again, that its
// bytes are then always the same, and that its JSON is too, where JSON can
// say it.
func stable(t *testing.T, all []record.Record) {
	t.Helper()
	data := encode(t, record.Binary, all)
	again, err := readAll(bytes.NewReader(data), record.SinglePiece())
	if kinds(all) != kinds(again) {
		again, err = readAll(bytes.NewReader(data))
	}
	if err != nil {
		t.Fatalf("written, it cannot be read: %v", err)
	}
	if !bytes.Equal(encode(t, record.Binary, again), data) {
		t.Fatalf("written twice, the bytes differ:\n%q", data)
	}
	var out bytes.Buffer
	w := record.NewWriter(&out, record.FramedJSON)
	for _, r := range all {
		if err := w.Write(r); err != nil {
			if strings.Contains(err.Error(), "finite") {
				return
			}
			t.Fatalf("binary can say it, JSON cannot: %v", err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	text := out.Bytes()
	back, err := readAll(bytes.NewReader(text), record.SinglePiece())
	if kinds(all) != kinds(back) {
		back, err = readAll(bytes.NewReader(text))
	}
	if err != nil {
		t.Fatalf("written as JSON, it cannot be read: %v\n%s", err, text)
	}
	if got := encode(t, record.FramedJSON, back); !bytes.Equal(got, text) {
		t.Fatalf("JSON differs:\n%s\n%s", text, got)
	}
}

func FuzzReader(f *testing.F) {
	addGolden(f, ".oi", func(data []byte) { f.Add(data, false, false) })
	addGolden(f, "full.oi", func(data []byte) {
		f.Add(append(bytes.Clone(data[:100]), data[102:]...), true, false)
		f.Add(data, false, true)
	})
	for _, data := range hostile() {
		f.Add(data, true, true)
	}
	f.Fuzz(func(t *testing.T, data []byte, salvage, pieces bool) {
		var opts []record.ReaderOption
		if salvage {
			opts = append(opts, record.Salvage())
		}
		if pieces {
			opts = append(opts, record.SinglePiece())
		}
		all, err := bounded(t, data, opts...)
		if err != nil || pieces && len(all) > 0 && isRaw(all[len(all)-1]) {
			return
		}
		stable(t, all)
	})
}

// isRaw reports whether r is the part of a raw piece, which no stage has
// counted and which is not to be written.
func isRaw(r record.Record) bool {
	p, ok := r.(*record.Part)
	return ok && len(p.Stages) == 0
}

// FuzzSealed gives the bytes a right trailer, so that they get as far as the
// fields.
func FuzzSealed(f *testing.F) {
	for _, r := range goldenStreams(f)[0].records {
		data := writeLoose(f, record.Binary, r)
		f.Add(data[:len(data)-18])
	}
	for _, r := range embeddingStream(f)[1:3] {
		data := writeLoose(f, record.Binary, r)
		f.Add(data[:len(data)-18])
	}
	f.Add([]byte("\x82\xa2id\xa1a\xa1x\xca\x7f\xc0\x00\x00"))
	f.Fuzz(func(t *testing.T, body []byte) {
		opener := encode(t, record.Binary, []record.Record{head()})
		closer := encode(t, record.Binary, []record.Record{head(), &record.End{}})[len(opener):]
		if all, err := bounded(t, bytes.Join([][]byte{opener, seal(body), closer}, nil)); err == nil {
			stable(t, all)
		}
	})
}

func FuzzJSON(f *testing.F) {
	addGolden(f, ".json", func(data []byte) { f.Add(data) })
	for _, text := range []string{`{"id":"a","x":{"$$bin":1}}`, `{"id":"\ud83c\udf54"}`, ` {"id":"a"} {"id":"b","x":[1.5e3,{}]}`, `{"a":[[[[[[[[[[[[[[[[[[`,
		`{"id":"a","embedding":{"data":[1,-0,2.5e-8,65504],"side":1,"dtype":"float16","of":"` + strings.Repeat("0a", 32) + `"}}`,
		`{"id":"a","embedding":{"data":{"$bin":"ADw="},"side":1,"dtype":"float16","of":"` + strings.Repeat("0a", 32) + `"}}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 0 && text[0] != '{' {
			text = append([]byte{' '}, text...)
		}
		if all, err := bounded(t, text); err == nil {
			stable(t, all)
		}
	})
}

func FuzzRoundTrip(f *testing.F) {
	f.Add("000411001ff7dd4f", "Hamburger", 0.25, int64(7), uint64(1)<<63, []byte{1, 2, 3}, "note", []byte{0xc0})
	f.Add("", "\xff", math.Inf(1), int64(-1), uint64(0), []byte(nil), "id", []byte{0xdf, 0xff})
	f.Add("a", "$\x00", math.Copysign(0, -1), int64(1)<<60, uint64(1), make([]byte, 5000), "$bin", []byte{0x81, 0xa4, '$', 'b', 'i', 'n', 0xa0})
	f.Fuzz(func(t *testing.T, id, text string, number float64, whole int64, seed uint64, payload []byte, key string, value []byte) {
		item := &record.Item{
			ID:         id,
			Label:      &record.Label{Name: text},
			Avoid:      []record.Rect{{XMin: number, Extra: []record.Field{{Key: key, Value: value}}}},
			Image:      &record.Image{Title: text, OriginalSize: whole, Rotation: &number},
			Fetched:    &record.Fetched{Bytes: payload},
			Augment:    &record.Augment{Seed: seed, Theta: number},
			Prediction: &record.Prediction{Probabilities: map[string]float64{text: number}},
			Extra:      []record.Field{{Key: key, Value: value}},
		}
		var out bytes.Buffer
		w := record.NewWriter(&out, record.Binary)
		if err := w.Write(head()); err != nil {
			t.Fatal(err)
		}
		if err := w.Write(item); err != nil {
			return
		}
		all := []record.Record{head(), item, &record.End{}}
		got := decode(t, encode(t, record.Binary, all))
		if diff := same(all, got); diff != "" {
			t.Fatal(diff)
		}
		stable(t, all)
	})
}
