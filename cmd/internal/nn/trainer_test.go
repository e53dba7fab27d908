package nn

import (
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/model"
)

func TestWeights(t *testing.T) {
	net := Reference(22, 22, 2, 1)
	images, labels := noise(net, 4, 5)
	train := func(weights []float32) (float64, int, string) {
		tr := newTrainer(t, net, Options{Batch: 4, Threads: 1})
		loss, correct, err := tr.Step(Batch{Images: images, Labels: labels, Weights: weights})
		if err != nil {
			t.Fatal(err)
		}
		return loss, correct, tr.Network().WeightsHash()
	}
	loss, correct, hash := train(nil)
	if l, c, h := train([]float32{1, 1, 1, 1}); l != loss || c != correct || h != hash {
		t.Error("weights of 1 are not the same as none")
	}
	if l, _, _ := train([]float32{2, 2, 2, 2}); math.Abs(l-2*loss) > 1e-12 {
		t.Errorf("doubled weights: loss %v, want %v", l, 2*loss)
	}
	if _, c, _ := train([]float32{0, 0, 0, 0}); c != 0 {
		t.Errorf("%d pictures of weight 0 counted as correct", c)
	}
}

func TestOverfit(t *testing.T) {
	for _, test := range []struct {
		net *model.Network
		o   Options
	}{
		{Reference(26, 26, 2, 1), Options{}},
		{Reference(26, 26, 4, 1), Options{}},
		{Residual(16, 16, 4, 6, 1), Options{Optimizer: "adam", LR: 0.01, EMADecay: 0.9, WeightStandardization: true}},
		{Residual(16, 16, 4, 6, 1), Options{Optimizer: "muon", LR: 0.01, EMADecay: 0.9, WeightStandardization: true}},
		{Residual(16, 16, 2, 6, 1), Options{Optimizer: "sgd", LR: 0.02, EMADecay: 0.9, WeightStandardization: true}},
	} {
		net, classes := test.net, len(test.net.Classes)
		images, labels := noise(net, 8, 5)
		test.o.Batch, test.o.Seed = 8, 1
		tr := newTrainer(t, net, test.o)
		first := step(t, tr, images, labels, nil)
		for range 150 {
			step(t, tr, images, labels, nil)
		}
		rows := predicted(t, tr, images)
		var loss float64
		for i, row := range rows {
			loss -= math.Log(float64(row[labels[i]])) / float64(len(rows))
		}
		if loss > first/5 {
			t.Errorf("%s, %d classes: loss %v after 150 steps on one batch, %v before", net.Arch, classes, loss, first)
		}
		t.Logf("%s, %d classes: loss %.4f -> %.4f", net.Arch, classes, first, loss)
	}
}

// TestAverage works out averages and folding in float64 from the weights after
// every step.
func TestEMA(t *testing.T) {
	const decay = 0.3 // reached in step 3
	net := Residual(16, 17, 3, 3, 1)
	images, labels := noise(net, 4, 5)
	tr := newTrainer(t, net, Options{Batch: 4, Optimizer: "adam", EMADecay: decay, WeightStandardization: true})
	averages := params64(tr.weights.params)
	for n := 1.0; n <= 6; n++ {
		step(t, tr, images, labels, nil)
		d := min(decay, (1+n)/(10+n))
		for i, now := range params64(tr.weights.params) {
			for k, v := range now {
				averages[i][k] = d*averages[i][k] + (1-d)*v
			}
		}
		for i, want := range fold64(tr.weights, averages) {
			p := tr.Network().Params[i]
			for k, v := range p.Data {
				if math.Abs(float64(v)-want[k]) > 1e-5 {
					t.Fatalf("step %v: %s[%d] is %v, want %v", n, p.Name, k, v, want[k])
				}
			}
		}
	}
}

