package main

import (
	"strings"
	"testing"
)

func TestRate(t *testing.T) {
	for _, test := range []struct {
		schedule string
		want     []float64
	}{
		{constantRate, []float64{0.02, 0.02, 0.02, 0.02}},
		{linearRate, []float64{0.02, 0.015, 0.01, 0.005}},
	} {
		o := &options{lr: 0.02, epochs: 4, schedule: test.schedule}
		for i, want := range test.want {
			if got := o.rate(i + 1); got != want {
				t.Errorf("%s: epoch %d has %v, want %v", test.schedule, i+1, got, want)
			}
		}
	}
}

// Schedule and decay change the weights, on any number of threads and after an
// interrupt to the same ones, and the report says them.
func TestLRSchedule(t *testing.T) {
	items := twoClasses()
	for name, test := range map[string]struct {
		input []byte
		args  []string
		wrong []string // to go on with
		want  map[string]any
	}{
		"linear":   {encode(t, nil, items...), []string{"--lr-schedule", "linear"}, []string{"--lr-schedule", "constant", "--patience", "3"}, map[string]any{"lr_schedule": "linear", "patience": 3., "weight_decay": 0.05}},
		"patience": {encode(t, nil, items...), []string{"--lr-schedule", "linear", "--patience", "2"}, []string{"--lr-schedule", "constant"}, map[string]any{"patience": 2.}},
		"decay":    {encode(t, nil, items...), []string{"--weight-decay", "0.2"}, []string{"--weight-decay", "0.1"}, map[string]any{"weight_decay": 0.2, "lr_schedule": nil, "patience": 4.}},
		"both":     {encode(t, []string{"green", "red"}, variants(t, items, 3)...), []string{"--lr-schedule", "linear", "--weight-decay", "0"}, []string{"--weight-decay", "0.1"}, map[string]any{"lr_schedule": "linear", "weight_decay": 0.}},
	} {
		t.Run(name, func(t *testing.T) {
			_, got, options := changesModel(t, test.input, []string{"--arch", "residual", "--epochs", "3"}, test.args, test.wrong)
			for option, want := range test.want {
				if got := options[option]; got != want {
					t.Errorf("%s: %v, want %v", option, got, want)
				}
			}
			if strings.Contains(got.stderr, "more epochs") != (name == "decay") {
				t.Errorf("whether more epochs may help: %s", got.stderr)
			}
		})
	}
}

// A rate that had not fallen when the input ended is said.
func TestLinearRateWantsAllEpochs(t *testing.T) {
	items := twoClasses()
	input := encode(t, []string{"green", "red"}, variants(t, items, 2)...)
	const warning = "the input had 2 epochs, and the learning rate was still 0.0015: give oi-train --epochs 2 as well"
	for epochs, want := range map[string]bool{"2": false, "4": true} {
		got := runTrain(t, t.Context(), input, "--arch", "residual", "--lr-schedule", "linear", "--epochs", epochs)
		if got.code != 0 || strings.Contains(got.stderr, warning) != want {
			t.Errorf("--epochs %s: exit %d: %s", epochs, got.code, got.stderr)
		}
	}
}

func TestLRScheduleRefuses(t *testing.T) {
	input := encode(t, nil, twoClasses()...)
	for _, args := range [][]string{
		{"--lr-schedule", "cosine"}, {"--lr-schedule="}, {"--weight-decay", "-0.1"}, {"--weight-decay", "1.1"}, {"--weight-decay", "NaN"}, {"--weight-decay", "1", "--lr", "1"},
		{"--weight-decay", "0.1", "--arch", "reference"}, {"--weight-decay", "0.1", "--optimizer", "rmsprop"},
	} {
		flag, _, _ := strings.Cut(args[0], "=")
		if got := runTrain(t, t.Context(), input, args...); got.code != 2 || !strings.Contains(got.stderr, flag) {
			t.Errorf("%v: exit %d\n%s", args, got.code, got.stderr)
		}
	}
	for _, flag := range []string{"--lr-schedule=linear", "--weight-decay=0.1"} {
		if got := fitHead(t, t.Context(), t.TempDir(), small(t), input, flag); got.code != 2 || !strings.Contains(got.stderr, flag[:12]) {
			t.Errorf("%s with --backbone: exit %d\n%s", flag, got.code, got.stderr)
		}
	}
}
