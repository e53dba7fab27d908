package nn

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/kernel"
	"github.com/opensandwich/oi/cmd/internal/model"
)

// noise returns n pictures and labels for a network.
func noise(net *model.Network, n int, seed uint64) (images [][]byte, labels []int) {
	size := net.Height * net.Width * net.Channels
	for i := range n {
		image := make([]byte, size)
		for k := range image {
			image[k] = byte(mix(seed + uint64(i*size+k)*golden))
		}
		images = append(images, image)
		labels = append(labels, int(mix(seed+uint64(i))%uint64(len(net.Classes))))
	}
	return images, labels
}

// mixed is a small network with every kind of layer, alone and fused.
func mixed(t testing.TB, classes int) *model.Network {
	t.Helper()
	n := &model.Network{
		Height: 13, Width: 12, Channels: 3, Arch: "mixed", Classes: []string{"a", "b", "c", "d"}[:classes],
		Layers: []model.Layer{
			{Kind: model.Conv, Out: 5, Kernel: 3, Stride: 1}, {Kind: model.ReLU}, {Kind: model.MaxPool2},
			{Kind: model.Conv, Out: 6, Kernel: 3, Stride: 1, Pad: 1}, {Kind: model.ReLU},
			{Kind: model.MaxPool2},
			{Kind: model.Dropout, Rate: 0.25},
			{Kind: model.Conv, Out: 4, Kernel: 2, Stride: 2, Pad: 1}, {Kind: model.MaxPool2},
			{Kind: model.Flatten}, {Kind: model.Dense, Out: 7}, {Kind: model.ReLU}, {Kind: model.Dropout, Rate: 0.5},
		},
	}
	n.Layers = append(n.Layers, model.Layer{Kind: model.Dense, Out: n.Outputs()})
	if err := Initialise(n, 5); err != nil {
		t.Fatal(err)
	}
	scatter(n.Params)
	return n
}

// scatter gives biases and gains values other than those they start with, which
// would hide a mistake.
func scatter(params []model.Param) {
	for i, p := range params {
		if len(p.Shape) == 1 {
			for k := range p.Data {
				p.Data[k] = float32(int(mix(uint64(i*100+k))%11)-4) / 50
			}
		}
	}
}

// skipping is a small network of additions: with and without ReLU after them,
// of pictures and of vectors, two of the same layer, of one in the midst of
// what could be fused, and of one without parameters before it.
func skipping(t testing.TB, classes int) *model.Network {
	t.Helper()
	conv := func(out int) model.Layer {
		return model.Layer{Kind: model.Conv, Out: out, Kernel: 3, Stride: 1, Pad: 1}
	}
	relu := model.Layer{Kind: model.ReLU}
	add := func(from int) model.Layer { return model.Layer{Kind: model.Add, From: from} }
	n := &model.Network{
		Height: 11, Width: 8, Channels: 3, Arch: "skipping", Classes: []string{"a", "b", "c", "d"}[:classes],
		Layers: []model.Layer{
			relu, conv(3), add(1), // 3: the picture again
			conv(5), relu, {Kind: model.MaxPool2}, // 6
			conv(5), relu, conv(5), add(6), relu, // 11
			conv(5), add(6), // 13: without ReLU
			conv(5), relu, add(14), // 16: of the convolution before its ReLU
			{Kind: model.Dropout, Rate: 0.25},
			conv(5), add(17), relu, add(11), // 21
			{Kind: model.AvgPool}, // 22
			{Kind: model.Dense, Out: 5}, relu, add(22), {Kind: model.Dropout, Rate: 0.25},
		},
	}
	n.Layers = append(n.Layers, model.Layer{Kind: model.Dense, Out: n.Outputs()})
	if err := Initialise(n, 5); err != nil {
		t.Fatal(err)
	}
	scatter(n.Params)
	return n
}

// modern are options that use everything that Residual is made for.
func modern(o Options) Options {
	o.Optimizer, o.LR, o.WeightDecay, o.LabelSmoothing, o.EMADecay, o.WeightStandardization = "adam", 0.002, 0.05, 0.1, 0.99, true
	return o
}

func newTrainer(t testing.TB, net *model.Network, o Options) *Trainer {
	t.Helper()
	tr, err := NewTrainer(net, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.Close)
	return tr
}

