package dataset

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/opensandwich/oi/record"
)

// TestBytesOfItems: what a collection keeps of items that come with embeddings,
// all of it but their records and hashes, which are in the spool's files here.
func TestBytesOfItems(t *testing.T) {
	const most = 130 // bytes an item
	spool := NewSpool(0, t.TempDir())
	defer func() {
		if err := spool.Close(); err != nil {
			t.Error(err)
		}
	}()
	c := NewCollection(spool, RepeatPolicy{})
	c.Embeddings = true
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	const n = 60000
	before := heap()
	for i := range n {
		var pixels Picture
		pixels[0], pixels[1], pixels[2] = byte(i), byte(i>>8), 1
		item := &record.Item{
			ID: fmt.Sprintf("%016x", i), Key: fmt.Sprintf("%016x-%08x", i, i), Set: Train, Subset: "train",
			Label:     &record.Label{Name: fmt.Sprint("class ", i%20)},
			Image:     &record.Image{Author: fmt.Sprint("author ", i/20), AuthorURL: fmt.Sprintf("https://www.example.org/people/%08d/", i/20)},
			Fetched:   &record.Fetched{SHA256: pixels.String(), Source: "test", MediaType: "image/jpeg"},
			Embedding: &record.Embedding{Of: pixels.String(), DType: "float16", Side: 128, Pixels: pixels.String(), Data: make([]byte, 8)},
		}
		if err := c.Add(item); err != nil {
			t.Fatal(err)
		}
	}
	check := func(when string) {
		each := float64(heap()-before) / n
		t.Logf("%.0f bytes an item %s", each, when)
		if each > most {
			t.Errorf("%.0f bytes an item %s, want at most %d", each, when, most)
		}
	}
	check("when all have come")
	c.Divide(DefaultSplit())
	c.Sort()
	check("when they are divided")
	runtime.KeepAlive(c)
}
