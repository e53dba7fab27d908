package nn

import (
	"math"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/rng"
)

// teacherSays returns what a teacher may say of n pictures.
func teacherSays(n, classes int) [][]float32 {
	answers := make([][]float32, n)
	for i := range answers {
		answers[i] = make([]float32, classes)
		var sum float32
		for c := range answers[i] {
			answers[i][c] = 1 + float32(rng.At(uint64(i*classes+c), 1)%20)
			sum += answers[i][c]
		}
		for c := range answers[i] {
			answers[i][c] /= sum
		}
	}
	return answers
}

// TestDistill: where a teacher has the whole share, a student comes to say what
// it says, whatever the labels are.
func TestDistill(t *testing.T) {
	for _, net := range []*model.Network{Residual(16, 16, 2, 6, 1), Residual(16, 16, 4, 6, 1)} {
		images, labels := noise(net, 6, 5)
		answers := teacherSays(6, len(net.Classes))
		run := func(labels []int) [][]float32 {
			tr := newTrainer(t, net, Options{Batch: 6, Optimizer: "adam", LR: 0.01, Teacher: Distillation{1, 2}})
			for range 200 {
				if _, _, err := tr.Step(Batch{Images: images, Labels: labels, Answers: answers}); err != nil {
					t.Fatal(err)
				}
			}
			return predicted(t, tr, images)
		}
		rows, others := run(labels), run(make([]int, 6))
		for i, row := range rows {
			for c, p := range row {
				if math.Abs(float64(p-answers[i][c])) > 0.02 {
					t.Errorf("%d classes, picture %d: the student says %v, the teacher %v", len(net.Classes), i, row, answers[i])
					break
				}
				if p != others[i][c] {
					t.Errorf("%d classes, picture %d: %v, with other labels %v", len(net.Classes), i, row, others[i])
					break
				}
			}
		}
	}
}

func TestDistillErrors(t *testing.T) {
	net := Reference(22, 22, 3, 1)
	nan := math.NaN()
	for _, test := range []struct {
		o    Distillation
		want string
	}{
		{Distillation{-0.1, 4}, "share"}, {Distillation{1.1, 4}, "share"}, {Distillation{nan, 4}, "share"},
		{Distillation{0.5, 0}, "temperature"}, {Distillation{0.5, -1}, "temperature"}, {Distillation{0.5, nan}, "temperature"}, {Distillation{0.5, 1e4}, "temperature"},
	} {
		if _, err := NewTrainer(net, Options{Teacher: test.o}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v", test.o, err)
		}
	}
	images, labels := noise(net, 2, 1)
	tr := newTrainer(t, net, Options{Batch: 2, Teacher: Distillation{0.5, 4}})
	before := tr.Network().WeightsHash()
	for name, answers := range map[string][][]float32{
		"too few answers": teacherSays(1, 3), "too few classes": teacherSays(2, 2), "no number": {{1, 0, 0}, {0, float32(nan), 0}},
		"negative": {{1, 0, 0}, {-1, 0, 0}}, "infinite": {{1, 0, 0}, {float32(math.Inf(1)), 0, 0}},
	} {
		if _, _, err := tr.Step(Batch{Images: images, Labels: labels, Answers: answers}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, _, err := tr.Step(Batch{Images: images, Labels: labels}); err == nil {
		t.Error("a step without answers was taken")
	}
	if tr.Network().WeightsHash() != before || tr.State().Step != 0 {
		t.Error("a refused batch changed the trainer")
	}
	alone := newTrainer(t, net, Options{Batch: 2})
	if _, _, err := alone.Step(Batch{Images: images, Labels: labels, Answers: teacherSays(2, 3)}); err == nil {
		t.Error("answers were taken where there is no teacher")
	}
}
