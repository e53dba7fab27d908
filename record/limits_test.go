package record_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/opensandwich/oi/record"
)

// allocated returns how many bytes f sets aside in all.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// hostile are a few bytes each that claim to be very large.
func hostile() map[string][]byte {
	key := "\xa1k"
	length := func(code byte, n uint32) string {
		return string(binary.BigEndian.AppendUint32([]byte{code}, n))
	}
	header := "\x82\xa2oi\xa6header"
	all := map[string]string{
		"map of 4 billion":        length(0xdf, math.MaxUint32),
		"map of 60 million":       length(0xdf, 60e6),
		"map of 65535":            "\xde\xff\xff",
		"array of 4 billion":      "\x81" + key + length(0xdd, math.MaxUint32),
		"array of 60 million":     "\x81" + key + length(0xdd, 60e6),
		"string of 4 GB":          "\x81" + key + length(0xdb, math.MaxUint32),
		"string of 1 MiB":         "\x81" + key + length(0xdb, 1<<20),
		"bin of 4 GB":             "\x81" + key + length(0xc6, math.MaxUint32),
		"bin of 64 MiB":           "\x81" + key + length(0xc6, 64<<20-20),
		"ext of 4 GB":             "\x81" + key + length(0xc9, math.MaxUint32) + "\x05",
		"ext of 60 MB":            "\x81" + key + length(0xc9, 60e6) + "\x05",
		"key of 4 GB":             "\x81" + length(0xdb, math.MaxUint32),
		"classes of 4 billion":    header + "\xa7classes" + length(0xdd, math.MaxUint32),
		"classes of 60 million":   header + "\xa7classes" + length(0xdd, 60e6),
		"deep arrays":             "\x81" + key + strings.Repeat("\x91", 5000),
		"deep maps":               strings.Repeat("\x81\xa1k", 5000),
		"deep JSON":               strings.Repeat(`{"k":`, 5000),
		"deep JSON arrays":        `{"k":` + strings.Repeat(`[`, 5000),
		"many maps of 65535":      strings.Repeat("\xde\x0f\xff\xa1k", 16),
		"tensor of a huge shape":  "\x82\xa2id\xa1a\xa6tensor\x83\xa5shape\x93" + strings.Repeat(length(0xce, math.MaxUint32), 3),
		"context of a huge shape": "\x82\xa2id\xa1a\xa7context\x83\xa5shape\x93" + strings.Repeat(length(0xce, math.MaxUint32), 3),
		"JSON, array of a number": `{"tensor":{"shape":[1048576,1048576,1048576],"dtype":"uint8","data":""},"id":"a"}`,
	}
	bytes := make(map[string][]byte, len(all))
	for name, s := range all {
		bytes[name] = []byte(s)
	}
	return bytes
}

func TestHostileLengthsCostLittle(t *testing.T) {
	const most = 4 << 20
	for name, data := range hostile() {
		for _, opts := range [][]record.ReaderOption{nil, {record.Salvage()}, {record.SinglePiece()}} {
			var err error
			if used := allocated(func() { _, err = readAll(bytes.NewReader(data), opts...) }); used > most {
				t.Errorf("%s: %d bytes of input cost %d bytes", name, len(data), used)
			}
			if err == nil {
				t.Errorf("%s: no error", name)
			}
		}
	}
}

