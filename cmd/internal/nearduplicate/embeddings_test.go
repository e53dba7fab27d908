package nearduplicate

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/kernel"
)

// rows are vectors in memory.
type rows struct {
	dim    int
	values []float32
}

func (r rows) Rows() int { return len(r.values) / r.dim }
func (r rows) Dim() int  { return r.dim }
func (r rows) Read(dst []float32, first int) error {
	copy(dst, r.values[first*r.dim:])
	return nil
}

// TestEmbeddingPairs compares with all products: every pair that is found is
// one, and few are missed; one of a cosine of 0.97 or more is not.
func TestEmbeddingPairs(t *testing.T) {
	const n, dim = 900, 48
	rng := rand.New(rand.NewPCG(3, 4))
	r := rows{dim, make([]float32, n*dim)}
	for i := range n {
		for k := range dim {
			r.values[i*dim+k] = 5 + float32(rng.NormFloat64()) // far from zero: the mean counts
			if i%3 == 1 {                                      // near the one before it, more or less
				r.values[i*dim+k] = r.values[(i-1)*dim+k] + float32(rng.NormFloat64())*float32(i)/n*.6
			}
		}
	}
	mean := make([]float64, dim)
	for i, v := range r.values {
		mean[i%dim] += float64(v) / n
	}
	cosine := func(a, b int) float64 {
		var ab, aa, bb float64
		for k := range dim {
			x, y := float64(r.values[a*dim+k])-mean[k], float64(r.values[b*dim+k])-mean[k]
			ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
		}
		return ab / math.Sqrt(aa*bb)
	}
	want := 0
	for b := range n {
		for a := range b {
			if cosine(a, b) >= MinCosine {
				want++
			}
		}
	}
	var before map[[2]int]bool
	for threads := 1; threads <= 2; threads++ {
		ws := kernel.NewWorkers(threads)
		found := map[[2]int]bool{}
		if err := EmbeddingPairs(t.Context(), ws, r, func(a, b int) { found[[2]int{a, b}] = true }); err != nil {
			t.Fatal(err)
		}
		ws.Close()
		for p := range found {
			if p[0] >= p[1] || cosine(p[0], p[1]) < MinCosine-1e-6 {
				t.Errorf("%v is found, of cosine %v", p, cosine(p[0], p[1]))
			}
		}
		for b := range n {
			for a := range b {
				if c := cosine(a, b); c >= .97 && !found[[2]int{a, b}] {
					t.Errorf("%d and %d of cosine %v are not found", a, b, c)
				}
			}
		}
		if len(found) < want*95/100 || want < 200 {
			t.Errorf("%d of %d pairs are found", len(found), want)
		}
		if before != nil && len(before) != len(found) {
			t.Errorf("%d pairs by one thread, %d by two", len(before), len(found))
		}
		before = found
	}
	// None, one, and several that are all the same.
	ws := kernel.NewWorkers(1)
	defer ws.Close()
	for n := range 4 {
		same := rows{2, make([]float32, 2*n)}
		if err := EmbeddingPairs(t.Context(), ws, same, func(a, b int) { t.Errorf("%d and %d of %d without anything", a, b, n) }); err != nil {
			t.Error(err)
		}
	}
}

// BenchmarkEmbeddingPairs is of as many pictures as a large data set has.
func BenchmarkEmbeddingPairs(b *testing.B) {
	const n, dim = 20_000, 1280
	rng := rand.New(rand.NewPCG(3, 4))
	r := rows{dim, make([]float32, n*dim)}
	for i := range r.values {
		r.values[i] = rng.Float32()
	}
	ws := kernel.NewWorkers(2)
	defer ws.Close()
	for b.Loop() {
		if err := EmbeddingPairs(b.Context(), ws, r, func(int, int) {}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/n*1e6, "µs/item")
}
