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

// teacherShows returns what the features of a teacher may be for n pictures.
func teacherShows(n int, m model.FeatureMap) [][]float32 {
	rows := make([][]float32, n)
	for i := range rows {
		rows[i] = make([]float32, m.Size())
		for k := range rows[i] {
			rows[i][k] = float32(rng.At(uint64(i*m.Size()+k), 7)%9) / 3
		}
	}
	return rows
}

// TestDistill: where a teacher has the whole share, a student comes to say what
// it says, whatever the labels are.
func TestDistill(t *testing.T) {
	for _, net := range []*model.Network{Residual(16, 16, 2, 6, 1), Residual(16, 16, 4, 6, 1)} {
		images, labels := noise(net, 6, 5)
		answers := teacherSays(6, len(net.Classes))
		run := func(labels []int) [][]float32 {
			tr := newTrainer(t, net, Options{Batch: 6, Optimizer: "adam", LR: 0.01, Teacher: Distillation{Share: 1, Temperature: 2}})
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

// TestFeatures: a student whose labels say nothing comes to have the features of
// its teacher, so far as they are a linear function of its own, and is as large
// as one without a teacher.
func TestFeatures(t *testing.T) {
	net := Residual(32, 32, 3, 6, 1)
	images, _ := noise(net, 6, 5)
	to := model.FeatureMap{Height: 2, Width: 1, Channels: 4}
	hints := teacherShows(6, to)
	tr := newTrainer(t, net, Options{Batch: 6, Optimizer: "adam", LR: 0.01, Teacher: Distillation{FeatureShare: 1, Features: to}})
	var loss float64
	for range 300 {
		var err error
		if loss, _, err = tr.Step(Batch{Images: images, Labels: make([]int, 6), Weights: []float32{1, 1, 1, 1, 1, 1}, Features: hints}); err != nil {
			t.Fatal(err)
		}
	}
	alone := newTrainer(t, net, Options{Batch: 6, Optimizer: "adam", LR: 0.01})
	for range 300 {
		step(t, alone, images, make([]int, 6), nil)
	}
	hard, _, err := alone.Step(Batch{Images: images, Labels: make([]int, 6)})
	if err != nil {
		t.Fatal(err)
	}
	if loss-hard > 0.05 {
		t.Errorf("the features are %v from those of the teacher", loss-hard)
	}
	if student := tr.Network(); student.Parameters() != net.Parameters() || student.Validate() != nil {
		t.Errorf("a student of %d parameters, not %d", student.Parameters(), net.Parameters())
	}
}

func TestDistillErrors(t *testing.T) {
	net := Reference(22, 22, 3, 1)
	nan := math.NaN()
	for _, test := range []struct {
		o    Distillation
		want string
	}{
		{Distillation{Share: -0.1, Temperature: 4}, "share"}, {Distillation{Share: 1.1, Temperature: 4}, "share"}, {Distillation{Share: nan, Temperature: 4}, "share"},
		{Distillation{Share: 0.5, Temperature: 0}, "temperature"}, {Distillation{Share: 0.5, Temperature: -1}, "temperature"}, {Distillation{Share: 0.5, Temperature: nan}, "temperature"}, {Distillation{Share: 0.5, Temperature: 1e4}, "temperature"},
	} {
		if _, err := NewTrainer(net, Options{Teacher: test.o}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v", test.o, err)
		}
	}
	residual, to := Residual(32, 32, 3, 4, 1), model.FeatureMap{Height: 2, Width: 2, Channels: 3}
	for _, test := range []struct {
		net  *model.Network
		o    Distillation
		want string
	}{
		{residual, Distillation{FeatureShare: -1, Features: to}, "must not be negative"},
		{residual, Distillation{FeatureShare: nan, Features: to}, "must not be negative"},
		{residual, Distillation{FeatureShare: 1}, "want both or neither"},
		{residual, Distillation{Features: to}, "want both or neither"},
		{residual, Distillation{FeatureShare: 1, Features: model.FeatureMap{Height: 2, Width: 3, Channels: 3}}, "for a network of 2x2 places"},
		{residual, Distillation{FeatureShare: 1, Features: model.FeatureMap{Height: 2, Width: 2}}, "0 channels"},
		{net, Distillation{FeatureShare: 1, Features: to}, "reference network, which has no mean over features"},
	} {
		if _, err := NewTrainer(test.net, Options{Teacher: test.o}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v", test.o, err)
		}
	}
	images, labels := noise(net, 2, 1)
	tr := newTrainer(t, net, Options{Batch: 2, Teacher: Distillation{Share: 0.5, Temperature: 4}})
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
	pictures, labels := noise(residual, 2, 1)
	shown := newTrainer(t, residual, Options{Batch: 2, Teacher: Distillation{FeatureShare: 1, Features: to}})
	broken := teacherShows(2, to)
	broken[1][3] = float32(nan)
	for name, features := range map[string][][]float32{"no features": nil, "too few": teacherShows(1, to), "of another size": teacherShows(2, model.FeatureMap{Height: 1, Width: 1, Channels: 3}), "no number": broken} {
		if _, _, err := shown.Step(Batch{Images: pictures, Labels: labels, Features: features}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if shown.State().Step != 0 {
		t.Error("a refused batch changed the trainer")
	}
}
