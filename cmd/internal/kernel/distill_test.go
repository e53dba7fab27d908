package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// probabilitiesOf returns n random rows of probabilities.
func probabilitiesOf(rng *rand.Rand, n, classes int) []float32 {
	rows := make([]float32, n*classes)
	for i := range n {
		row := rows[i*classes:][:classes]
		var sum float32
		for c := range row {
			row[c] = float32(math.Exp(3 * rng.NormFloat64()))
			sum += row[c]
		}
		for c := range row {
			row[c] /= sum
		}
	}
	return rows
}

// distillation64 is the loss from its definition, without logarithms of sums.
func distillation64(z []float64, targets []float32, outputs int, weights []float32, temperature float64) float64 {
	classes := max(outputs, 2)
	var sum, count float64
	for i := range len(z) / outputs {
		logits := z[i*outputs:][:outputs]
		if outputs == 1 {
			logits = []float64{0, logits[0]}
		}
		var ps, qs float64
		for c, t := range targets[i*classes:][:classes] {
			ps += math.Pow(float64(t), 1/temperature)
			qs += math.Exp(logits[c] / temperature)
		}
		weight := 1.0
		if weights != nil {
			weight = float64(weights[i])
		}
		if weight != 0 {
			count++
		}
		for c, t := range targets[i*classes:][:classes] {
			if p, q := math.Pow(float64(t), 1/temperature)/ps, math.Exp(logits[c]/temperature)/qs; p > 0 {
				sum += weight * p * math.Log(p/q)
			}
		}
	}
	return temperature * temperature * sum / count
}

// TestDistill compares with the definition in float64, and its gradient with
// finite differences of that.
func TestDistill(t *testing.T) {
	rng := newRand(t)
	const n, h = 5, 1e-5
	for _, outputs := range []int{1, 2, 3, 16} {
		for _, weights := range [][]float32{nil, {1, 0, 2, 0.5, 1}} {
			for _, temperature := range []float64{0.5, 1, 4, 20} {
				for _, share := range []float64{0, 0.3, 0.9, 1} {
					z, z64 := values(rng, n*outputs), make([]float64, n*outputs)
					for i := range z {
						z[i] *= 4
						z64[i] = float64(z[i])
					}
					targets := probabilitiesOf(rng, n, max(outputs, 2))
					targets[0] = 0
					hard := values(rng, len(z))
					dz := append([]float32(nil), hard...)
					got := Distill(dz, z, targets, outputs, weights, 1.5, share, temperature)
					soft := func() float64 { return distillation64(z64, targets, outputs, weights, temperature) }
					if want := (1-share)*1.5 + share*soft(); math.Abs(got-want) > 1e-6*(1+want) {
						t.Errorf("%d outputs, T %g, share %g: loss %g, want %g", outputs, temperature, share, got, want)
					}
					for i, v := range z64 {
						z64[i] = v + h
						up := soft()
						z64[i] = v - h
						down := soft()
						z64[i] = v
						want := (1-share)*float64(hard[i]) + share*(up-down)/(2*h)
						if math.Abs(float64(dz[i])-want) > 1e-5*(1+math.Abs(want)) {
							t.Errorf("%d outputs, T %g, share %g: dz[%d] = %g, differences give %g", outputs, temperature, share, i, dz[i], want)
						}
					}
				}
			}
		}
	}
}

// TestDistillSigmoid: one output is two of which the first is 0.
func TestDistillSigmoid(t *testing.T) {
	rng := newRand(t)
	const n = 4
	one, targets := values(rng, n), probabilitiesOf(rng, n, 2)
	two := make([]float32, 2*n)
	for i, v := range one {
		two[2*i+1] = v
	}
	dzOne, dzTwo := make([]float32, n), make([]float32, 2*n)
	lossOne := Distill(dzOne, one, targets, 1, nil, 0, 0.9, 3)
	lossTwo := Distill(dzTwo, two, targets, 2, nil, 0, 0.9, 3)
	if lossOne != lossTwo {
		t.Errorf("loss %g of one output, %g of two", lossOne, lossTwo)
	}
	for i, d := range dzOne {
		if d != dzTwo[2*i+1] {
			t.Errorf("dz[%d] = %g of one output, %g of two", i, d, dzTwo[2*i+1])
		}
	}
}

func TestDistillExtremes(t *testing.T) {
	z := []float32{1000, -1000, 0, 3, 1, 2}
	// The scale of a row does not matter; one of zeros says nothing.
	dz := make([]float32, len(z))
	loss := Distill(dz, z, []float32{0, 1e-30, 0, 0, 0, 0}, 3, nil, 0, 1, 2)
	scaled := make([]float32, len(z))
	if l := Distill(scaled, z, []float32{0, 1, 0, 1, 1, 1}, 3, nil, 0, 1, 2); math.Abs(l-loss) > 1e-9*l {
		t.Errorf("loss %g, and %g where the rows add up to other sums", loss, l)
	}
	if !(loss > 100 && loss < 1e5) || FirstNonFinite(dz) >= 0 {
		t.Errorf("loss %g, dz %v", loss, dz)
	}
	// A student that says what the teacher says has nothing to learn.
	same := []float32{0.7, 0.2, 0.1}
	logits := make([]float32, 3)
	for i, p := range same {
		logits[i] = float32(math.Log(float64(p))) + 5
	}
	dz = make([]float32, 3)
	if loss := Distill(dz, logits, same, 3, nil, 0, 1, 4); math.Abs(loss) > 1e-10 {
		t.Errorf("loss %g of the same answer", loss)
	}
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1))} {
		logits[1] = bad
		if loss := Distill(dz, logits, same, 3, nil, 0, 0.5, 4); !math.IsNaN(loss) || dz[0] == dz[0] {
			t.Errorf("logit %g: loss %g, dz %g", bad, loss, dz[0])
		}
	}
}