func step(t testing.TB, tr *Trainer, images [][]byte, labels []int, weights []float32) float64 {
	t.Helper()
	loss, _, err := tr.Step(images, labels, weights)
	if err != nil {
		t.Fatal(err)
	}
	return loss
}

func TestReference(t *testing.T) {
	tests := []struct{ h, w, classes, parameters int }{
		{128, 128, 2, 831_585},
		{128, 128, 16, 831_585 - 65 + 65*16},
		{22, 22, 3, 896 + 9248 + 18496 + 64*64 + 64 + 65*3},
		{37, 50, 2, 896 + 9248 + 18496 + 2*4*64*64 + 64 + 65},
	}
	for _, test := range tests {
		n := Reference(test.h, test.w, test.classes, 1)
		if err := n.Validate(); err != nil {
			t.Error(err)
		}
		if got := n.Parameters(); got != test.parameters {
			t.Errorf("%dx%d, %d classes: %d parameters, want %d", test.h, test.w, test.classes, got, test.parameters)
		}
	}
	for _, n := range []*model.Network{Reference(21, 128, 2, 1), Reference(128, 128, 1, 1), Reference(0, 0, 0, 0)} {
		if err := n.Validate(); err == nil || n.Params != nil {
			t.Errorf("%dx%d, %d classes: %v, %d parameters", n.Height, n.Width, len(n.Classes), err, len(n.Params))
		}
	}
}

func TestInitialise(t *testing.T) {
	n := Reference(128, 128, 2, 1)
	const golden = "1cc923278ff0aa1fc7396b7614f3f6b1810cf0e9d58bbc94f7878eb249772446"
	if got := n.WeightsHash(); got != golden {
		t.Errorf("weights of seed 1 have the hash %s, want %s on every platform", got, golden)
	}
	if Reference(128, 128, 2, 2).WeightsHash() == golden {
		t.Error("the seed changes nothing")
	}
	limits := map[string]float64{"conv1": 0.13801, "conv2": 0.10206, "conv3": 0.08333, "dense1": 0.021815, "dense2": 0.30382}
	for _, p := range n.Params {
		layer, what, _ := strings.Cut(p.Name, ".")
		if what == "bias" {
			if slices.ContainsFunc(p.Data, func(v float32) bool { return v != 0 }) {
				t.Errorf("%s is not zero", p.Name)
			}
			continue
		}
		limit := limits[layer]
		var sum, squares, largest float64
		for _, v := range p.Data {
			sum += float64(v)
			squares += float64(v) * float64(v)
			largest = max(largest, math.Abs(float64(v)))
		}
		count := float64(len(p.Data))
		if largest > limit*1.0001 || largest < limit*0.9 {
			t.Errorf("%s: largest weight %v, limit %v", p.Name, largest, limit)
		}
		// The mean of n uniform numbers has the deviation limit/sqrt(3n), their
		// variance is limit^2/3.
		if math.Abs(sum/count) > 5*limit/math.Sqrt(3*count) {
			t.Errorf("%s: mean %v", p.Name, sum/count)
		}
		if variance := squares / count; math.Abs(variance/(limit*limit/3)-1) > 5*math.Sqrt(0.8/count) {
			t.Errorf("%s: variance %v, want %v", p.Name, variance, limit*limit/3)
		}
	}
}

