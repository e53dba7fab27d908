package record_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/opensandwich/oi/record"
)

var encodings = []record.Encoding{record.Binary, record.JSON, record.FramedJSON}

// checkAppend compares what an Encoder appends with the reference.
func checkAppend(t *testing.T, e *record.Encoder, rec record.Record) {
	t.Helper()
	got, err := e.Append([]byte("before"), rec)
	if err != nil {
		t.Fatalf("%+v: %v", rec, err)
	}
	want := append([]byte("before"), refBytes(t, rec)...)
	if !bytes.Equal(got, want) {
		t.Fatalf("%+v:\n got %q\nwant %q", rec, got, want)
	}
}

func TestAppendReference(t *testing.T) {
	e := record.NewEncoder(record.Binary)
	for _, g := range goldenStreams(t) {
		for _, rec := range g.records {
			checkAppend(t, e, rec)
		}
	}
	for seed := range uint64(40) {
		m := &maker{rand.New(rand.NewPCG(seed, 2)), t}
		for _, rec := range m.stream() {
			checkAppend(t, e, rec)
		}
		checkAppend(t, e, &record.Part{Stages: m.counts(), Total: m.count() - 1, Upstream: m.counts(), Damage: m.loss(), Extra: m.extra()})
	}
	// Around each width of an integer and of a length.
	for bit := range 63 {
		for _, n := range []int64{1<<bit - 2, 1<<bit - 1, 1 << bit} {
			checkAppend(t, e, &record.Item{ID: "a", Augment: &record.Augment{Seed: uint64(2 * n), Theta: float64(-n)},
				Box: &record.Box{Inside: -1}, Image: &record.Image{OriginalSize: max(n, 0)}})
			if n < 0 || n > 70000 {
				continue
			}
			checkAppend(t, e, &record.Item{ID: "a", Image: &record.Image{Title: strings.Repeat("t", int(n))},
				Fetched: &record.Fetched{Bytes: make([]byte, n)}, Avoid: make([]record.Rect, n)})
			reasons := map[string]int64{}
			for i := range min(n, 4096) {
				reasons[fmt.Sprint("r", i)] = i
			}
			checkAppend(t, e, &record.End{Stages: []record.StageCounts{{Tool: "t", Skipped: reasons}}})
		}
	}
}

func FuzzAppend(f *testing.F) {
	f.Add(uint64(1), "text", 0.25, int64(-33), []byte{1, 2, 3})
	f.Add(uint64(2), "", math.Copysign(0, -1), int64(math.MinInt64), []byte(nil))
	f.Add(uint64(3), "a\u009b", math.MaxFloat64, int64(math.MaxInt64), make([]byte, 300))
	f.Fuzz(func(t *testing.T, seed uint64, text string, number float64, whole int64, payload []byte) {
		m := &maker{rand.New(rand.NewPCG(seed, 3)), t}
		item := m.item()
		item.Image = &record.Image{Title: text, OriginalSize: whole, Rotation: &number}
		item.Fetched = &record.Fetched{Bytes: payload, MediaType: text}
		item.Augment = &record.Augment{Seed: uint64(whole), TX: number}
		item.Extra = append(item.Extra, record.Field{Key: "fuzz", Value: raw(t, whole)})
		e := record.NewEncoder(record.Binary)
		if _, err := e.Append(nil, item); err != nil {
			var format *record.FormatError
			if !errors.As(err, &format) {
				t.Fatal(err)
			}
			return
		}
		checkAppend(t, e, item)
		for range 3 { // items after it, of the same photo and of others
			next := m.item()
			if m.maybe() {
				next.Image = item.Image
			}
			checkAppend(t, e, next)
		}
	})
}

