package main

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestParseRule(t *testing.T) {
	for text, want := range map[string]thresholdRule{
		"f1": {"f1", "", 0}, "f1[Hot dog]": {"f1", "Hot dog", 0}, "precision=0.95": {"precision", "", 0.95}, "recall=90%": {"recall", "", 0.9},
		"recall[A=B]=0.5": {"recall", "A=B", 0.5}, "recall[a [b]]=0.5": {"recall", "a [b]", 0.5}, "f1[x=1]": {"f1", "x=1", 0}, "cost=2.5": {"cost", "", 2.5},
	} {
		if got, ok := parseRule(text); !ok || got != want {
			t.Errorf("%s: %+v, %v", text, got, ok)
		}
	}
}

func TestThreshold(t *testing.T) {
	rows := [][]float32{{0.9, 0.1}, {0.2, 0.8}, {0.7, 0.3}, {0.45, 0.55}}
	truth := []int{0, 1, 1, 1} // the third, of a little less than 0.7, is wrong
	for _, tc := range []struct {
		rule     thresholdRule
		class    int
		want     float64
		answered float64
	}{
		{thresholdRule{"precision", "", 0.7}, 0, 0.001, 1},
		{thresholdRule{"precision", "", 0.8}, 0, 0.7, 0.5},
		{thresholdRule{"precision", "", 0.99}, 0, 0.7, 0.5},
		{thresholdRule{"precision", "a", 0.9}, 0, 0.7, 0.5},
		{thresholdRule{"precision", "b", 0.9}, 1, 0.001, 1},
		{thresholdRule{"recall", "", 0.7}, 0, 0.55, 1},
		{thresholdRule{"recall", "", 0.5}, 0, 0.8, 0.5},
		{thresholdRule{"recall", "a", 0.9}, 0, 0.899, 0.25},
		{thresholdRule{"recall", "b", 0.6}, 1, 0.55, 1},
		{thresholdRule{"cost", "", 0.5}, 0, 0.001, 1},
		{thresholdRule{"cost", "", 1.5}, 0, 0.001, 1},
		{thresholdRule{"cost", "", 5}, 0, 0.7, 0.5},
		{thresholdRule{"f1", "a", 0}, 0, 0.7, 0.5},
		{thresholdRule{"f1", "b", 0}, 1, 0.001, 1},
		{thresholdRule{"f1", "", 0}, 0, 0.7, 0.5}, // 1 and .5 in the mean, against .667 and .8
	} {
		a := newAnswersOf(rows, truth)
		got, err := tc.rule.choose(a, tc.class)
		if err != nil || math.Abs(got-tc.want) > 1e-9 || a.cover(got).Answered != tc.answered {
			t.Errorf("%+v: %g, by which %g are answered (%v)", tc, got, a.cover(got).Answered, err)
		}
	}
	for _, tc := range []struct {
		rule thresholdRule
		want string
	}{
		{thresholdRule{"precision", "", 0.9}, "no probability is so high"},
		{thresholdRule{"recall", "", 0.1}, "0 of the 4 validation items are answered right"},
		{thresholdRule{"recall", "b", 0.1}, "0 of the 2 validation items of b are answered right"},
		{thresholdRule{"cost", "", 5}, "cost more than giving none"},
	} {
		_, err := tc.rule.choose(newAnswersOf(rows, []int{1, 0, 1, 0}), 1)
		if !errors.Is(err, errUnreachable) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%+v, of a model that is always wrong: %v", tc.rule, err)
		}
	}
}

// Whatever the answers: a precision or recall that is reached is reached, no
// lower or higher threshold has it, and no threshold costs less.
func TestThresholdProperties(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 60 {
		n, classes := 1+r.IntN(60), 2+r.IntN(3)
		rows, truth := make([][]float32, n), make([]int, n)
		for i := range rows {
			sum := float32(0)
			for range classes {
				rows[i] = append(rows[i], r.Float32())
				sum += rows[i][len(rows[i])-1]
			}
			for k := range rows[i] {
				rows[i][k] /= sum
			}
			truth[i] = r.IntN(classes)
		}
		a, wanted := newAnswersOf(rows, truth), 0.05+0.9*r.Float64()
		precision := func(t float64) float64 { all, _ := a.tallies(t); return float64(all.right) / float64(all.answered) }
		recall := func(t float64) float64 { all, _ := a.tallies(t); return float64(all.right) / float64(all.items) }
		cost := func(t float64) float64 {
			all, _ := a.tallies(t)
			return 3*float64(all.answered-all.right) + float64(all.items-all.answered)
		}
		p, perr := thresholdRule{"precision", "", wanted}.choose(a, 0)
		rec, rerr := thresholdRule{"recall", "", wanted}.choose(a, 0)
		c, cerr := thresholdRule{"cost", "", 3}.choose(a, 0)
		for step := 1; step < 1000; step++ {
			at := float64(step) / 1000
			if all, _ := a.tallies(at); all.answered == 0 {
				break
			}
			if (perr != nil || at < p) && precision(at) >= wanted || perr == nil && at == p && precision(at) < wanted {
				t.Fatalf("precision %g: chose %g (%v), at %g it is %g", wanted, p, perr, at, precision(at))
			}
			if (rerr != nil || at > rec) && recall(at) >= wanted || rerr == nil && at == rec && recall(at) < wanted {
				t.Fatalf("recall %g: chose %g (%v), at %g it is %g", wanted, rec, rerr, at, recall(at))
			}
			if cerr == nil && cost(at) < cost(c) || cerr != nil && cost(at) <= float64(n) {
				t.Fatalf("cost 3: chose %g (%v), at %g it costs %g", c, cerr, at, cost(at))
			}
		}
	}
}

// TestReaches: a share that is met exactly is met, whatever float64 makes of it.
func TestReaches(t *testing.T) {
	for n := int64(1); n <= 2000; n++ {
		for percent := int64(1); percent <= 100; percent++ {
			for right := max(0, n*percent/100-1); right <= min(n, n*percent/100+1); right++ {
				if got, want := reaches(right, float64(percent)/100, n), 100*right >= n*percent; got != want {
					t.Fatalf("%d of %d is %d %% or more: %v", right, n, percent, got)
				}
			}
		}
	}
}
