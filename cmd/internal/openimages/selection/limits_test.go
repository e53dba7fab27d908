package selection

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/oitest"
)

func TestShare(t *testing.T) {
	for _, tt := range []struct {
		total      int64
		have, want []int64
	}{
		{10, []int64{100, 100}, []int64{5, 5}},
		{11, []int64{100, 100}, []int64{6, 5}},
		{10, []int64{2, 100}, []int64{2, 8}},
		{10, []int64{2, 3, 4}, []int64{2, 3, 4}},
		{8, []int64{2, 3, 4}, []int64{2, 3, 3}},
		{1, []int64{0, 5, 5}, []int64{0, 1, 0}},
		{0, []int64{5}, []int64{0}},
		{5, nil, []int64{}},
	} {
		if got := share(tt.total, tt.have); !slices.Equal(got, tt.want) {
			t.Errorf("%d of %v: got %v, want %v", tt.total, tt.have, got, tt.want)
		}
	}
}

func TestShareProperties(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 2000 {
		have := make([]int64, 1+rng.IntN(6))
		sum := int64(0)
		for i := range have {
			have[i] = rng.Int64N(50)
			sum += have[i]
		}
		total := rng.Int64N(200)
		got := share(total, have)
		given, most := int64(0), int64(0)
		for i := range got {
			given += got[i]
			most = max(most, got[i])
			if got[i] > have[i] {
				t.Fatalf("%d of %v: %v", total, have, got)
			}
		}
		if given != min(total, sum) {
			t.Fatalf("%d of %v: %v gives %d", total, have, got, given)
		}
		for i := range got {
			if got[i] < have[i] && got[i] < most-1 {
				t.Fatalf("%d of %v: %v is not even", total, have, got)
			}
		}
	}
}

func TestProportional(t *testing.T) {
	const all = math.MaxInt64
	for _, tt := range []struct {
		total               int64
		weights, most, want []int64
	}{
		{10, []int64{1, 1}, []int64{all, all}, []int64{5, 5}},
		{10, []int64{700, 100, 200}, []int64{all, all, all}, []int64{7, 1, 2}},
		{1, []int64{1, 2}, []int64{all, all}, []int64{0, 1}},
		{2, []int64{1, 1, 1}, []int64{all, all, all}, []int64{1, 1, 0}},
		{5, []int64{0, 0}, []int64{all, all}, []int64{0, 0}},
		{5, []int64{0, 3}, []int64{all, all}, []int64{0, 5}},
		{math.MaxInt64, []int64{337}, []int64{all}, []int64{math.MaxInt64}},
		{math.MaxInt64, []int64{9, 9}, []int64{all, all}, []int64{1 << 62, 1<<62 - 1}},
		{math.MaxInt64, []int64{9, 9}, []int64{7, 8}, []int64{7, 8}},
		{10, []int64{1, 1}, []int64{2, all}, []int64{2, 8}},
		{10, []int64{700, 100, 200}, []int64{4, all, all}, []int64{4, 2, 4}},
		{10, []int64{700, 100, 200}, []int64{4, 1, all}, []int64{4, 1, 5}},
		{10, []int64{700, 100, 0}, []int64{4, 1, all}, []int64{4, 1, 0}},
		{10, []int64{1, 1}, []int64{0, 0}, []int64{0, 0}},
		{0, []int64{1, 1}, []int64{3, 3}, []int64{0, 0}},
	} {
		if got := proportional(tt.total, tt.weights, tt.most); !slices.Equal(got, tt.want) {
			t.Errorf("%d by %v up to %v: got %v, want %v", tt.total, tt.weights, tt.most, got, tt.want)
		}
	}
}

func TestLowest(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for _, size := range []int64{0, 1, 10, 1000} {
		l := lowest{size: size}
		var all []uint64
		for range 500 {
			r := rng.Uint64N(1 << 40)
			all = append(all, r)
			if l.admits(r) {
				l.add(ranked{rank: r})
			}
		}
		slices.Sort(all)
		var got []uint64
		for _, e := range l.entries {
			got = append(got, e.rank)
		}
		slices.Sort(got)
		if want := all[:min(int(size), len(all))]; !slices.Equal(got, want) {
			t.Errorf("size %d: got %d entries", size, len(got))
		}
	}
}

// TestRankUnbiased checks that the sample does not favour photos by their id:
// among ids in order, each tenth of the list gets its share.
func TestRankUnbiased(t *testing.T) {
	const n, tenths = 20_000, 10
	l := lowest{size: n / 4}
	for i := range n {
		h := match{id: oitest.HexID(uint64(i) << 40), sum: uint64(i % 7)}
		if r := rank(1, &h); l.admits(r) {
			l.add(ranked{r, int64(i)})
		}
	}
	var counts [tenths]int
	for _, e := range l.entries {
		counts[e.offset*tenths/n]++
	}
	for i, c := range counts {
		// 500 expected; 5 standard deviations of the hypergeometric law
		// are 92.
		if c < 408 || c > 592 {
			t.Errorf("tenth %d has %d of %d, want about 500", i, c, n/4)
		}
	}
}

// TestLowestSounds takes fewer and fewer of many, and compares with a sort.
func TestLowestSounds(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for range 20 {
		l := lowestSounds{bound: math.MaxUint64}
		var all []uint64
		most := int64(math.MaxInt64 / 4)
		for i := range 20_000 {
			if i%4000 == 3999 {
				most = min(most, rng.Int64N(3000)+1)
			}
			e := sound{rank: rng.Uint64(), from: int64(i)}
			all = append(all, e.rank)
			before := len(l.entries)
			l.add(e, most)
			if now := len(l.entries); now > before && int64(now) >= 2*most+1024 {
				t.Fatalf("%d are kept for %d", now, most)
			}
		}
		n := 1 + rng.Int64N(most)
		l.cut(n)
		slices.Sort(all)
		for i, e := range l.entries {
			if e.rank != all[i] {
				t.Fatalf("the %dth of %d is %d, want %d", i, n, e.rank, all[i])
			}
		}
		if int64(len(l.entries)) != n || l.have != int64(len(all)) {
			t.Fatalf("%d of %d, want %d of %d", len(l.entries), l.have, n, len(all))
		}
	}
}

// TestOnlyPassesNoEmptyBatch has a batch in a hundred with a match that is kept:
// the others must not wait for it in memory.
func TestOnlyPassesNoEmptyBatch(t *testing.T) {
	sub := &subset{used: make(chan *batch, maxUsed)}
	limits := &quotas{highest: []uint64{math.MaxUint64, 0}, none: []bool{false, true}}
	batches := func(yield func(*batch, error) bool) {
		for i := range 1000 {
			b := newBatch(sub)
			matches := []match{{id: oitest.HexID(uint64(i)), label: min(i%100, 1)}}
			if b.groups = append(b.groups, group{matches, matches}); !yield(b, nil) {
				return
			}
		}
	}
	n := 0
	for b, err := range limits.only(1, batches) {
		if err != nil || len(b.groups) != 1 || b.groups[0].matches[0].label != 0 {
			t.Fatalf("groups %v, %v", b.groups, err)
		}
		n++
	}
	if n != 10 {
		t.Errorf("%d batches, want 10", n)
	}
}
