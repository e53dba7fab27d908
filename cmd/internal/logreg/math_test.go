package logreg

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

const precision = 160

func exact(x float64) *big.Float { return new(big.Float).SetPrec(precision).SetFloat64(x) }

func number() *big.Float { return new(big.Float).SetPrec(precision) }

// exactExp is e^x to more than 100 bits: the Taylor series of x/1024, squared
// ten times.
func exactExp(x float64) *big.Float {
	r := number().Quo(exact(x), exact(1024))
	term, total := exact(1), exact(1)
	for n := 1; n < 60; n++ {
		term.Quo(term.Mul(term, r), exact(float64(n)))
		total.Add(total, term)
	}
	for range 10 {
		total.Mul(total, total)
	}
	return total
}

// exactLog is log x to more than 100 bits, by Newton's method.
func exactLog(x float64) *big.Float {
	y := exact(math.Log(x))
	for range 2 { // y += 2 (x - e^y) / (x + e^y), in which the rest is cubed
		near, _ := y.Float64()
		rest := number().Sub(y, exact(near))
		// e^y = e^near * e^rest, and the rest is tiny.
		e := exactExp(near)
		square := number().Mul(rest, rest)
		series := number().Add(exact(1), rest)
		series.Add(series, square.Quo(square, exact(2)))
		e.Mul(e, series)
		change := number().Quo(number().Sub(exact(x), e), number().Add(exact(x), e))
		y.Add(y, change.Mul(change, exact(2)))
	}
	return y
}

// ulps is by how many units in the last place got is off.
func ulps(got float64, want *big.Float) float64 {
	near, _ := want.Float64()
	unit := math.Nextafter(math.Abs(near), math.Inf(1)) - math.Abs(near)
	off, _ := number().Quo(number().Sub(exact(got), want), exact(unit)).Float64()
	return math.Abs(off)
}

func TestExp(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	values := []float64{0, -0x1p-60, 0x1p-60, 1, -1, 709.7, -708.3, -708.5, -740, -745.1, math.Ln2 / 2, -math.Ln2 / 2}
	for range 1500 {
		values = append(values, -rng.Float64(), 1400*rng.Float64()-700, -45*rng.Float64(),
			-math.Exp(-30*rng.Float64()), (float64(rng.IntN(80)-40)+0.5)*math.Ln2)
	}
	var worst, at float64
	for _, x := range values {
		if u := ulps(exp(x), exactExp(x)); u > worst {
			worst, at = u, x
		}
	}
	t.Logf("off by at most %.3f units in the last place, at %v", worst, at)
	if worst >= 1 {
		t.Errorf("off by %.3f units in the last place at %v", worst, at)
	}
	for x, want := range map[float64]float64{
		0: 1, math.Inf(-1): 0, -746: 0, -1e300: 0, 710: math.Inf(1), math.Inf(1): math.Inf(1), -745.1: math.SmallestNonzeroFloat64,
	} {
		if got := exp(x); got != want {
			t.Errorf("exp(%v) = %v, want %v", x, got, want)
		}
	}
	if got := exp(math.NaN()); got == got {
		t.Errorf("exp(NaN) = %v", got)
	}
}

func TestLog(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 1))
	values := []float64{1, 2, 16, 601, math.Nextafter(1, 2), math.Nextafter(1, 0), math.Sqrt2, math.Sqrt2 / 2, 1e-300, 1e300, 0.1}
	for range 700 {
		values = append(values, 1+rng.Float64(), 1+math.Exp(-36*rng.Float64()), 600*rng.Float64(), math.Exp(1400*rng.Float64()-700))
	}
	if got := log(1); got != 0 {
		t.Errorf("log(1) = %v", got)
	}
	var worst, at float64
	for _, x := range values[1:] {
		if u := ulps(log(x), exactLog(x)); u > worst {
			worst, at = u, x
		}
	}
	t.Logf("off by at most %.3f units in the last place, at %v", worst, at)
	if worst >= 1 {
		t.Errorf("off by %.3f units in the last place at %v", worst, at)
	}
}

// TestBits holds both to the same bits on every machine.
func TestBits(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	var mixed uint64
	for range 100_000 {
		x := 40 * rng.Float64()
		mixed = mixed*31 + math.Float64bits(exp(-x))
		mixed = mixed*31 + math.Float64bits(log(1+x))
	}
	if want := uint64(0x521bf18b26f9c57c); mixed != want {
		t.Errorf("the results are %#x together, want %#x", mixed, want)
	}
}
