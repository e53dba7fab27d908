package metrics

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

// confusion builds a matrix from its rows.
func confusion(t *testing.T, classes []string, rows [][]int) *Confusion {
	t.Helper()
	c := NewConfusion(classes)
	for truth, row := range rows {
		for predicted, n := range row {
			for range n {
				if err := c.Add(truth, predicted); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return c
}

func TestTextGolden(t *testing.T) {
	for _, tc := range []struct {
		name    string
		classes []string
		rows    [][]int
		digits  int
		want    string
	}{
		{
			"two classes", []string{"Hamburger", "Sandwich"}, [][]int{{825, 574}, {89, 1020}}, 2,
			"              precision    recall  f1-score   support\n\n   Hamburger       0.90      0.59      0.71      1399\n    Sandwich       0.64      0.92      0.75      1109\n\n    accuracy                           0.74      2508\n   macro avg       0.77      0.75      0.73      2508\nweighted avg       0.79      0.74      0.73      2508\n",
		},
		{
			"never said", []string{"a", "b"}, [][]int{{3, 0}, {1, 0}}, 3,
			"              precision    recall  f1-score   support\n\n           a      0.750     1.000     0.857         3\n           b      0.000     0.000     0.000         1\n\n    accuracy                          0.750         4\n   macro avg      0.375     0.500     0.429         4\nweighted avg      0.562     0.750     0.643         4\n",
		},
		{
			"long name, a class that does not occur", []string{"Grilled cheese sandwich", "Übergröße", "x"}, [][]int{{1, 1, 0}, {0, 2, 0}, {0, 0, 0}}, 2,
			"                         precision    recall  f1-score   support\n\nGrilled cheese sandwich       1.00      0.50      0.67         2\n              Übergröße       0.67      1.00      0.80         2\n                      x       0.00      0.00      0.00         0\n\n              micro avg       0.75      0.75      0.75         4\n              macro avg       0.56      0.50      0.49         4\n           weighted avg       0.83      0.75      0.73         4\n",
		},
		{
			// scikit-learn's supports become floats here.
			"nothing right", []string{"a", "b"}, [][]int{{0, 2}, {1, 0}}, 2,
			"              precision    recall  f1-score   support\n\n           a       0.00      0.00      0.00       2.0\n           b       0.00      0.00      0.00       1.0\n\n    accuracy                           0.00       3.0\n   macro avg       0.00      0.00      0.00       3.0\nweighted avg       0.00      0.00      0.00       3.0\n",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := confusion(t, tc.classes, tc.rows).Text(tc.digits); got != tc.want {
				t.Errorf("got\n%s\nwant\n%s", got, tc.want)
			}
		})
	}
}

func TestDict(t *testing.T) {
	got, err := json.Marshal(confusion(t, []string{"b", "a"}, [][]int{{3, 1}, {0, 4}}).Dict())
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"b":{"precision":1,"recall":0.75,"f1-score":0.8571428571428571,"support":4},` +
		`"a":{"precision":0.8,"recall":1,"f1-score":0.888888888888889,"support":4},` +
		`"accuracy":0.875,` +
		`"macro avg":{"precision":0.9,"recall":0.875,"f1-score":0.873015873015873,"support":8},` +
		`"weighted avg":{"precision":0.9,"recall":0.875,"f1-score":0.873015873015873,"support":8}}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAddOutside(t *testing.T) {
	c := NewConfusion([]string{"a", "b"})
	for _, p := range [][2]int{{-1, 0}, {0, -1}, {2, 0}, {0, 2}} {
		if err := c.Add(p[0], p[1]); err == nil {
			t.Errorf("Add(%d, %d) succeeded", p[0], p[1])
		}
	}
	if c.Total() != 0 || c.Accuracy() != 0 {
		t.Errorf("total %d, accuracy %g after nothing was added", c.Total(), c.Accuracy())
	}
}

func TestLogLoss(t *testing.T) {
	var l LogLoss
	if l.Mean() != 0 {
		t.Errorf("mean of nothing = %g", l.Mean())
	}
	for _, p := range []float64{0.5, 0.25, 0, 1} {
		l.Add(p)
	}
	want := (math.Ln2 + 2*math.Ln2 - math.Log(1e-7) - math.Log(1-1e-7)) / 4
	if math.Abs(l.Mean()-want) > 1e-15 {
		t.Errorf("mean = %.17g, want %.17g", l.Mean(), want)
	}
	l.Add(math.NaN())
	l.Add(0.5)
	if !math.IsNaN(l.Mean()) {
		t.Errorf("mean = %g after a NaN", l.Mean())
	}
}

// The bounds were computed independently, in Python.
func TestWilson(t *testing.T) {
	for _, tc := range []struct {
		k, n      int64
		low, high float64
	}{
		{0, 10, 0, 0.2775327998628892},
		{10, 10, 0.7224672001371106, 1},
		{5, 10, 0.236593090512564, 0.763406909487436},
		{100, 117, 0.779589756996023, 0.9072606071919526},
	} {
		got := wilson(float64(tc.k)/float64(tc.n), float64(tc.n), Normal95)
		if math.Abs(got.Low-tc.low) > 1e-12 || math.Abs(got.High-tc.high) > 1e-12 {
			t.Errorf("wilson(%d of %d) = %v, want %g to %g", tc.k, tc.n, got, tc.low, tc.high)
		}
	}
}

func TestTextIsHarmless(t *testing.T) {
	c := NewConfusion([]string{"a\x1b[2J\nb", "x\u202e\u0085", "Käse"})
	text := c.Text(2)
	if !strings.Contains(text, "a\ufffd[2J\ufffdb  ") || !strings.Contains(text, " x\ufffd\ufffd  ") || !strings.Contains(text, " Käse  ") {
		t.Errorf("%q", text)
	}
}
