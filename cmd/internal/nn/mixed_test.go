package nn

import (
	"math"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/model"
)

// TestMixed: what a network says of pictures of two labels comes to their
// shares, next to a teacher too; the next batch knows nothing of them.
func TestMixed(t *testing.T) {
	for _, net := range []*model.Network{Residual(16, 16, 2, 6, 1), Residual(16, 16, 4, 6, 1)} {
		images, labels := noise(net, 6, 5)
		seconds, shares := make([]int, 6), []float32{0, 0.25, 0.5, 0.5, 0.25, 0}
		want, answers := make([][]float32, 6), make([][]float32, 6)
		for i, label := range labels {
			seconds[i] = (label + 1) % len(net.Classes)
			want[i], answers[i] = make([]float32, len(net.Classes)), make([]float32, len(net.Classes))
			want[i][label], want[i][seconds[i]] = 1-shares[i], shares[i]
			copy(answers[i], want[i])
		}
		for _, teacher := range []Distillation{{}, {Share: 0.5, Temperature: 1}} {
			b := Batch{Images: images, Labels: labels, Seconds: seconds, Shares: shares}
			if teacher.Share > 0 {
				b.Answers = answers
			}
			tr := newTrainer(t, net, Options{Batch: 6, Optimizer: "adam", LR: 0.01, Teacher: teacher})
			for range 400 {
				if _, _, err := tr.Step(b); err != nil {
					t.Fatal(err)
				}
			}
			rows := predicted(t, tr, images)
			for i, row := range rows {
				for c, got := range row {
					if math.Abs(float64(got-want[i][c])) > 0.03 {
						t.Errorf("%d classes, picture %d: it says %v, want %v", len(net.Classes), i, row, want[i])
						break
					}
				}
			}
		}

		// Batches of one size share their memory: the shares of one must not
		// count in the next.
		mixed := Batch{Images: images, Labels: labels, Seconds: seconds, Shares: shares}
		tr := newTrainer(t, net, Options{Batch: 6, Optimizer: "sgd", LR: 1e-30})
		alone := step(t, tr, images, labels, nil)
		if loss, _, err := tr.Step(mixed); err != nil || loss == alone {
			t.Errorf("the loss of mixed pictures is %g, alone %g: %v", loss, alone, err)
		}
		if loss := step(t, tr, images, labels, nil); loss != alone {
			t.Errorf("after mixed pictures the loss is %g, before %g", loss, alone)
		}
	}
}

func TestMixedErrors(t *testing.T) {
	net := Reference(22, 22, 3, 1)
	images, labels := noise(net, 2, 1)
	tr := newTrainer(t, net, Options{Batch: 2})
	before := tr.Network().WeightsHash()
	for name, b := range map[string]Batch{
		"no shares": {Seconds: []int{1, 2}}, "no seconds": {Shares: []float32{0.5, 0.5}},
		"too few": {Seconds: []int{1}, Shares: []float32{0.5}}, "a label of 3": {Seconds: []int{1, 3}, Shares: []float32{0, 0}},
		"a label of -1": {Seconds: []int{-1, 0}, Shares: []float32{0, 0}}, "more than all": {Seconds: []int{1, 2}, Shares: []float32{0, 1.5}},
		"less than nothing": {Seconds: []int{1, 2}, Shares: []float32{-0.5, 0}}, "no number": {Seconds: []int{1, 2}, Shares: []float32{0, float32(math.NaN())}},
	} {
		b.Images, b.Labels = images, labels
		if _, _, err := tr.Step(b); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if tr.Network().WeightsHash() != before || tr.State().Step != 0 {
		t.Error("a refused batch changed the trainer")
	}
}