// A claimed length is believed only as far as bytes arrive.
func TestMemoryFollowsWhatArrives(t *testing.T) {
	claim := append([]byte("\x81\xa1k\xc6"), 0x03, 0xff, 0xff, 0x00)
	for _, arrive := range []int{0, 1 << 10, 1 << 20, 3 << 20} {
		r := io.MultiReader(bytes.NewReader(claim), io.LimitReader(zeros{}, int64(arrive)))
		var err error
		used := allocated(func() { _, err = readAll(r) })
		if !errors.Is(err, record.ErrTruncated) {
			t.Errorf("%d bytes: %v", arrive, err)
		}
		if most := uint64(4*arrive + 2<<20); used > most {
			t.Errorf("%d bytes arrived, %d were set aside", arrive, used)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// White space between objects is not kept.
func TestMuchWhiteSpace(t *testing.T) {
	space := io.LimitReader(repeat(" \n\t\r"), 32<<20)
	used := allocated(func() {
		all, err := readAll(io.MultiReader(strings.NewReader(`{"id":"a"}`), space, strings.NewReader(`{"id":"b"}`)))
		if err != nil || len(all) != 4 {
			t.Errorf("%d records, %v", len(all), err)
		}
	})
	if used > 1<<20 {
		t.Errorf("%d bytes set aside", used)
	}
}

// False starts, each as long to walk as the rest of the input, do not keep
// Salvage busy for a time that grows with the square of its size.
func TestSalvageOfHostileDamageGivesUp(t *testing.T) {
	// Each false start is a map of one array that goes on for ever, hidden
	// in a bin that is an element of the arrays before.
	bomb := []byte("\xc4\x10oi-rec1\n\x81\xa1k\xdd\x03\x00\x00\x00")
	data := append(encode(t, record.Binary, []record.Record{head()}), bytes.Repeat(bomb, 40000)...)
	if _, err := readAll(bytes.NewReader(data), record.Salvage()); err == nil || !strings.Contains(err.Error(), "too much damage") {
		t.Errorf("%v", err)
	}
}

// A JSON string without end is not read for ever.
func TestEndlessJSON(t *testing.T) {
	limits := record.WithLimits(record.Limits{Record: 1 << 20})
	for name, r := range map[string]io.Reader{
		"string":  io.MultiReader(strings.NewReader(`{"id":"`), letters{}),
		"key":     io.MultiReader(strings.NewReader(`{"`), letters{}),
		"numbers": io.MultiReader(strings.NewReader(`{"a":[`), repeat("1,")),
		"escapes": io.MultiReader(strings.NewReader(`{"a":"`), repeat(`\\`)),
	} {
		_, err := readAll(r, limits)
		var le *record.LimitError
		if !errors.As(err, &le) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type letters struct{}

func (letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

type repeat string

func (s repeat) Read(p []byte) (int, error) {
	n := 0
	for n+len(s) <= len(p) {
		n += copy(p[n:], s)
	}
	return max(n, copy(p, s)), nil
}

// What is just within a limit passes both ways, and what is just above passes
// neither way.
func TestLimitsToTheByte(t *testing.T) {
	d := record.DefaultLimits()
	item := func(f record.Field) *record.Item { return &record.Item{ID: "a", Extra: []record.Field{f}} }
	nested := func(levels int) record.Raw {
		return append(record.Raw(bytes.Repeat([]byte{0x91}, levels-1)), 0x90)
	}
	keys := func(n int) record.Raw {
		m := []byte{0xde, byte(n >> 8), byte(n)}
		for i := range n {
			m = append(m, 0xa4)
			m = fmt.Appendf(m, "%04x", i)
			m = append(m, 0xc0)
		}
		return m
	}
	str := func(n int) record.Raw {
		return append(binary.BigEndian.AppendUint32(record.Raw{0xdb}, uint32(n)), make([]byte, n)...)
	}
	// An item of an id and one unknown bin takes 13 bytes beside its
	// payload.
	bin := func(n int) record.Raw {
		return append(binary.BigEndian.AppendUint32(record.Raw{0xc6}, uint32(n-13)), make([]byte, n-13)...)
	}
	tests := []struct {
		name  string
		value func(n int) record.Raw
		limit int
	}{
		{"string", str, d.String},
		{"depth", func(n int) record.Raw { return nested(n - 1) }, d.Depth},
		{"keys", keys, d.Keys},
		{"record", bin, d.Record},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fits := []record.Record{head(), item(record.Field{Key: "k", Value: tt.value(tt.limit)}), &record.End{}}
			for _, to := range []record.Encoding{record.Binary, record.FramedJSON} {
				if tt.name == "record" && to == record.FramedJSON {
					continue // base64 of 64 MiB tells nothing new
				}
				data := encode(t, to, fits)
				if !bytes.Equal(encode(t, to, decode(t, data)), data) {
					t.Errorf("%v: at the limit it came back changed", to)
				}
			}
			w := record.NewWriter(io.Discard, record.Binary)
			if err := w.Write(head()); err != nil {
				t.Fatal(err)
			}
			var le *record.LimitError
			if err := w.Write(item(record.Field{Key: "k", Value: tt.value(tt.limit + 1)})); !errors.As(err, &le) {
				t.Errorf("above the limit, written: %v", err)
			} else if le.Limit != int64(tt.limit) {
				t.Errorf("%v, want limit %d", le, tt.limit)
			}
			// A reader of lower limits refuses what fits the usual
			// ones.
			low := tt.limit - 1
			lower := record.Limits{}
			switch tt.name {
			case "string":
				lower.String = low
			case "depth":
				lower.Depth = low
			case "keys":
				lower.Keys = low
			case "record":
				lower.Record = low
			}
			if _, err := readAll(bytes.NewReader(encode(t, record.Binary, fits)), record.WithLimits(lower)); !errors.As(err, &le) {
				t.Errorf("above the limit, read: %v", err)
			}
			if tt.name == "record" {
				return
			}
			if _, err := readAll(bytes.NewReader(encode(t, record.FramedJSON, fits)), record.WithLimits(lower)); !errors.As(err, &le) {
				t.Errorf("above the limit, read as JSON: %v", err)
			}
		})
	}
}

// Reading costs a fixed number of small allocations for each item and no more
// than one large one, of the payload's size.
func TestMemoryPerItem(t *testing.T) {
	payload := make([]byte, 300<<10)
	const items = 50
	records := []record.Record{head()}
	for range items {
		records = append(records, &record.Item{ID: "a", Fetched: &record.Fetched{Bytes: payload}})
	}
	data := encode(t, record.Binary, append(records, &record.End{}))
	used := allocated(func() {
		in := record.NewReader(bytes.NewReader(data))
		for {
			if _, err := in.Read(); err == io.EOF {
				return
			} else if err != nil {
				t.Error(err)
				return
			}
		}
	})
	if most := uint64(items * len(payload) * 5 / 4); used > most {
		t.Errorf("%d items of %d bytes cost %d bytes, want at most %d", items, len(payload), used, most)
	}
	out := record.NewWriter(io.Discard, record.Binary)
	used = allocated(func() {
		for _, r := range records {
			if err := out.Write(r); err != nil {
				t.Error(err)
			}
		}
	})
	if used > 1<<20 {
		t.Errorf("writing %d items of %d bytes cost %d bytes", items, len(payload), used)
	}
}
