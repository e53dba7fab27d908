package rng

import (
	"math"
	"math/bits"
	"testing"
)

// Numbers are part of formats: another one would change weights, pictures and
// splits. These are SplitMix64's published outputs for the seed 1234567.
func TestGolden(t *testing.T) {
	const seed = 1234567
	s := Source(seed)
	for i, want := range []uint64{6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821} {
		if got := s.Uint64(); got != want {
			t.Errorf("number %d is %d, want %d", i+1, got, want)
		}
		if got := At(seed, uint64(i)+1); got != want {
			t.Errorf("At(%d) is %d, want %d", i+1, got, want)
		}
	}
}

func TestFloat64(t *testing.T) {
	for _, test := range []struct {
		bits uint64
		want float64
	}{{0, 0}, {1<<11 - 1, 0}, {1 << 11, 1.0 / (1 << 53)}, {1 << 63, 0.5}, {math.MaxUint64, 1 - 1.0/(1<<53)}} {
		if got := Float64(test.bits); got != test.want {
			t.Errorf("Float64(%#x) = %b, want %b", test.bits, got, test.want)
		}
	}
}

// Every number comes from equally many of the 2^64 inputs: the lowest ones of
// each are refused, as many as there are too many.
func TestBelow(t *testing.T) {
	for _, n := range []uint64{1, 2, 3, 7, 1 << 40, 1<<63 + 1, math.MaxUint64} {
		_, excess := bits.Div64(1, 0, max(n, 2)) // 2^64 modulo n
		if n == 1 {
			excess = 0
		}
		inputs := []uint64{0, math.MaxUint64}
		at := 0
		got := Below(func() uint64 { at++; return inputs[at-1] }, n)
		switch {
		case excess == 0 && (got != 0 || at != 1): // nothing is refused
			t.Errorf("below %d: %d after %d inputs, want 0 after one", n, got, at)
		case excess > 0 && (got != n-1 || at != 2): // 0 is
			t.Errorf("below %d: %d after %d inputs, want %d after two", n, got, at, n-1)
		}
	}
	s := Source(1)
	const draws, n = 100_000, 7
	var counts [n]int
	for range draws {
		counts[Below(s.Uint64, n)]++
	}
	for i, c := range counts {
		if math.Abs(float64(c)-draws/n) > 500 {
			t.Errorf("%d came %d times in %d", i, c, draws)
		}
	}
}