// The items of a stream, encoded by several Encoders and written in order, are
// the bytes that a Writer alone writes.
func TestWriteEncoded(t *testing.T) {
	for seed := range uint64(20) {
		m := &maker{rand.New(rand.NewPCG(seed, 4)), t}
		all := m.stream()
		all = append(all, m.header())
		for range 40 {
			item := smallItem()
			item.Image.Title = m.text()
			all = append(all, item)
		}
		all = append(all, &record.End{})
		for _, to := range encodings {
			want := encode(t, to, all)
			var out bytes.Buffer
			w := record.NewWriter(&out, to)
			encoders := []*record.Encoder{record.NewEncoder(to), record.NewEncoder(to), record.NewEncoder(to)}
			var batch []byte
			flush := func() {
				if err := w.WriteEncoded(batch); err != nil {
					t.Fatal(err)
				}
				batch = batch[:0]
			}
			for _, rec := range all {
				item, ok := rec.(*record.Item)
				if ok && m.maybe() {
					var err error
					if batch, err = encoders[m.IntN(3)].Append(batch, item); err != nil {
						t.Fatal(err)
					}
					continue
				}
				flush()
				if err := w.Write(rec); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(out.Bytes(), want) {
				t.Fatalf("seed %d, %v: the bytes differ", seed, to)
			}
		}
	}
}

// Only whole records are written, and only inside a segment.
func TestWriteEncodedChecks(t *testing.T) {
	for _, to := range encodings {
		e := record.NewEncoder(to)
		var two []byte
		for _, id := range []string{"a", "b"} {
			var err error
			if two, err = e.Append(two, &record.Item{ID: id}); err != nil {
				t.Fatal(err)
			}
		}
		var out bytes.Buffer
		w := record.NewWriter(&out, to)
		refuse := func(items []byte, why string) {
			t.Helper()
			var format *record.FormatError
			if err := w.WriteEncoded(items); !errors.As(err, &format) || !strings.Contains(err.Error(), why) {
				t.Errorf("%v, %q: %v, want %s", to, items, err, why)
			}
		}
		refuse(two, "record 1, byte 0: \"item\" before a header")
		if err := w.Write(head()); err != nil {
			t.Fatal(err)
		}
		refuse(two[:len(two)-1], "record 2,")
		refuse([]byte("\n\x00"), "whole records")
		if to == record.Binary {
			refuse(two[1:], "whole records")
			refuse([]byte("oi-rec1\n"), "whole records")
			refuse(append(bytes.Repeat([]byte{0xff}, 20), "oi-rec1\n"...), "whole records")
			refuse(append(make([]byte, 10), "oi-rec1\n"...), "whole records")
		}
		for _, items := range [][]byte{nil, two, {}} {
			if err := w.WriteEncoded(items); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Write(&record.Item{}); err == nil || !strings.HasPrefix(err.Error(), "record 4, ") {
			t.Errorf("%v: %v, want record 4", to, err)
		}
		if err := w.Write(&record.End{}); err != nil {
			t.Fatal(err)
		}
		refuse(two, "before a header")
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		want := encode(t, to, []record.Record{head(), &record.Item{ID: "a"}, &record.Item{ID: "b"}, &record.End{}})
		if !bytes.Equal(out.Bytes(), want) {
			t.Errorf("%v: the bytes differ", to)
		}
	}
}

// A record that breaks a rule leaves dst and the Encoder as they were.
func TestAppendErrors(t *testing.T) {
	for _, to := range encodings {
		e := record.NewEncoder(to)
		for _, c := range []struct {
			rec  record.Record
			want string
		}{
			{nil, "no record"},
			{(*record.Item)(nil), "no record"},
			{&record.Item{}, "id: empty"},
			{&record.Item{ID: "a", Avoid: []record.Rect{{}, {YMax: math.NaN()}}}, "avoid[1].ymax: NaN is not a finite number"},
			{&record.Item{ID: "a", Image: &record.Image{Title: "\xff"}}, "image.title: not valid UTF-8"},
			{&record.End{Stages: []record.StageCounts{{Tool: "t", Added: map[string]int64{"r": -1}}}}, "stages[0].added.r: count -1 is negative"},
		} {
			dst := []byte("kept")
			got, err := e.Append(dst, c.rec)
			var format *record.FormatError
			if !errors.As(err, &format) || err.Error() != c.want {
				t.Errorf("%v, %+v: %v, want %s", to, c.rec, err, c.want)
			}
			if string(got) != "kept" {
				t.Errorf("%v, %+v: appended %q", to, c.rec, got)
			}
			item := &record.Item{ID: "a", Image: &record.Image{}}
			if got, err = e.Append(dst, item); err != nil {
				t.Fatal(err)
			}
			stream := encode(t, to, []record.Record{head(), item})
			if !bytes.HasSuffix(stream, got[4:]) {
				t.Errorf("%v, after %+v: %q", to, c.rec, got)
			}
		}
	}
}

// Whatever changes between two items of one photo, or of two, is seen, also
// where the memory is the same.
func TestAppendSeesChangedImage(t *testing.T) {
	item := smallItem()
	e := record.NewEncoder(record.Binary)
	checkAppend(t, e, item)
	image := reflect.ValueOf(item.Image).Elem()
	for i := range image.NumField() {
		name, field := image.Type().Field(i).Name, image.Field(i)
		before, _ := e.Append(nil, item)
		switch v := field.Addr().Interface().(type) {
		case *string:
			*v += "2"
		case *int64:
			*v++
		case **float64:
			**v = 90
			checkAppend(t, e, item)
			*v = nil
		case *[]record.Field:
			*v = extra(t, "image")
			checkAppend(t, e, item)
			(*v)[0].Key = "other"
		default:
			t.Fatalf("a field of type %T", v)
		}
		checkAppend(t, e, item)
		if after, _ := e.Append(nil, item); bytes.Equal(before, after) {
			t.Errorf("%s changes no byte", name)
		}
	}
}

// No memory is set aside for a record where dst has room.
func TestAppendAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	item := fullStream(t)[1].(*record.Item)
	other := *smallItem()
	for _, to := range []record.Encoding{record.Binary, record.JSON} {
		records := []*record.Item{&other, smallItem()}
		if to == record.Binary { // the forms of JSON for unknown keys allocate
			records = append(records, item)
		}
		e := record.NewEncoder(to)
		dst := make([]byte, 0, 1<<20)
		if n := testing.AllocsPerRun(20, func() {
			for _, rec := range records {
				if _, err := e.Append(dst, rec); err != nil {
					t.Fatal(err)
				}
			}
		}); n > 0 {
			t.Errorf("%v: %v allocations", to, n)
		}
	}
}
