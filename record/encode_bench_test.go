package record_test

import (
	"io"
	"testing"

	"github.com/opensandwich/oi/record"
)

// BenchmarkWriter writes items as oi-boxes does: of one photo each, and all of
// the same photo.
func BenchmarkWriter(b *testing.B) {
	one, other := smallItem(), smallItem()
	one.Fetched, other.Fetched = nil, nil
	other.Image.URL += "2"
	for _, c := range []struct {
		name  string
		to    record.Encoding
		items []*record.Item
	}{
		{"binary/photos", record.Binary, []*record.Item{one, other}},
		{"binary/boxes", record.Binary, []*record.Item{one}},
		{"JSON/photos", record.JSON, []*record.Item{one, other}},
	} {
		b.Run(c.name, func(b *testing.B) {
			w := record.NewWriter(io.Discard, c.to)
			if err := w.Write(&record.Header{}); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if err := w.Write(c.items[i%len(c.items)]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
