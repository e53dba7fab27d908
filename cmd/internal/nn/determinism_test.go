package nn

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/kernel"
	"github.com/opensandwich/oi/cmd/internal/model"
)

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
		{Residual(21, 18, 3, 5, 1), modern(Options{Teacher: Distillation{Share: 0.9, Temperature: 4}})},
		{Residual(32, 35, 3, 5, 1), modern(Options{Teacher: Distillation{Share: 0.9, Temperature: 4, FeatureShare: 10, Features: model.FeatureMap{Height: 2, Width: 1, Channels: 21}}})},
	} {
		images, labels := noise(test.net, 11, 5)
		answers, hints := teacherSays(len(images), len(test.net.Classes)), teacherShows(len(images), test.o.Teacher.Features)
		var want []string
		train := func(name string, o Options) {
			o.Batch, o.Seed = 7, 4
			tr := newTrainer(t, test.net, o)
			for range 2 {
				for at := 0; at < len(images); at += 7 {
					end := min(at+7, len(images))
					b := Batch{Images: images[at:end], Labels: labels[at:end]}
					if o.Teacher.Share > 0 {
						b.Answers = answers[at:end]
					}
					if o.Teacher.FeatureShare > 0 {
						b.Features = hints[at:end]
					}
					if _, _, err := tr.Step(b); err != nil {
						t.Fatal(err)
					}
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

// TestMemory: what a run leaves in memory makes no difference to the next, of
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

func TestResume(t *testing.T) {
	for _, test := range []struct {
		name string
		net  *model.Network
		o    Options
	}{
		{"rmsprop", Reference(23, 23, 2, 1), Options{}},
		{"sgd", skipping(t, 3), Options{Optimizer: "sgd", WeightDecay: 0.1, EMADecay: 0.5}},
		{"adam", mixed(t, 3), Options{Optimizer: "adam"}},
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
			other.Optimizer = map[string]string{"": "sgd", "sgd": "adam", "adam": "muon", "muon": "rmsprop"}[o.Optimizer]
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
