package nn

import (
	"math"
	"slices"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/kernel"
	"github.com/opensandwich/oi/cmd/internal/model"
)

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
		teacher     Distillation
	}{
		{"mixed, two classes", mixed(t, 2), []float32{1, 1, 1}, 50, false, 0, Distillation{}},
		{"mixed, three classes, weights", mixed(t, 3), []float32{0.5, 2, 0, 1}, 50, false, 0, Distillation{}},
		{"mixed, standardised", mixed(t, 4), []float32{1, 1, 2}, 25, true, 0, Distillation{}},
		{"reference, one picture", Reference(23, 24, 2, 3), []float32{1}, 7, false, 0, Distillation{}},
		{"reference, four classes", Reference(22, 22, 4, 3), []float32{1, 3}, 4, false, 0.2, Distillation{}},
		{"skipping, two classes", skipping(t, 2), []float32{1, 1, 1}, 15, false, 0.1, Distillation{}},
		{"skipping, three classes, standardised", skipping(t, 3), []float32{1, 0.5}, 15, true, 0.1, Distillation{}},
		{"mixed, two classes, with a teacher", mixed(t, 2), []float32{1, 2, 0}, 50, false, 0.1, Distillation{Share: 0.9, Temperature: 4}},
		{"mixed, four classes, with a teacher", mixed(t, 4), []float32{1, 0.5}, 25, true, 0, Distillation{Share: 0.5, Temperature: 2}},
		{"residual, one picture", Residual(16, 16, 2, 2, 3), []float32{1}, 8, false, 0, Distillation{}},
		{"residual, four classes, standardised", Residual(21, 18, 4, 3, 3), []float32{1, 2, 1}, 5, true, 0.1, Distillation{}},
		{"mixed, two classes, with a teacher", mixed(t, 2), []float32{1, 2, 0}, 50, false, 0.1, Distillation{Share: 0.9, Temperature: 4}},
		{"mixed, four classes, with a teacher", mixed(t, 4), []float32{1, 0.5}, 25, true, 0, Distillation{Share: 0.5, Temperature: 2}},
		{"residual, with a teacher's features", Residual(32, 33, 3, 3, 3), []float32{1, 0, 2}, 5, false, 0.1, Distillation{Share: 0.5, Temperature: 2, FeatureShare: 3, Features: model.FeatureMap{Height: 1, Width: 2, Channels: 5}}},
		{"residual, standardised, with features alone", Residual(32, 32, 2, 3, 3), []float32{1, 2}, 5, true, 0, Distillation{FeatureShare: 0.5, Features: model.FeatureMap{Height: 2, Width: 2, Channels: 3}}},
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
			if test.teacher.FeatureShare > 0 {
				if err := w.addProjection(test.teacher.Features, 3); err != nil {
					t.Fatal(err)
				}
				scatter(w.params[len(w.params)-2:])
			}
			state := &trainingState{seed: 11, step: 7, smoothing: test.smoothing, teacher: test.teacher}
			batch := len(test.weights)
			g, err := w.trainingGraph()
			if err != nil {
				t.Fatal(err)
			}
			cg, err := newTrainingGraph(workers, &bufferPool{}, g, w, batch, state)
			if err != nil {
				t.Fatal(err)
			}
			images, labels := noise(test.net, batch, 17)
			cg.load(images)
			copy(cg.labels, labels)
			copy(cg.weights, test.weights)
			answers := teacherSays(batch, len(test.net.Classes))
			if test.teacher.Share > 0 {
				copy(cg.targets, slices.Concat(answers...))
			}
			hints := teacherShows(batch, test.teacher.Features)
			copy(cg.hints, slices.Concat(hints...))
			if err := cg.run(); err != nil {
				t.Fatal(err)
			}

			params, weights := params64(w.params), make([]float64, batch)
			for i, v := range test.weights {
				weights[i] = float64(v)
			}
			loss := func() float64 {
				return lossOf64(test.net, fold64(w, params), images, labels, weights, answers, hints, *state)
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
