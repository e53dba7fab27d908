package sample

import (
	"hash/fnv"

	"github.com/opensandwich/oi/cmd/internal/rng"
)

// hash makes a seed of a text: FNV-1a, mixed.
func hash(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s)) // a hash never fails
	return rng.Mix(h.Sum64())
}

// random is a generator whose whole state is one word, so that a picture's
// numbers depend on its seed alone.
type random struct{ rng.Source }

func newRandom(seed uint64) *random { return &random{rng.Source(seed)} }

// fork starts an independent generator, so that a change in one object does not
// shift the numbers of the others.
func (r *random) fork() *random { return newRandom(rng.Mix(r.Uint64())) }

func (r *random) float() float64             { return rng.Float64(r.Uint64()) }
func (r *random) in(lo, hi float64) float64  { return lerp(lo, hi, r.float()) }
func (r *random) chance(p float64) bool      { return r.float() < p }
func (r *random) intn(n int) int             { return int(r.Uint64() >> 33 % uint64(n)) }
func (r *random) between(lo, hi int) int     { return lo + r.intn(hi-lo+1) }
func (r *random) pick(colours ...uint32) vec { return rgb(colours[r.intn(len(colours))]) }

// near is a colour not far from c: lighter or darker by up to amount, and each
// channel by half of that again.
func (r *random) near(c vec, amount float64) vec {
	light := r.in(-amount, amount)
	vary := func(v float64) float64 { return mul(v, 1+light+mul(r.in(-amount, amount), 0.5)) }
	return vec{vary(c.x), vary(c.y), vary(c.z)}
}

// shuffle permutes n things.
func (r *random) shuffle(n int, swap func(i, j int)) {
	for i := n - 1; i > 0; i-- {
		swap(i, r.intn(i+1))
	}
}

const noiseSize = 256

// noise is a tile of value noise in about [-1, 1], five octaves, sampled with
// wrap-around.
type noise [noiseSize * noiseSize]float32

func newNoise(seed uint64) *noise {
	var n noise
	for y := range noiseSize {
		for x := range noiseSize {
			sum, amp := 0.0, 0.62
			for cell := 32; cell >= 2; cell /= 2 {
				sum += mul(amp, lattice(seed, x, y, cell))
				amp = mul(amp, 0.62)
			}
			n[y*noiseSize+x] = float32(sum)
		}
	}
	return &n
}

// lattice is one octave: random values in [-1, 1] at the corners of square
// cells, joined by cubic steps.
func lattice(seed uint64, x, y, cell int) float64 {
	cells := noiseSize / cell
	cx, cy := x/cell, y/cell
	corner := func(i, j int) float64 {
		k := uint64((j%cells)*cells+i%cells) + uint64(cell)<<32
		return float64(rng.At(seed, k)>>11)/(1<<52) - 1
	}
	fx := smooth(0, 1, float64(x%cell)/float64(cell))
	fy := smooth(0, 1, float64(y%cell)/float64(cell))
	return lerp(lerp(corner(cx, cy), corner(cx+1, cy), fx), lerp(corner(cx, cy+1), corner(cx+1, cy+1), fx), fy)
}

// at samples the tile between its points; one unit is one texel. Coordinates
// must be above -65536.
func (n *noise) at(x, y float64) float64 {
	x, y = x+65536, y+65536
	ix, iy := int(x), int(y)
	fx, fy := x-float64(ix), y-float64(iy)
	x0, x1 := ix&(noiseSize-1), (ix+1)&(noiseSize-1)
	y0, y1 := iy&(noiseSize-1)*noiseSize, (iy+1)&(noiseSize-1)*noiseSize
	top := lerp(float64(n[y0+x0]), float64(n[y0+x1]), fx)
	bottom := lerp(float64(n[y1+x0]), float64(n[y1+x1]), fx)
	return lerp(top, bottom, fy)
}

// near is the texel nearest below: cheaper than at, for fine grain.
func (n *noise) near(x, y float64) float64 {
	return float64(n[int(y+65536)&(noiseSize-1)*noiseSize+int(x+65536)&(noiseSize-1)])
}