// TestGradients compares the gradients of a whole step with finite differences
// of a float64 loss.
func TestGradients(t *testing.T) {
	workers := kernel.NewWorkers(2)
	defer workers.Close()
	tests := []struct {
		name        string
		net         *model.Network
		weights     []float32
		samples     int // of each parameter
		standardise bool
		smoothing   float64
	}{
		{"mixed, two classes", mixed(t, 2), []float32{1, 1, 1}, 50, false, 0},
		{"mixed, three classes, weights", mixed(t, 3), []float32{0.5, 2, 0, 1}, 50, false, 0},
		{"mixed, standardised", mixed(t, 4), []float32{1, 1, 2}, 25, true, 0},
		{"reference, one picture", Reference(23, 24, 2, 3), []float32{1}, 7, false, 0},
		{"reference, four classes", Reference(22, 22, 4, 3), []float32{1, 3}, 4, false, 0.2},
		{"skipping, two classes", skipping(t, 2), []float32{1, 1, 1}, 15, false, 0.1},
		{"skipping, three classes, standardised", skipping(t, 3), []float32{1, 0.5}, 15, true, 0.1},
		{"residual, one picture", Residual(16, 16, 2, 2, 3), []float32{1}, 8, false, 0},
		{"residual, four classes, standardised", Residual(21, 18, 4, 3, 3), []float32{1, 2, 1}, 5, true, 0.1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.net.Arch != "reference" {
				scatter(test.net.Params)
			}
			w, err := newWeights(test.net)
			if err != nil {
				t.Fatal(err)
			}
			if test.standardise {
				w.addGains()
				gains := w.params[len(test.net.Params):]
				scatter(gains)
				for _, p := range gains {
					for k := range p.Data {
						p.Data[k] += 0.7
					}
				}
			}
			state := &trainingState{seed: 11, step: 7, smoothing: test.smoothing}
			batch := len(test.weights)
			cg, err := newTrainingGraph(workers, &bufferPool{}, w, batch, state)
			if err != nil {
				t.Fatal(err)
			}
			images, labels := noise(test.net, batch, 17)
			cg.load(images)
			copy(cg.labels, labels)
			copy(cg.weights, test.weights)
			if err := cg.run(); err != nil {
				t.Fatal(err)
			}

			params, weights := params64(w.params), make([]float64, batch)
			for i, v := range test.weights {
				weights[i] = float64(v)
			}
			loss := func() float64 {
				return lossOf64(test.net, fold64(w, params), images, labels, weights, *state)
			}
			if want := loss(); math.Abs(cg.found.loss-want) > 1e-5 {
				t.Errorf("loss %v, want %v", cg.found.loss, want)
			}
			const h = 1e-6
			for i, param := range w.params {
				v, err := cg.params[i].Grad()
				if err != nil {
					t.Fatal(err)
				}
				got := floats(v)
				var scale float64
				for _, g := range got {
					scale = max(scale, math.Abs(float64(g)))
				}
				if scale == 0 {
					t.Errorf("%s: no gradient at all", param.Name)
				}
				stride := max(1, len(got)/test.samples)
				for k := 0; k < len(got); k += stride {
					old := params[i][k]
					params[i][k] = old + h
					up := loss()
					params[i][k] = old - h
					down := loss()
					params[i][k] = old
					if want := (up - down) / (2 * h); math.Abs(float64(got[k])-want) > 1e-4*scale+1e-8 {
						t.Errorf("%s[%d]: gradient %v, want %v", param.Name, k, got[k], want)
					}
				}
			}
		})
	}
}

func TestPredictMatchesFloat64(t *testing.T) {
	for _, net := range []*model.Network{mixed(t, 2), mixed(t, 4), Reference(30, 27, 2, 9), Reference(22, 23, 5, 9), skipping(t, 2), skipping(t, 4), Residual(33, 20, 2, 4, 9)} {
		p, err := NewPredictor(net, 2, 2)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		images, _ := noise(net, 5, 3)
		rows, err := p.Predict(images)
		if err != nil {
			t.Fatal(err)
		}
		for n, row := range rows {
			z := logits64(net, params64(net.Params), images[n], 0, 1, 0, 0)
			if len(row) != len(net.Classes) {
				t.Fatalf("%d probabilities for %d classes", len(row), len(net.Classes))
			}
			for c, got := range row {
				if want := math.Exp(-crossEntropy64(z, c)); math.Abs(float64(got)-want) > 1e-6 {
					t.Errorf("picture %d, class %d: %v, want %v", n, c, got, want)
				}
			}
		}
	}
}

func TestPredictDependsOnThePictureAlone(t *testing.T) {
	net := Reference(26, 31, 3, 2)
	images, _ := noise(net, 19, 8)
	var want [][]float32
	for _, setting := range []struct{ batch, threads int }{{1, 1}, {16, 1}, {5, 2}, {19, 3}, {64, 2}} {
		p, err := NewPredictor(net, setting.batch, setting.threads)
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.Predict(images)
		if err != nil {
			t.Fatal(err)
		}
		p.Close()
		if want == nil {
			want = got
		}
		if !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("batch %d, %d threads: other answers", setting.batch, setting.threads)
		}
	}
	p, err := NewPredictor(net, 4, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if rows, err := p.Predict(nil); err != nil || len(rows) != 0 {
		t.Errorf("no picture: %v, %v", rows, err)
	}
}