// TestGains: a block starts as nothing but what it adds to.
func TestGains(t *testing.T) {
	net := Residual(16, 16, 3, 2, 1)
	tr := newTrainer(t, net, Options{WeightStandardization: true})
	zero := map[string]bool{"conv4": true, "conv7": true, "conv10": true}
	gains := tr.weights.params[len(net.Params):]
	if len(gains) != 10 {
		t.Errorf("%d gains", len(gains))
	}
	for _, p := range gains {
		want := float32(1)
		if zero[strings.TrimSuffix(p.Name, ".gain")] {
			want = 0
		}
		for _, v := range p.Data {
			if v != want {
				t.Errorf("%s starts at %v, want %v", p.Name, v, want)
			}
		}
	}
	for _, p := range tr.Network().Params {
		layer, what, _ := strings.Cut(p.Name, ".")
		var squares float64
		for _, v := range p.Data {
			squares += float64(v) * float64(v)
		}
		switch {
		case what == "bias" || strings.HasPrefix(layer, "dense"):
		case zero[layer] && squares != 0:
			t.Errorf("%s does not start at zero", p.Name)
		case !zero[layer]: // He's rule: a sum of squares of 2 for every channel
			if want := 2 * float64(p.Shape[3]); math.Abs(squares-want) > 0.02*want {
				t.Errorf("%s: squares add up to %v, want %v", p.Name, squares, want)
			}
		}
	}
	if err := tr.Network().Validate(); err != nil {
		t.Error(err)
	}
}

// TestWeightDecay: pictures of weight 0 give no gradient, so that only the
// decay is left. Biases and gains have none.
func TestWeightDecay(t *testing.T) {
	net := mixed(t, 2)
	images, labels := noise(net, 2, 5)
	for _, optimizer := range []string{"adam", "sgd", "muon"} {
		tr := newTrainer(t, net, Options{Batch: 2, Optimizer: optimizer, LR: 0.25, WeightDecay: 0.5, WeightStandardization: true})
		before := params64(tr.weights.params)
		step(t, tr, images, labels, []float32{0, 0})
		for i, after := range params64(tr.weights.params) {
			p := tr.weights.params[i]
			share := 1.0
			if strings.HasSuffix(p.Name, ".weight") {
				share = 1 - 0.25*0.5
			}
			for k, v := range after {
				if want := share * before[i][k]; math.Abs(v-want) > 1e-7 {
					t.Fatalf("%s: %s[%d] went from %v to %v, want %v", optimizer, p.Name, k, before[i][k], v, want)
				}
			}
		}
	}
}

func TestSetLR(t *testing.T) {
	net := mixed(t, 2)
	images, labels := noise(net, 2, 5)
	for _, optimizer := range []string{"rmsprop", "adam", "sgd", "muon"} {
		tr := newTrainer(t, net, Options{Batch: 2, Optimizer: optimizer, WeightDecay: 0})
		if err := tr.SetLR(0); err != nil {
			t.Error(err)
		}
		step(t, tr, images, labels, nil)
		if tr.Network().WeightsHash() != net.WeightsHash() {
			t.Errorf("%s: a rate of 0 changes weights", optimizer)
		}
		for _, bad := range []float64{-1, math.NaN(), math.Inf(1)} {
			if err := tr.SetLR(bad); err == nil {
				t.Errorf("a rate of %v was taken", bad)
			}
		}
	}
}

// TestStepAllocates bounds the garbage of a step: no tensors, only the small
// change of Gorgonia's tape.
func TestStepAllocates(t *testing.T) {
	for _, test := range []struct {
		net *model.Network
		o   Options
	}{{Reference(40, 40, 2, 1), Options{}}, {Residual(48, 48, 4, 16, 1), modern(Options{})}, {skipping(t, 2), Options{Optimizer: "sgd"}}} {
		images, labels := noise(test.net, 8, 5)
		test.o.Batch = 8
		tr := newTrainer(t, test.net, test.o)
		step(t, tr, images, labels, nil)
		const steps = 10
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range steps {
			step(t, tr, images, labels, nil)
		}
		runtime.ReadMemStats(&after)
		if perStep := (after.TotalAlloc - before.TotalAlloc) / steps; perStep > 16<<10 {
			t.Errorf("%s: %d bytes allocated in a step", test.net.Arch, perStep)
		} else {
			t.Logf("%s: %d bytes, %d objects allocated in a step", test.net.Arch, perStep, (after.Mallocs-before.Mallocs)/steps)
		}
	}
}
