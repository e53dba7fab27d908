package nearduplicate

import (
	"context"
	"math"
	"math/rand/v2"

	"github.com/opensandwich/oi/cmd/internal/kernel"
)

// MinCosine is that of the embeddings of two pictures that are nearly the same,
// each less the mean of all. Of 6,741 crops of real photos, 13 pairs from two
// photos reach it by the 1,280 features of MobileNetV2, and 15 reach 0.89; by eye
// each shows one object, often in two moments that no perceptual hash brings
// together. Below 0.88 many are only of one kind: a heap of sweets, a dark grape.
const MinCosine = 0.9

// MinDim is how many numbers an embedding must have for MinCosine to say
// something. By the 256 features of MobileNetV1 0.25 it is reached by 58 pairs, of
// which half are nothing but blurred patches of one colour.
const MinDim = 512

// projections is how many hashes of 64 bits an embedding has. Two of a cosine of
// 0.9 have one within MaxDistance of each other with a probability of 0.93, of
// 0.95 with 0.999.
const projections = 8

// Vectors are embeddings [Rows][Dim]. Read reads those from the first on.
type Vectors interface {
	Rows() int
	Dim() int
	Read(dst []float32, first int) error
}

// batch is how many vectors are in memory at once.
const batch = 256

// EmbeddingPairs calls each with the numbers of two embeddings, a before b, whose
// cosine is MinCosine or more, in the order of b; some twice. Pairs are proposed
// by the signs of random projections (Charikar 2002) and decided by the cosine.
func EmbeddingPairs(ctx context.Context, ws *kernel.Workers, v Vectors, each func(a, b int)) error {
	n, dim := v.Rows(), v.Dim()
	f := embeddingFinder{v: v, mean: make([]float64, dim), planes: planes(dim), other: make([]float32, dim)}
	for t := range f.tables {
		f.tables[t] = NewIndex()
	}
	rows := make([]float32, min(batch, n)*dim)
	for first := 0; first < n; first += batch {
		part := rows[:min(batch, n-first)*dim]
		if err := v.Read(part, first); err != nil {
			return err
		}
		for i, x := range part {
			f.mean[i%dim] += float64(x) / float64(n)
		}
	}
	products := make([]float32, min(batch, n)*64*projections)
	for first := 0; first < n; first += batch {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		count := min(batch, n-first)
		part := rows[:count*dim]
		if err := f.read(part, first); err != nil {
			return err
		}
		m := kernel.MatMul{Batch: 1, M: count, K: dim, N: 64 * projections, TransposedB: true}
		if err := m.Check(); err != nil {
			return err
		}
		m.Forward(ws, products[:count*m.N], part, f.planes)
		for i := range count {
			if err := f.add(part[i*dim:(i+1)*dim], products[i*m.N:(i+1)*m.N], func(a int) { each(a, first+i) }); err != nil {
				return err
			}
		}
	}
	return nil
}

// planes are the normals of the planes [64*projections][dim] whose sides make
// the hashes: of random signs.
func planes(dim int) []float32 {
	rng := rand.New(rand.NewPCG(0x6e656172, 1))
	p := make([]float32, 64*projections*dim)
	for i := range p {
		p[i] = float32(2*int(rng.Uint32()>>31) - 1)
	}
	return p
}

// An embeddingFinder knows the hashes of the embeddings so far.
type embeddingFinder struct {
	v      Vectors
	mean   []float64
	planes []float32
	tables [projections]*Index
	other  []float32
}

// read reads vectors, less the mean and of length 1; one that is the mean is
// zero.
func (f *embeddingFinder) read(dst []float32, first int) error {
	if err := f.v.Read(dst, first); err != nil {
		return err
	}
	for dim := len(f.mean); len(dst) > 0; dst = dst[dim:] {
		sum := 0.0
		for i, x := range dst[:dim] {
			d := float64(x) - f.mean[i]
			sum += d * d
		}
		scale := 0.0
		if sum > 0 {
			scale = 1 / math.Sqrt(sum)
		}
		for i, x := range dst[:dim] {
			dst[i] = float32((float64(x) - f.mean[i]) * scale)
		}
	}
	return nil
}

// add adds a vector after it was compared with those before it, at most
// maxCompared of each table.
func (f *embeddingFinder) add(vector, products []float32, near func(number int)) error {
	for t, table := range f.tables {
		hash := uint64(0)
		for i, p := range products[64*t : 64*(t+1)] {
			if p > 0 {
				hash |= 1 << i
			}
		}
		var err error
		compared := 0
		table.Near(hash, func(number, _ int) bool {
			if err = f.read(f.other, number); err != nil {
				return false
			}
			cosine := 0.0
			for i, x := range vector {
				cosine += float64(x) * float64(f.other[i])
			}
			if cosine >= MinCosine {
				near(number)
			}
			compared++
			return compared < maxCompared
		})
		if err != nil {
			return err
		}
		table.Add(hash)
	}
	return nil
}

// maxCompared bounds the vectors of a table that one is compared with.
const maxCompared = 64
