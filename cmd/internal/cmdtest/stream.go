package cmdtest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/opensandwich/oi/record"
)

// Encode returns records as bytes.
func Encode(t testing.TB, e record.Encoding, records ...record.Record) []byte {
	t.Helper()
	var b bytes.Buffer
	w := record.NewWriter(&b, e)
	for _, r := range records {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// EncodeItems returns a stream of the items between a header and an end record
// of its last stage, which has passed on all of them.
func EncodeItems(t testing.TB, header *record.Header, items ...*record.Item) []byte {
	t.Helper()
	n := int64(len(items))
	tool := header.Stages[len(header.Stages)-1].Tool
	return Encode(t, record.Binary, slices.Concat(
		[]record.Record{header}, Records(items), []record.Record{&record.End{Stages: []record.StageCounts{{Tool: tool, In: n, Out: n}}}})...)
}

// Records returns items as records.
func Records(items []*record.Item) []record.Record {
	records := make([]record.Record, len(items))
	for i, item := range items {
		records[i] = item
	}
	return records
}

// Decode returns the last header, the items and the last end record of a whole
// stream.
func Decode(t testing.TB, data []byte) (header *record.Header, items []*record.Item, end *record.End) {
	t.Helper()
	r := record.NewReader(bytes.NewReader(data))
	for {
		next, err := r.Read()
		if errors.Is(err, io.EOF) {
			return header, items, end
		}
		if err != nil {
			t.Fatal(err)
		}
		switch v := next.(type) {
		case *record.Header:
			header = v
		case *record.Item:
			items = append(items, v)
		case *record.End:
			end = v
		}
	}
}

// Crop returns item n as it comes from oi-crop: its pixels are
// [height,width,3], and its photo is that of no other n.
func Crop(n int, label, set string, height, width int, pixels []byte) *record.Item {
	sum := sha256.Sum256(fmt.Append(nil, "photo", n))
	return &record.Item{
		ID: fmt.Sprintf("%04d", n), Key: fmt.Sprintf("%04d-00000000", n), Set: set,
		Label:   &record.Label{MID: "/m/" + label, Name: label},
		Fetched: &record.Fetched{SHA256: hex.EncodeToString(sum[:]), Source: "test", MediaType: "image/jpeg"},
		Tensor:  &record.Tensor{Shape: []int{height, width, 3}, DType: "uint8", Data: pixels},
	}
}
