package nn

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/kernel"
	"github.com/opensandwich/oi/cmd/internal/model"
)

// TestGolden pins the bits of training and of answers: the weights after three
// passes over some noise, what the optimiser remembers, the losses, and the
// probabilities. They are those of assembly; Go alone rounds otherwise.
func TestGolden(t *testing.T) {
	if len(kernel.Backends()) == 1 {
		t.Skip("there is no assembly for this processor")
	}
	for _, test := range []struct {
		name                    string
		net                     *model.Network
		o                       Options
		weights, state, answers string
	}{
		{"reference", Reference(34, 33, 2, 1), Options{}, "58495fee87ddb54a", "aa05266c8285b81f", "ca742c766b1c7e6d"},
		{"reference, sixteen classes", Reference(40, 48, 16, 2), Options{Optimizer: "adam", LabelSmoothing: 0.1}, "6c405ec426443262", "dc4d68766065bbf7", "6d83093ea6808096"},
		{"residual", Residual(32, 29, 5, 16, 1), modern(Options{}), "6bcaff849027792b", "d1f1c7abda6bb6b5", "af32524d22027099"},
		{"residual, two classes", Residual(27, 31, 2, 17, 1), modern(Options{}), "21b1dc7419a12524", "e0dfee43a6dc9d45", "c35559b1c27d2c25"},
		{"residual, plain", Residual(48, 40, 3, 8, 3), Options{}, "63e05c0772fb1da1", "a91f58aa03dc94bc", "681e380c8c8c5fb3"},
		{"residual, adam", Residual(31, 30, 3, 9, 2), Options{Optimizer: "adam", WeightDecay: 0.1, WeightStandardization: true}, "1e7acc49a573442c", "016e37f0830a5d44", "9ca646bc261d24fc"},
		{"mixed", mixed(t, 3), Options{}, "badc09953a9f990a", "e179034b7bc56498", "383bb37e097add3f"},
		{"skipping", skipping(t, 3), Options{Optimizer: "sgd", WeightDecay: 0.1}, "1a2bf3f7b5fa8d76", "4757b0f800d17cb9", "d709d17e852444b1"},
	} {
		for _, threads := range []int{1, 2} {
			o := test.o
			o.Batch, o.Seed, o.Threads = 7, 4, threads
			images, labels := noise(test.net, 18, 5)
			tr := newTrainer(t, test.net, o)
			var losses []float32
			for range 3 {
				for at := 0; at < len(images); at += 7 {
					end := min(at+7, len(images))
					losses = append(losses, float32(step(t, tr, images[at:end], labels[at:end], nil)))
				}
			}
			state := model.Network{Params: tr.State().Tensors}
			results := append(losses, predictions(t, tr, images)...)
			for _, got := range []struct{ what, hash, want string }{
				{"weights", tr.Network().WeightsHash(), test.weights}, {"state", state.WeightsHash(), test.state},
				{"losses and probabilities", hashOf(results), test.answers},
			} {
				if got.hash[:16] != got.want {
					t.Errorf("%s, %d threads: hash of the %s %s, want %s", test.name, threads, got.what, got.hash[:16], got.want)
				}
			}
		}
	}
}

// predictions are the probabilities that a trainer's network gives, which must
// be those of its predictor.
func predictions(t *testing.T, tr *Trainer, images [][]byte) []float32 {
	t.Helper()
	live, err := tr.Predictor()
	if err != nil {
		t.Fatal(err)
	}
	saved, err := NewPredictor(tr.Network(), 5, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer saved.Close()
	var hashes []string
	var all []float32
	for _, p := range []*Predictor{live, saved} {
		rows, err := p.Predict(images)
		if err != nil {
			t.Fatal(err)
		}
		all = nil
		for _, row := range rows {
			all = append(all, row...)
		}
		hashes = append(hashes, hashOf(all))
	}
	if hashes[0] != hashes[1] {
		t.Error("a trainer's predictor gives other answers than its network")
	}
	return all
}

func hashOf(numbers []float32) string {
	h := sha256.New()
	for _, v := range numbers {
		h.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(v))) // a hash never fails
	}
	return hex.EncodeToString(h.Sum(nil))
}
