package nearduplicate

import (
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestIndex compares with looking at all, for hashes that are near each other.
func TestIndex(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var hashes []uint64
	x := NewIndex()
	for i := range 3000 {
		hash := rng.Uint64()
		if i > 0 && i%3 > 0 {
			hash = hashes[rng.IntN(i)]
			for range rng.IntN(12) {
				hash ^= 1 << rng.IntN(64)
			}
		}
		hashes = append(hashes, hash)
		x.Add(hash)
	}
	met := map[int]int{}
	for _, hash := range hashes {
		var want, got []int
		for i, o := range hashes {
			if d := bits.OnesCount64(hash ^ o); d <= MaxDistance {
				want = append(want, i)
				met[d]++
			}
		}
		x.Near(hash, func(number, distance int) bool {
			if distance != bits.OnesCount64(hash^hashes[number]) {
				t.Fatalf("distance %d of %x and %x", distance, hash, hashes[number])
			}
			got = append(got, number)
			return true
		})
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Fatalf("near %x: got %v, want %v", hash, got, want)
		}
	}
	for d := range MaxDistance + 1 {
		if met[d] == 0 {
			t.Errorf("no pair of distance %d", d)
		}
	}
}

// scene is a picture of some soft spots, brighter by more and scaled by gain.
func scene(seed uint64, height, width int, gain, more float64) []byte {
	rng := rand.New(rand.NewPCG(seed, 7))
	type spot struct{ y, x, r, v float64 }
	var spots []spot
	for range 12 {
		spots = append(spots, spot{rng.Float64(), rng.Float64(), .05 + .2*rng.Float64(), 160*rng.Float64() - 80})
	}
	rgb := make([]byte, 0, height*width*3)
	for y := range height {
		for x := range width {
			v := 128.0
			for _, s := range spots {
				dy, dx := float64(y)/float64(height)-s.y, float64(x)/float64(width)-s.x
				v += s.v / (1 + (dy*dy+dx*dx)/(s.r*s.r))
			}
			b := byte(max(0, min(255, 128+gain*(v-128)+more)))
			rgb = append(rgb, b, b, b)
		}
	}
	return rgb
}

func TestNearAndFar(t *testing.T) {
	for seed := range uint64(20) {
		a := NewThumbnail(scene(seed, 128, 128, .5, 0), 128, 128)
		b := NewThumbnail(scene(seed, 97, 150, .4, 12), 97, 150)
		other := NewThumbnail(scene(seed+100, 128, 128, .5, 0), 128, 128)
		if d := bits.OnesCount64(a.Hash() ^ b.Hash()); d > MaxDistance || a.Correlation(b) < MinCorrelation {
			t.Errorf("scene %d scaled: distance %d, correlation %.3f", seed, d, a.Correlation(b))
		}
		if a.Correlation(other) >= MinCorrelation {
			t.Errorf("scenes %d and %d: correlation %.3f", seed, seed+100, a.Correlation(other))
		}
	}
}

func TestThumbnailOfFew(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {1, 300}, {300, 1}, {31, 33}} {
		rgb := make([]byte, size[0]*size[1]*3)
		if thumbnail := NewThumbnail(rgb, size[0], size[1]); !thumbnail.Blank() {
			t.Errorf("%v: a black picture is not blank", size)
		}
		for i := range rgb {
			rgb[i] = byte(i * 37)
		}
		thumbnail := NewThumbnail(rgb, size[0], size[1])
		if c := thumbnail.Correlation(thumbnail); !thumbnail.Blank() && (c < .9999 || c > 1.0001) {
			t.Errorf("%v: correlation %v with itself", size, c)
		}
	}
}
