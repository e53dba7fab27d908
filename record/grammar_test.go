package record_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/record"
)

// writeLoose writes records in any order, with any counts.
func writeLoose(t testing.TB, to record.Encoding, records ...record.Record) []byte {
	t.Helper()
	encoder := record.NewEncoder(to)
	var all []byte
	for _, r := range records {
		var err error
		if all, err = encoder.AppendAny(all, r); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func head(classes ...string) *record.Header {
	h := &record.Header{Version: 1}
	for _, c := range classes {
		h.Classes = append(h.Classes, record.Class{Name: c})
	}
	return h
}

func thing(id string) *record.Item { return &record.Item{ID: id} }

func counted(tool string, in int64) []record.StageCounts {
	return []record.StageCounts{{Tool: tool, In: in, Out: in}}
}

func TestGrammar(t *testing.T) {
	cropped := func(in int64) *record.Part { return &record.Part{Total: -1, Stages: counted("oi-crop", in)} }
	last := func(in, total int64) *record.Part {
		return &record.Part{Total: total, Stages: counted("oi-crop", in), Upstream: counted("oi-fetch", total)}
	}
	ran := func(version, size string) *record.Header {
		h := head("a")
		h.Stages = []record.Stage{{Tool: "oi-boxes"}, {Tool: "oi-crop", Version: version, Args: map[string]string{"size": size}}}
		return h
	}
	end := &record.End{Stages: counted("oi-fetch", 2)}
	tests := []struct {
		name    string
		records []record.Record
		pieces  bool
		want    string // kinds that come out
		err     string // part of the error, "" for none
	}{
		{"one segment", []record.Record{head("a"), thing("x"), end}, false, "header item end", ""},
		{"no items", []record.Record{head("a"), end}, false, "header end", ""},
		{"two segments", []record.Record{head("a"), thing("x"), end, head("b"), end}, false, "header item end header end", ""},
		{"item first", []record.Record{thing("x"), end}, false, "", "begins with a header"},
		{"end first", []record.Record{end}, false, "", "begins with a header"},
		{"part first", []record.Record{cropped(1)}, false, "", "begins with a header"},
		{"item after end", []record.Record{head("a"), end, thing("x")}, false, "header end", "outside a segment"},
		{"end after end", []record.Record{head("a"), end, end}, false, "header end", "outside a segment"},
		{"no end", []record.Record{head("a"), thing("x")}, false, "header item", "stops early"},
		{"no end before a header", []record.Record{head("a"), thing("x"), head("a"), end}, false, "header item", "stops early"},

		{"pieces in order", []record.Record{head("a"), thing("x"), cropped(1), head("a"), thing("y"), last(1, 2)}, false,
			"header item item end", ""},
		{"pieces out of order", []record.Record{head("a"), thing("y"), last(1, 2), head("a"), thing("x"), cropped(1)}, false,
			"header item item end", ""},
		{"all pieces removed", []record.Record{head("a"), cropped(3), head("a"), last(2, 5)}, false, "header end", ""},
		{"a piece missing", []record.Record{head("a"), thing("x"), cropped(1), head("a"), last(1, 3)}, false,
			"header item", "2 of 3 items"},
		{"the last piece missing", []record.Record{head("a"), thing("x"), cropped(1)}, false, "header item", "no piece holds the end"},
		{"a piece twice", []record.Record{head("a"), cropped(1), head("a"), cropped(1), head("a"), last(1, 2)}, false,
			"header", "a piece twice?"},
		{"the last piece twice", []record.Record{head("a"), last(1, 3), head("a"), last(1, 3)}, false, "header", "second part with a total"},
		{"pieces, then a segment", []record.Record{head("a"), last(2, 2), head("b"), end}, false, "header end header end", ""},
		{"joined pieces twice", []record.Record{head("a"), last(2, 2), head("a"), last(2, 2)}, false, "header end header end", ""},
		{"pieces of two streams", []record.Record{head("a"), cropped(1), head("b"), last(1, 2)}, false, "header", "differs"},
		{"other stages", []record.Record{head("a"), cropped(1), head("a"),
			&record.Part{Total: -1, Stages: counted("oi-augment", 1)}}, false, "header", "oi-augment"},
		{"more stages", []record.Record{head("a"), cropped(1), head("a"),
			&record.Part{Total: -1, Stages: append(counted("oi-crop", 1), counted("oi-crop", 1)...)}}, false, "header", "2 stages"},
		{"pieces of two versions", []record.Record{ran("1", "8"), cropped(1), ran("2", "8"), last(1, 2)}, false, "header",
			`oi-crop is of version "1" in one, of "2" in the other`},
		{"pieces of other options", []record.Record{ran("1", "8"), cropped(1), ran("1", "9"), last(1, 2)}, false, "header",
			`oi-crop ran with size "8" in one, "9" in the other`},
		{"item between pieces", []record.Record{head("a"), cropped(1), thing("x")}, false, "header", "outside a segment"},
		{"piece with an end among parts", []record.Record{head("a"), cropped(1), head("a"), end}, false, "header", "every piece must close with a part"},
		{"sums too large", []record.Record{head("a"), cropped(1 << 62), head("a"), cropped(1 << 62)}, false, "header", "too large"},

		{"raw piece", []record.Record{head("a"), thing("x")}, true, "header item part", ""},
		{"raw piece with the end", []record.Record{head("a"), thing("x"), end}, true, "header item part", ""},
		{"piece of a piece", []record.Record{head("a"), thing("x"), cropped(1)}, true, "header item part", ""},
		{"piece without items", []record.Record{head("a")}, true, "header part", ""},
		{"piece without header", []record.Record{thing("x")}, true, "", "--header"},
		{"the header of a piece twice", []record.Record{head("a"), head("a"), thing("x")}, true, "header item part", ""},
		{"another header in a piece", []record.Record{head("a"), head("b"), thing("x")}, true, "header", "second header"},
		{"two headers in a piece", []record.Record{head("a"), thing("x"), head("a")}, true, "header item", "second header"},
		{"header after the end of a piece", []record.Record{head("a"), end, head("a")}, true, "header", "second header"},
		{"item after the end of a piece", []record.Record{head("a"), end, thing("x")}, true, "header", "after the end of a piece"},
		{"piece of an end without counts", []record.Record{head("a"), &record.End{}}, true, "header", "no counts"},
	}
	for _, tt := range tests {
		for _, to := range []record.Encoding{record.Binary, record.FramedJSON} {
			if _, ok := tt.records[0].(*record.Item); ok && to != record.Binary {
				continue // an item first makes it plain JSON, which has a grammar of its own
			}
			t.Run(tt.name+"/"+to.String(), func(t *testing.T) {
				var opts []record.ReaderOption
				if tt.pieces {
					opts = append(opts, record.SinglePiece())
				}
				got, err := readAll(bytes.NewReader(writeLoose(t, to, tt.records...)), opts...)
				if k := kinds(got); k != tt.want {
					t.Errorf("got %q, want %q", k, tt.want)
				}
				switch {
				case tt.err == "" && err != nil:
					t.Error(err)
				case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
					t.Errorf("error %v, want one with %q", err, tt.err)
				}
				if early := strings.Contains(tt.err, "stops early") || strings.Contains(tt.name, "missing"); early != errors.Is(err, record.ErrTruncated) {
					t.Errorf("ErrTruncated is %v, want %v: %v", !early, early, err)
				}
			})
		}
	}
}

func kinds(records []record.Record) string {
	var all []string
	for _, r := range records {
		switch r.(type) {
		case *record.Header:
			all = append(all, "header")
		case *record.Item:
			all = append(all, "item")
		case *record.End:
			all = append(all, "end")
		case *record.Part:
			all = append(all, "part")
		}
	}
	return strings.Join(all, " ")
}

// The part that a reader of a raw piece makes tells what a stage needs to
// write its own.
func TestPieceTellsTotalAndUpstream(t *testing.T) {
	end := &record.End{Stages: []record.StageCounts{{Tool: "oi-boxes", In: 9, Out: 9}, {Tool: "oi-fetch", In: 9, Out: 7}},
		Damage: &record.Damage{Regions: 1, Bytes: 5}}
	all := decode(t, writeLoose(t, record.Binary, head("a"), thing("x"), end), record.SinglePiece())
	want := &record.Part{Total: 7, Upstream: end.Stages, Damage: end.Damage}
	if diff := same(want, all[2]); diff != "" {
		t.Error(diff)
	}
	all = decode(t, writeLoose(t, record.Binary, head("a"), thing("x")), record.SinglePiece())
	if diff := same(&record.Part{Total: -1}, all[2]); diff != "" {
		t.Error(diff)
	}
	made := &record.Part{Total: 3, Stages: counted("oi-fetch", 2), Upstream: counted("oi-boxes", 3)}
	all = decode(t, writeLoose(t, record.Binary, head("a"), made), record.SinglePiece())
	if diff := same(made, all[1]); diff != "" {
		t.Error(diff)
	}
}

// A lost header of a later piece says nothing new.
func TestSalvageAcrossPieces(t *testing.T) {
	records := []record.Record{head("a"), thing("x"), &record.Part{Total: -1, Stages: counted("oi-crop", 1)},
		head("a"), thing("y"), &record.Part{Total: 2, Stages: counted("oi-crop", 1)}}
	data := encode(t, record.Binary, records)
	at := ends(t, record.Binary, records)
	data[at[2]+3] ^= 1
	all, err := readAll(bytes.NewReader(data), record.Salvage())
	if err != nil {
		t.Fatal(err)
	}
	if k := kinds(all); k != "header item item end" {
		t.Fatal(k)
	}
	if l := all[3].(*record.End).Damage; l == nil || l.Regions != 1 || l.Bytes != int64(at[3]-at[2]) {
		t.Errorf("lost %+v", l)
	}
}

func TestMergedHeader(t *testing.T) {
	boxes := record.Stage{Tool: "oi-boxes", Args: map[string]string{"class": "x"}}
	other := record.Stage{Tool: "oi-boxes", Args: map[string]string{"class": "y"}}
	fetch := record.Stage{Tool: "oi-fetch"}
	one := &record.Header{Version: 1, Classes: []record.Class{{MID: "/m/2", Name: "Sandwich"}, {MID: "/m/1", Name: "Burrito"}},
		Stages: []record.Stage{boxes, fetch}, Expected: 3, Extra: extra(t, "one")}
	two := &record.Header{Version: 1, Classes: []record.Class{{MID: "/m/1", Name: "Burrito"}, {Name: "Apple"}},
		Stages: []record.Stage{other, fetch}, Completeness: "unchecked", Expected: 4, Extra: extra(t, "two")}
	in := record.NewReader(bytes.NewReader(writeLoose(t, record.Binary, one, &record.End{}, two, &record.End{})))
	if in.Header() != nil {
		t.Error("a header before the first Read")
	}
	for {
		if _, err := in.Read(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	want := &record.Header{
		Version:      1,
		Classes:      []record.Class{{Name: "Apple"}, {MID: "/m/1", Name: "Burrito"}, {MID: "/m/2", Name: "Sandwich"}},
		Stages:       []record.Stage{boxes, fetch, other},
		Completeness: "unchecked",
		Expected:     7,
		Extra:        append(slices.Clone(one.Extra), two.Extra[1]),
	}
	if diff := same(want, in.Header()); diff != "" {
		t.Error(diff)
	}
	most := record.MergeHeaders(&record.Header{Expected: math.MaxInt64}, &record.Header{Expected: 1})
	if most.Expected != math.MaxInt64 {
		t.Errorf("%d expected", most.Expected)
	}
	plain, known := record.Class{MID: "/m/1", Name: "Cat"}, record.Class{MID: "/m/1", Name: "Cat", Supercategory: "Animal"}
	for _, order := range [][2]record.Class{{plain, known}, {known, plain}} {
		m := record.MergeHeaders(&record.Header{Classes: order[:1]}, &record.Header{Classes: order[1:]})
		if len(m.Classes) != 1 || m.Classes[0].Supercategory != "Animal" {
			t.Errorf("%+v make %+v", order, m.Classes)
		}
	}
}

func TestNotAStream(t *testing.T) {
	for _, text := range []string{"hello, world", "\x89PNG\r\n", "\x28\xb5\x2f\xfd", "\xff\xd8\xff\xe0", "  \n hello", "ImageID,Source\n", "x", "\xef", "\xef\xbb", "\ufeffx", "\ufeff\ufeff{}"} {
		_, err := readAll(strings.NewReader(text))
		if !errors.Is(err, record.ErrNotStream) {
			t.Errorf("%q: %v", text, err)
		} else if first := strings.TrimSpace(text)[:1]; first[0] < 0x80 && !strings.Contains(err.Error(), first) {
			t.Errorf("%q: the error does not show the first bytes: %v", text, err)
		}
	}
	if _, err := readAll(strings.NewReader(`[{"id":"a"}]`)); !errors.Is(err, record.ErrNotStream) || !strings.Contains(err.Error(), "jq") {
		t.Errorf("array: %v", err)
	}
	for _, text := range []string{"", " ", "\n\n\t", "\ufeff", "\ufeff\n"} {
		if _, err := readAll(strings.NewReader(text)); !errors.Is(err, record.ErrEmpty) {
			t.Errorf("%q: %v", text, err)
		}
	}
	// MessagePack, but nobody put trailers in.
	if _, err := readAll(bytes.NewReader(append(raw(t, map[string]any{"oi": "header", "version": 1}), make([]byte, 40)...))); err == nil ||
		!strings.Contains(err.Error(), "trailer") {
		t.Errorf("no trailer: %v", err)
	}
}

func TestOtherVersion(t *testing.T) {
	for _, text := range []string{`{"oi":"header","version":2}`, `{"version":99,"oi":"header"}`} {
		_, err := readAll(strings.NewReader(text))
		var ve *record.VersionError
		if !errors.As(err, &ve) || ve.Version == 1 {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestReaderOffsetAndItems(t *testing.T) {
	records := []record.Record{head("a"), thing("x"), &record.End{}, head("b"), thing("y"), thing("z"), &record.End{}}
	data := encode(t, record.Binary, records)
	at := ends(t, record.Binary, records)
	in := record.NewReader(bytes.NewReader(data))
	for i := range records {
		if _, err := in.Read(); err != nil {
			t.Fatal(err)
		}
		if in.Offset() != int64(at[i]) {
			t.Errorf("offset %d after record %d, want %d", in.Offset(), i+1, at[i])
		}
	}
	var ids []string
	for item, err := range record.NewReader(bytes.NewReader(data)).Items() {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, item.ID)
	}
	if !slices.Equal(ids, []string{"x", "y", "z"}) {
		t.Error(ids)
	}
	var failed error
	for _, err := range record.NewReader(bytes.NewReader(data[:len(data)-1])).Items() {
		failed = err
	}
	if !errors.Is(failed, record.ErrTruncated) {
		t.Error(failed)
	}
}

func TestBalanced(t *testing.T) {
	for _, tt := range []struct {
		count record.StageCounts
		want  bool
	}{
		{record.StageCounts{}, true},
		{record.StageCounts{In: 3, Out: 3}, true},
		{record.StageCounts{In: 3, Out: 2}, false},
		{record.StageCounts{In: 3, Out: 1, Removed: map[string]int64{"filter": 1}, Skipped: map[string]int64{"decode": 1}}, true},
		{record.StageCounts{In: 3, Out: 5, Added: map[string]int64{"background": 2, "copy": 1}, Removed: map[string]int64{"filter": 1}}, true},
		{record.StageCounts{In: 3, Out: 5}, false},
	} {
		if got := tt.count.Balanced(); got != tt.want {
			t.Errorf("%+v: %v", tt.count, got)
		}
	}
}
