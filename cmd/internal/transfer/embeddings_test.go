package transfer

import (
	"crypto/sha256"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/float16"
	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/record"
)

// maker returns what is known of a backbone that makes three features.
func maker(dtype DType) *Backbone {
	return &Backbone{Backbone: model.Backbone{Of: strings.Repeat("0c", 32), Name: "tiny", DType: string(dtype), Dim: 3, Side: 2}}
}

// crop returns an item of 2x2 pixels.
func crop(n int) *record.Item {
	pixels := make([]byte, 12)
	pixels[0] = byte(n)
	return &record.Item{ID: fmt.Sprint("i", n), Key: fmt.Sprint("k", n), Tensor: &record.Tensor{Shape: []int{2, 2, 3}, DType: "uint8", Data: pixels}}
}

// TestEmbeddingsKeepFeatures brings features of both types through records and
// a spool, in memory and in a file, and reads them in any order from several
// goroutines.
func TestEmbeddingsKeepFeatures(t *testing.T) {
	for _, dtype := range []DType{Float16, Float32} {
		for _, memory := range []int64{1 << 20, 0} {
			b := maker(dtype)
			var want []float32
			var numbers []int
			spool := dataset.NewSpool(memory, t.TempDir())
			var e Embeddings
			e.Expect(b)
			for i := range 20 {
				features := []float32{float32(i) / 3, -65504, math.SmallestNonzeroFloat32 * float32(i)}
				if dtype == Float16 {
					float16.Round(features)
				}
				item := crop(i)
				item.Embedding = b.Embedding(features, dataset.TensorOf(item))
				if i%2 == 0 {
					item.Tensor = nil
				}
				if err := e.Add(item); err != nil {
					t.Fatal(err)
				}
				n, err := spool.Add(item)
				if err != nil {
					t.Fatal(err)
				}
				want, numbers = append(want, features...), append(numbers, n)
			}
			rows := e.Rows(spool, numbers)
			if rows.Rows() != 20 || rows.Dim() != 3 {
				t.Errorf("%d rows of %d", rows.Rows(), rows.Dim())
			}
			var group sync.WaitGroup
			for first := range 20 {
				group.Go(func() {
					got := make([]float32, 3*(20-first))
					if err := rows.Read(got, first); err != nil {
						t.Error(err)
					}
					if !slices.Equal(got, want[3*first:]) {
						t.Errorf("%s, from row %d: %v", dtype, first, got)
					}
				})
			}
			group.Wait()
			if err := spool.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestEmbeddingsDoNotMix gives embeddings that do not go together. What is said
// names both sides.
func TestEmbeddingsDoNotMix(t *testing.T) {
	const other = "f0e1d2c3b4a5968778695a4b3c2d1e0ff0e1d2c3b4a5968778695a4b3c2d1e0f"
	for _, tc := range []struct {
		name  string
		edit  func(*record.Item)
		wants []string
	}{
		{"none", func(i *record.Item) { i.Embedding = nil }, []string{"item k1 has no embedding", "item k0"}},
		{"of", func(i *record.Item) { i.Embedding.Of = other }, []string{"item k1", "f0e1d2c3b4a5", "0c0c0c0c0c0c"}},
		{"type", func(i *record.Item) { i.Embedding.DType, i.Embedding.Data = record.Float32, make([]byte, 12) }, []string{"3 float32", "3 float16"}},
		{"side", func(i *record.Item) { i.Embedding.Side = 4 }, []string{"at 4 pixels", "at 2 pixels"}},
		{"length", func(i *record.Item) { i.Embedding.Data = make([]byte, 8) }, []string{"4 float16", "3 float16"}},
		{"pixels", func(i *record.Item) { i.Tensor.Data[5]++ }, []string{"other pixels than its own"}},
	} {
		for _, expect := range []bool{false, true} {
			var e Embeddings
			b := maker(Float16)
			if expect {
				e.Expect(b)
			}
			for n := range 2 {
				item := crop(n)
				item.Embedding = b.Embedding(make([]float32, 3), sha256.Sum256(item.Tensor.Data))
				if n == 1 {
					tc.edit(item)
				}
				err := e.Add(item)
				if n == 0 {
					if err != nil {
						t.Fatal(err)
					}
					continue
				}
				for _, want := range tc.wants {
					if err == nil || !strings.Contains(err.Error(), want) {
						t.Errorf("%s: %v, want %q", tc.name, err, want)
					}
				}
			}
		}
	}
}

// TestEmbeddingsCutAlike gives segments whose trails tell of other crops.
func TestEmbeddingsCutAlike(t *testing.T) {
	header := func(args ...string) *record.Header {
		h := &record.Header{Stages: []record.Stage{{Tool: "oi-boxes"}}}
		if args != nil {
			m := map[string]string{"background": args[0]}
			for i := 1; i < len(args); i += 2 {
				m[args[i]] = args[i+1]
			}
			h.Stages = append(h.Stages, record.Stage{Tool: "oi-crop", Args: m})
		}
		return h
	}
	var e Embeddings
	for _, h := range []*record.Header{header(), header("auto", "size", "128", "context", "0"), header("never", "context", "0", "size", "128"), header()} {
		if err := e.Begin(h, "a.oi"); err != nil {
			t.Error(err)
		}
	}
	for file, want := range map[string]string{
		"a.oi": "a.oi: pictures that were cut with oi-crop --context 0 --size 64, after some that were cut with oi-crop --context 0 --size 128",
		"b.oi": "b.oi: pictures that were cut with oi-crop --context 0 --size 64, those of a.oi with oi-crop --context 0 --size 128",
	} {
		if err := e.Begin(header("auto", "size", "64", "context", "0"), file); err == nil || err.Error() != want {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
