package main

import (
	"encoding/json"
	"testing"
)

// The architecture says how it is trained where the command line does not.
func TestArchitectures(t *testing.T) {
	input := encode(t, []string{"red", "green"}, twoClasses()...)
	for _, tc := range []struct {
		args            []string
		arch, optimizer string
		lr              float64
		parameters      int
	}{
		{[]string{"--arch", "residual"}, "residual", "muon", 0.003, 485089},
		{[]string{"--arch", "wide-residual"}, "wide-residual", "muon", 0.003, 1090513},
		{[]string{"--arch", "residual", "--optimizer", "sgd"}, "residual", "sgd", 0.01, 485089},
		{[]string{"--optimizer", "adam", "--lr", "0.002"}, "reference", "adam", 0.002, 32865},
		{nil, "reference", "rmsprop", 0.0005, 32865},
	} {
		got := runTrain(t, t.Context(), input, append([]string{"--epochs", "1"}, tc.args...)...)
		var r struct {
			Architecture string
			Parameters   int
			Options      struct {
				Arch, Optimizer string
				LR              float64
			}
		}
		if err := json.Unmarshal(got.files["m.json"], &r); err != nil {
			t.Fatalf("%v: %v\n%s", tc.args, err, got.stderr)
		}
		if r.Architecture != tc.arch || r.Options.Arch != tc.arch || r.Options.Optimizer != tc.optimizer || r.Options.LR != tc.lr || r.Parameters != tc.parameters {
			t.Errorf("%v: %+v", tc.args, r)
		}
	}
}
