package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/record"
)

// answered returns an evaluation of n answers about classes, each right as
// often as its probability says, of boxes of three sizes: the model knows
// nothing of small ones.
func answered(t testing.TB, n, classes int) *Evaluation {
	t.Helper()
	return accumulated(t, n, classes).Evaluation()
}

func accumulated(t testing.TB, n, classes int) *Accumulator {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	var names []string
	for i := range classes {
		names = append(names, fmt.Sprintf("class %d", i))
	}
	a := NewAccumulator(dataset.Test, names)
	for i := range n {
		it := &record.Item{
			ID: fmt.Sprintf("%06d", i/2), Key: fmt.Sprintf("%06d-%d", i/2, i%2), Subset: "test",
			Box:   &record.Box{Occluded: i % 2, Truncated: -1},
			Image: &record.Image{Author: fmt.Sprintf("author %d", i/6)},
			Crop:  &record.Crop{Width: 500, Height: []int{20, 100, 300}[i%3]},
		}
		truth := r.IntN(classes)
		said, p := truth, 0.5+r.Float64()/2
		if i%3 == 0 || r.Float64() > p {
			said = (truth + 1 + r.IntN(classes-1)) % classes
		}
		row := make([]float32, classes)
		for k := range row {
			row[k] = float32((1 - p) / float64(classes-1))
		}
		row[said] = float32(p)
		if err := a.Add(it, truth, row, false); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

func TestDetails(t *testing.T) {
	const n = 3000
	e := answered(t, n, 10)
	d := e.Details
	if d.Photos != n/2 || e.Unit() != "1500 photos by 500 authors" {
		t.Errorf("%d photos, %q", d.Photos, e.Unit())
	}
	for i, c := range d.Classes {
		s := e.scores[i]
		for _, figure := range []struct {
			name     string
			value    float64
			interval *Interval
		}{
			{"precision", s.Precision, &Interval{Interval: *c.Precision}}, {"recall", s.Recall, &Interval{Interval: *c.Recall}},
			{"F1", s.F1, &Interval{Interval: *c.F1}}, {"AUC", float64(c.AUC), &Interval{Interval: *c.AUCInterval}},
		} {
			if v, in := figure.value, figure.interval; !(in.Low < v && v < in.High) || in.High-in.Low > 0.2 {
				t.Errorf("%s of %s is %g, in %g to %g", figure.name, c.Class, v, in.Low, in.High)
			}
		}
	}
	macro := e.confusion.Macro()
	if !(d.Macro.F1.Low < macro.F1 && macro.F1 < d.Macro.F1.High) {
		t.Errorf("macro F1 is %g, in %v", macro.F1, *d.Macro.F1)
	}
	if len(d.TopK) != 2 || d.TopK[0].K != 3 || d.TopK[1].K != 5 || d.TopK[0].Accuracy <= e.Accuracy || d.TopK[1].Accuracy < d.TopK[0].Accuracy {
		t.Errorf("top k %v, accuracy %g", d.TopK, e.Accuracy)
	}
	for i, c := range d.Coverage {
		if i == 0 && (c.Answered != 1 || float64(c.Accuracy) != e.Accuracy) || i > 0 && c.Answered > d.Coverage[i-1].Answered {
			t.Errorf("coverage %v", d.Coverage)
		}
	}
	if s := d.Slices[0]; s.By != "short side" || s.Value != "0 to 31 px" || s.Items != n/3 || s.Accuracy != 0 || s.Groups != 500 || s.TooFew {
		t.Errorf("the worst slice is %+v", s)
	}
	for _, s := range d.Slices {
		if !slices.Contains([]string{"short side", "occluded"}, s.By) {
			t.Errorf("items do not differ in %s", s.By)
		}
	}
	right, members := 0, 0
	for _, item := range d.Items {
		if item.Truth == item.Answer {
			right++
		}
		if item.Slices["short side"] == "0 to 31 px" {
			members++
		}
	}
	if len(d.Items) != n || right != int(e.confusion.Correct()) || members != n/3 {
		t.Errorf("%d items, %d right, %d small", len(d.Items), right, members)
	}
}

// TestDetailsOfFew: what cannot be known is left out and not made up.
func TestDetailsOfFew(t *testing.T) {
	d := answered(t, 12, 3).Details // two authors
	for _, c := range d.Classes {
		if c.F1 != nil || c.AUCInterval != nil || !c.Few || c.Recall == nil {
			t.Errorf("%+v", c)
		}
	}
	if d.Macro.F1 != nil || d.TopK != nil || !d.Slices[0].TooFew {
		t.Errorf("%+v, top k %v, slices %v", d.Macro, d.TopK, d.Slices)
	}
	a := NewAccumulator(dataset.Test, []string{"a", "b"})
	if a.Evaluation().Details != nil {
		t.Error("no answers have details")
	}
	if err := a.Add(item(1), 0, []float32{1, 0}, false); err != nil {
		t.Fatal(err)
	}
	one := a.Evaluation().Details
	if one.Classes[1].Recall != nil || one.Classes[1].Precision != nil || !math.IsNaN(float64(one.Classes[0].AUC)) {
		t.Errorf("%+v", one.Classes)
	}
	if _, err := json.Marshal(one); err != nil {
		t.Error(err)
	}
}

// TestDetailsOfMany: more answers than are kept leave the other figures as they
// are.
func TestDetailsOfMany(t *testing.T) {
	a := NewAccumulator(dataset.Test, []string{"a", "b"})
	if err := a.Add(item(1), 0, []float32{1, 0}, false); err != nil {
		t.Fatal(err)
	}
	a.details.answers = make([]answer, maxAnswers)
	for i := range 3 {
		if err := a.Add(item(i), 1, []float32{1, 0}, false); err != nil {
			t.Fatal(err)
		}
	}
	if e := a.Evaluation(); e.Details != nil || e.Items != 4 || a.details.answers != nil {
		t.Errorf("%+v", e)
	}
}

// TestSlicer: a hostile number of values is one value more.
func TestSlicer(t *testing.T) {
	var s slicer
	for i := range 1000 {
		v := s.values(&record.Item{Subset: fmt.Sprint(i)}, false)
		want := fmt.Sprint(i)
		if i >= 255 {
			want = "other"
		}
		if got := s.names(v)["subset"]; i > 0 && got != want {
			t.Fatalf("%d is %q", i, got)
		}
	}
}

// TestDetailsOnPage: the page shows what the data says.
func TestDetailsOnPage(t *testing.T) {
	r := example(t)
	r.Evaluation = answered(t, 3000, 5)
	d := r.Evaluation.Details
	var b bytes.Buffer
	if err := r.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	want := []string{
		"tried, of 1500 photos by 500 authors", fmt.Sprintf("error %.3f, Brier score %.3f", d.ECE, d.Brier),
		fmt.Sprintf("<td>%s<small>%s</small></td>", digits(r.Evaluation.scores[2].Recall), between(d.Classes[2].Recall)),
		fmt.Sprintf("<td>%.3f<small>%s</small></td>", d.Classes[2].AUC, between(d.Classes[2].AUCInterval)),
		"ROC, each class against the others", "0 to 31 px",
	}
	for _, c := range d.Coverage {
		want = append(want, fmt.Sprintf("<td>%.1f %%</td><td>%s</td>", 100*c.Answered, c.Right()))
	}
	for _, text := range want {
		if !strings.Contains(page, text) {
			t.Errorf("the page lacks %q", text)
		}
	}
	if n := strings.Count(page, `<polyline class="c4"`); n != 2 {
		t.Errorf("%d lines of the fifth class", n)
	}
}

// BenchmarkDetails is what a report on many answers costs.
func BenchmarkDetails(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		answered(b, 100_000, 16)
	}
}
