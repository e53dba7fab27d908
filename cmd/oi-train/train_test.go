package main

import (
	"bytes"
	"slices"
	"testing"
)

// Equal runs give the same model, whatever the threads, the memory and the
// order of the items; another seed gives another.
func TestDeterminism(t *testing.T) {
	items := twoClasses()
	input := encode(t, []string{"red", "green"}, items...)
	want := runTrain(t, t.Context(), input, "--epochs", "2", "-j1").files["m.onnx"]
	if len(want) == 0 {
		t.Fatal("no model")
	}
	for _, args := range [][]string{{"-j2"}, {"-j", "3", "--spool-memory", "0"}, {"--spool-memory=40K"}} {
		if got := runTrain(t, t.Context(), input, append(args, "--epochs", "2")...); !bytes.Equal(got.files["m.onnx"], want) {
			t.Errorf("%v: another model\n%s", args, got.stderr)
		}
	}
	turned := slices.Clone(items)
	slices.Reverse(turned)
	if got := runTrain(t, t.Context(), encode(t, []string{"red", "green"}, turned...), "--epochs", "2"); !bytes.Equal(got.files["m.onnx"], want) {
		t.Error("the order of the items makes a difference")
	}
	if got := runTrain(t, t.Context(), input, "--epochs", "2", "--seed", "2"); bytes.Equal(got.files["m.onnx"], want) {
		t.Error("the seed makes no difference")
	}
	if got := runTrain(t, t.Context(), input, "--epochs", "2", "--class-weights", "balanced"); got.code != 0 {
		t.Errorf("balanced weights: %s", got.stderr)
	}
}