// TestPredictorMemory: a large network works on fewer pictures at once than it
// was told.
func TestPredictorMemory(t *testing.T) {
	net := &model.Network{Height: 1024, Width: 1024, Channels: 3, Classes: []string{"a", "b"}}
	net.Layers = append(slices.Repeat([]model.Layer{{Kind: model.Conv, Out: 4, Kernel: 1, Stride: 1}}, 15),
		model.Layer{Kind: model.AvgPool}, model.Layer{Kind: model.Dense, Out: 1})
	if err := Initialise(net, 1); err != nil {
		t.Fatal(err)
	}
	for batch, want := range map[int]int{1: 1, 4: 4, 64: 4} { // 60 million numbers a picture
		p, err := NewPredictor(net, batch, 1)
		if err != nil {
			t.Fatal(err)
		}
		if p.batch != want || p.graphs.batch != want {
			t.Errorf("batch %d: %d and %d pictures at once, want %d", batch, p.batch, p.graphs.batch, want)
		}
		p.Close()
	}
}

// TestSameBits trains with different numbers of threads and processors and with
// each kind of vectors, short batches included, and compares the weights bit
// for bit.
func TestSameBits(t *testing.T) {
	paths := kernel.Backends()
	if len(paths) > 1 {
		paths = paths[:len(paths)-1] // the last is Go, which has no fused multiply-add
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, test := range []struct {
		net *model.Network
		o   Options
	}{
		{Reference(34, 33, 2, 1), Options{}},
		{mixed(t, 3), Options{}},
		{skipping(t, 3), Options{Optimizer: "sgd", WeightDecay: 0.1}},
		{Residual(32, 29, 5, 6, 1), modern(Options{})},
		{Residual(27, 31, 2, 17, 1), modern(Options{})},
	} {
		images, labels := noise(test.net, 11, 5)
		var want []string
		train := func(name string, o Options) {
			o.Batch, o.Seed = 7, 4
			tr := newTrainer(t, test.net, o)
			for range 2 {
				for at := 0; at < len(images); at += 7 {
					end := min(at+7, len(images))
					step(t, tr, images[at:end], labels[at:end], nil)
				}
			}
			state := model.Network{Params: tr.State().Tensors}
			got := []string{tr.Network().WeightsHash(), state.WeightsHash()}
			if want == nil {
				want = got
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: %s gives other weights", test.net.Arch, name)
			}
			if got[0] == test.net.WeightsHash() {
				t.Errorf("%s: training changed nothing", test.net.Arch)
			}
		}
		for _, path := range paths {
			test.o.backend = path
			for _, n := range []int{1, 2, 3, 16} {
				runtime.GOMAXPROCS(2)
				test.o.Threads = n
				train(fmt.Sprintf("%s, %d threads", path, n), test.o)
				runtime.GOMAXPROCS(n)
				test.o.Threads = 0
				train(fmt.Sprintf("%s, %d processors", path, n), test.o)
			}
		}
	}
}

// TestMemory: what a run leaves behind makes no difference to the next, of
// whatever graph.
func TestMemory(t *testing.T) {
	for _, test := range []struct {
		net *model.Network
		o   Options
	}{{mixed(t, 3), Options{}}, {skipping(t, 2), Options{Optimizer: "sgd"}}, {Residual(19, 16, 3, 4, 1), modern(Options{})}} {
		images, labels := noise(test.net, 7, 5)
		test.o.Batch = 4
		train := func(spoil bool) (string, [][]float32) {
			tr := newTrainer(t, test.net, test.o)
			p, err := tr.Predictor()
			if err != nil {
				t.Fatal(err)
			}
			var rows [][]float32
			for range 3 {
				for _, part := range [][2]int{{0, 4}, {4, 7}} {
					step(t, tr, images[part[0]:part[1]], labels[part[0]:part[1]], nil)
					for _, b := range tr.memory.buffers {
						for i := range b {
							if spoil {
								b[i] = float32(math.NaN())
							}
						}
					}
				}
				if rows, err = p.Predict(images); err != nil {
					t.Fatal(err)
				}
			}
			return tr.Network().WeightsHash(), rows
		}
		hash, rows := train(false)
		spoilt, other := train(true)
		if hash != spoilt || !slices.EqualFunc(rows, other, slices.Equal) {
			t.Errorf("%s: the memory of the run before shows in the results", test.net.Arch)
		}
	}
}

func TestShortBatch(t *testing.T) {
	net := Reference(24, 24, 2, 1)
	images, labels := noise(net, 5, 5)
	long := newTrainer(t, net, Options{Batch: 16, Seed: 4, Threads: 2})
	exact := newTrainer(t, net, Options{Batch: 5, Seed: 4, Threads: 2})
	for range 3 {
		if a, b := step(t, long, images, labels, nil), step(t, exact, images, labels, nil); a != b {
			t.Errorf("loss %v in a batch of 16, %v in one of 5", a, b)
		}
	}
	if long.Network().WeightsHash() != exact.Network().WeightsHash() {
		t.Error("a short batch gives other weights")
	}
}

func TestWeights(t *testing.T) {
	net := Reference(22, 22, 2, 1)
	images, labels := noise(net, 4, 5)
	train := func(weights []float32) (float64, int, string) {
		tr := newTrainer(t, net, Options{Batch: 4, Threads: 1})
		loss, correct, err := tr.Step(images, labels, weights)
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
		p, err := tr.Predictor()
		if err != nil {
			t.Fatal(err)
		}
		rows, err := p.Predict(images)
		if err != nil {
			t.Fatal(err)
		}
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

func TestResume(t *testing.T) {
	for _, test := range []struct {
		name string
		net  *model.Network
		o    Options
	}{
		{"rmsprop", Reference(23, 23, 2, 1), Options{}},
		{"sgd", skipping(t, 3), Options{Optimizer: "sgd", WeightDecay: 0.1, EMADecay: 0.5}},
		{"everything", Residual(19, 23, 3, 4, 1), modern(Options{})},
	} {
		t.Run(test.name, func(t *testing.T) {
			images, labels := noise(test.net, 6, 5)
			o := test.o
			o.Batch, o.Seed, o.Threads = 4, 3, 2
			steps := func(tr *Trainer, n int) {
				for range n {
					if err := tr.SetLR(0.001 / float64(1+tr.State().Step)); err != nil {
						t.Fatal(err)
					}
					step(t, tr, images[:4], labels[:4], nil)
					step(t, tr, images[4:], labels[4:], nil)
				}
			}
			whole := newTrainer(t, test.net, o)
			steps(whole, 4)

			first := newTrainer(t, test.net, o)
			steps(first, 2)
			state := first.State()
			if state.Step != 4 {
				t.Errorf("step %d after 4 batches", state.Step)
			}
			saved := first.Network().WeightsHash()
			steps(first, 1) // must not reach into what was saved

			second := newTrainer(t, test.net, o)
			second.Network() // must not keep the weights it starts with
			if err := second.SetState(state); err != nil {
				t.Fatal(err)
			}
			if second.Network().WeightsHash() != saved {
				t.Error("a state has other weights than its trainer")
			}
			steps(second, 2)
			if second.Network().WeightsHash() != whole.Network().WeightsHash() {
				t.Error("a resumed run ends with other weights")
			}

			before := first.Network().WeightsHash()
			other, renamed, broken := o, first.State(), first.State()
			other.Optimizer = map[string]string{"": "sgd", "sgd": "adam", "adam": "rmsprop"}[o.Optimizer]
			other.WeightDecay = 0
			last := len(renamed.Tensors) - 1
			renamed.Tensors[last].Name = "another"
			broken.Tensors[last].Data[0] = float32(math.Inf(1))
			for name, state := range map[string]State{
				"of another network": newTrainer(t, Reference(30, 30, 2, 1), o).State(), "of another optimiser": newTrainer(t, test.net, other).State(),
				"empty": {}, "renamed": renamed, "infinite": broken,
			} {
				if err := first.SetState(state); err == nil {
					t.Errorf("a state that is %s was taken", name)
				}
			}
			if first.Network().WeightsHash() != before {
				t.Error("a refused state changed the weights")
			}
		})
	}
}

func TestPredictorOfTrainerFollowsItsWeights(t *testing.T) {
	for _, test := range []struct {
		net *model.Network
		o   Options
	}{
		{Reference(22, 22, 2, 1), Options{}},
		{Residual(16, 16, 3, 4, 1), modern(Options{})},
		{Residual(16, 16, 2, 4, 1), Options{WeightStandardization: true}},
		{Reference(22, 22, 2, 1), Options{EMADecay: 0.5}},
	} {
		images, labels := noise(test.net, 3, 5)
		test.o.Batch, test.o.Threads = 3, 2
		tr := newTrainer(t, test.net, test.o)
		live, err := tr.Predictor()
		if err != nil {
			t.Fatal(err)
		}
		for range 4 {
			fixed, err := NewPredictor(tr.Network(), 3, 1)
			if err != nil {
				t.Fatal(err)
			}
			a, errA := live.Predict(images)
			b, errB := fixed.Predict(images)
			fixed.Close()
			if errA != nil || errB != nil || !slices.EqualFunc(a, b, slices.Equal) {
				t.Errorf("%v (%v), want %v (%v)", a, errA, b, errB)
			}
			step(t, tr, images, labels, nil)
		}
	}
}

func TestDiverged(t *testing.T) {
	net := Reference(22, 22, 2, 1)
	images, labels := noise(net, 2, 5)
	tr := newTrainer(t, net, Options{Batch: 2, LR: 1e38})
	var err error
	for range 10 {
		if _, _, err = tr.Step(images, labels, nil); err != nil {
			break
		}
	}
	var diverged *NonFiniteError
	if !errors.As(err, &diverged) {
		t.Fatalf("got %v", err)
	}
	if diverged.Step != tr.State().Step || diverged.Index < -1 || diverged.Index > 1 || !strings.Contains(err.Error(), "diverged") {
		t.Errorf("%v, at step %d", err, tr.State().Step)
	}
}

// TestNonFinitePicture: the first picture for which the network overflows is
// named.
func TestNonFinitePicture(t *testing.T) {
	for _, classes := range []int{2, 3} {
		net := &model.Network{Height: 1, Width: 2, Channels: 3, Classes: []string{"a", "b", "c"}[:classes], Arch: "tiny"}
		net.Layers = []model.Layer{{Kind: model.Flatten}, {Kind: model.Dense, Out: net.Outputs()}}
		if err := Initialise(net, 1); err != nil {
			t.Fatal(err)
		}
		for i := range net.Params[0].Data {
			net.Params[0].Data[i] = -3e38
		}
		black, white := make([]byte, 6), []byte{255, 255, 255, 255, 255, 255}
		tr := newTrainer(t, net, Options{Batch: 4})
		_, _, err := tr.Step([][]byte{black, black, white, white}, []int{1, 1, 1, 1}, nil)
		var diverged *NonFiniteError
		if !errors.As(err, &diverged) || diverged.Index != 2 {
			t.Errorf("%d classes: %v (%+v), want picture 2", classes, err, diverged)
		}
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
	for _, optimizer := range []string{"adam", "sgd"} {
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
	for _, optimizer := range []string{"rmsprop", "adam", "sgd"} {
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

func TestResidual(t *testing.T) {
	for _, test := range []struct{ h, w, classes, width, parameters int }{
		{128, 128, 16, 32, 9*(3*32+32*64+2*64*64+64*128+2*128*128+128*256+2*256*256) + 32 + 3*(64+128+256) + 257*16},
		{16, 31, 2, 1, 9*(3*1+1*2+2*2*2+2*4+2*4*4+4*8+2*8*8) + 1 + 3*(2+4+8) + 9},
	} {
		n := Residual(test.h, test.w, test.classes, test.width, 1)
		if err := n.Validate(); err != nil {
			t.Error(err)
		}
		if got := n.Parameters(); got != test.parameters {
			t.Errorf("%dx%d, %d classes, width %d: %d parameters, want %d", test.h, test.w, test.classes, test.width, got, test.parameters)
		}
		if Residual(test.h, test.w, test.classes, test.width, 1).WeightsHash() != n.WeightsHash() {
			t.Error("the same seed gives other weights")
		}
		if Residual(test.h, test.w, test.classes, test.width, 2).WeightsHash() == n.WeightsHash() {
			t.Error("another seed gives the same weights")
		}
	}
	for _, n := range []*model.Network{Residual(15, 128, 2, 8, 1), Residual(128, 128, 1, 8, 1), Residual(64, 64, 2, 0, 1)} {
		if err := n.Validate(); err == nil || n.Params != nil {
			t.Errorf("%dx%d, %d classes: %v, %d parameters", n.Height, n.Width, len(n.Classes), err, len(n.Params))
		}
	}
}

func TestErrors(t *testing.T) {
	net := Reference(22, 22, 2, 1)
	for _, test := range []struct {
		o    Options
		want string
	}{
		{Options{Batch: -1}, "batch of -1"}, {Options{Batch: 1 << 20}, "batch of"}, {Options{LR: -1}, "learning rate"},
		{Options{LR: math.NaN()}, "learning rate"}, {Options{Rho: 1}, "rho"}, {Options{Eps: -1}, "epsilon"},
		{Options{Optimizer: "lion"}, `optimizer "lion"`}, {Options{Beta1: 1}, "beta1"}, {Options{Beta2: -0.1}, "beta2"},
		{Options{Momentum: math.NaN()}, "momentum"}, {Options{WeightDecay: 0.1}, "rmsprop has none"},
		{Options{Optimizer: "adam", WeightDecay: -1}, "weight decay"}, {Options{Optimizer: "sgd", WeightDecay: math.NaN()}, "weight decay"},
		{Options{Optimizer: "adam", LR: 1, WeightDecay: 1}, "weight decay"}, {Options{LabelSmoothing: 1}, "label smoothing"},
		{Options{LabelSmoothing: math.NaN()}, "label smoothing"}, {Options{EMADecay: 1}, "average"}, {Options{EMADecay: -0.5}, "average"},
		{Options{backend: "abacus"}, `no kernels for "abacus"`},
	} {
		if _, err := NewTrainer(net, test.o); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v", test.o, err)
		}
	}
	if _, err := NewTrainer(Reference(8, 8, 2, 1), Options{}); err == nil || !strings.Contains(err.Error(), "too small") {
		t.Errorf("too small a picture: %v", err)
	}
	if _, err := NewPredictor(net, 0, 1); err == nil {
		t.Error("a batch of 0 was taken")
	}
	bad := net.Clone()
	bad.Params[2].Data[1] = float32(math.NaN())
	if _, err := NewPredictor(bad, 1, 1); err == nil || !strings.Contains(err.Error(), "NaN") {
		t.Errorf("a weight of NaN: %v", err)
	}

	tr := newTrainer(t, net, Options{Batch: 2})
	images, labels := noise(net, 3, 1)
	before := tr.Network().WeightsHash()
	nan := float32(math.NaN())
	for name, args := range map[string]struct {
		images  [][]byte
		labels  []int
		weights []float32
	}{
		"0 pictures": {nil, nil, nil}, "too many": {images, labels, nil}, "labels": {images[:2], labels[:1], nil},
		"weights": {images[:2], labels[:2], []float32{1}}, "label 2": {images[:1], []int{2}, nil}, "label -1": {images[:1], []int{-1}, nil},
		"short picture": {[][]byte{images[0], images[1][1:]}, labels[:2], nil}, "NaN": {images[:1], labels[:1], []float32{nan}},
		"negative": {images[:1], labels[:1], []float32{-1}},
	} {
		if _, _, err := tr.Step(args.images, args.labels, args.weights); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if tr.Network().WeightsHash() != before || tr.State().Step != 0 {
		t.Error("a refused batch changed the trainer")
	}
	p, err := tr.Predictor()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Predict([][]byte{images[0][1:]}); err == nil {
		t.Error("a short picture was predicted")
	}
}

func TestONNXKeepsPredictions(t *testing.T) {
	for _, net := range []*model.Network{mixed(t, 2), mixed(t, 3), Reference(40, 30, 2, 1), skipping(t, 3), Residual(25, 32, 4, 6, 1)} {
		images, labels := noise(net, 6, 5)
		o := Options{Batch: 6, Seed: 3}
		if net.Arch == "residual" {
			o = modern(o)
		}
		tr := newTrainer(t, net, o)
		for range 3 {
			step(t, tr, images, labels, nil)
		}
		trained := tr.Network()
		var file bytes.Buffer
		if err := trained.WriteONNX(&file, "test", map[string]string{"trail": "none"}); err != nil {
			t.Fatal(err)
		}
		loaded, _, err := model.ReadONNX(&file)
		if err != nil {
			t.Fatal(err)
		}
		var rows [2][][]float32
		for i, n := range []*model.Network{trained, loaded} {
			p, err := NewPredictor(n, 4, 2)
			if err != nil {
				t.Fatal(err)
			}
			if rows[i], err = p.Predict(images); err != nil {
				t.Fatal(err)
			}
			p.Close()
		}
		if !slices.EqualFunc(rows[0], rows[1], slices.Equal) {
			t.Errorf("%s: a loaded model answers %v, before it was saved %v", net.Arch, rows[1], rows[0])
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
