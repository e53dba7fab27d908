package logreg

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/float16"
	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/cmd/internal/threadpool"
)

// clusters is n items of d features around the centres of their classes.
// Feature 1 is constant, feature 2 has a large mean. Values are halves.
func clusters(t testing.TB, seed uint64, n, d, classes int, noise float64) Data {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 7))
	centres := make([]float64, classes*d)
	for i := range centres {
		centres[i] = rng.NormFloat64()
	}
	values, labels := make([]float32, n*d), make([]int, n)
	for i := range n {
		labels[i] = i % classes
		if i >= classes {
			labels[i] = min(rng.IntN(classes), rng.IntN(classes)) // unequally many
		}
		for j := range d {
			v := centres[labels[i]*d+j] + noise*rng.NormFloat64()
			switch j {
			case 1:
				v = 0.1
			case 2:
				v = 300 + v
			}
			values[i*d+j] = float32(v)
		}
	}
	float16.Round(values)
	return Data{Features: matrix(t, values, d), Labels: labels}
}

func matrix(t testing.TB, values []float32, d int) *Matrix {
	t.Helper()
	m, err := NewMatrix(values, d)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func measured(t testing.TB, s Source) *Standard {
	t.Helper()
	standard, err := Measure(context.Background(), s, 2)
	if err != nil {
		t.Fatal(err)
	}
	return standard
}

func fitted(t testing.TB, data Data, classes int, c float64, o Options) (*Model, Trained) {
	t.Helper()
	m, trained, err := Fit(context.Background(), data, measured(t, data.Features), classes, c, nil, o)
	if err != nil {
		t.Fatal(err)
	}
	return m, trained
}

const sklearnScript = `
import json, sys
try:
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss
    from sklearn.preprocessing import StandardScaler
except ImportError:
    sys.exit(77)
for line in sys.stdin:
    q = json.loads(line)
    x, y = np.array(q["x"], np.float64), np.array(q["y"])
    scaler = StandardScaler().fit(x)
    weights = dict(enumerate(q["weights"])) if q["weights"] else None
    sample = np.array(q["weights"])[y] if q["weights"] else None
    total = sample.sum() if q["weights"] else len(y)
    answer = {}
    for name, solver in ("LBFGS", "lbfgs"), ("Newton", "newton-cg"):
        fit = LogisticRegression(C=q["c"], solver=solver, tol=1e-9 if name == "LBFGS" else 1e-4, max_iter=100000, class_weight=weights).fit(scaler.transform(x), y)
        loss = log_loss(y, fit.predict_proba(scaler.transform(x)), sample_weight=sample, labels=fit.classes_)
        answer[name] = loss + (fit.coef_ ** 2).sum() / (2 * q["c"] * total)
    print(json.dumps(answer))
`

// TestAgainstScikitLearn compares what is minimised with where scikit-learn comes
// to at the same C, or came to where it isn't installed. Its lbfgs also ends
// where the loss hardly changes any more, up to 1e-6 above the minimum; Newton's
// method, which it has as well, goes on.
func TestAgainstScikitLearn(t *testing.T) {
	type question struct {
		C       float64     `json:"c"`
		X       [][]float32 `json:"x"`
		Y       []int       `json:"y"`
		Weights []float64   `json:"weights"`
	}
	type answer struct{ LBFGS, Newton float64 }
	var (
		stdin     bytes.Buffer
		data      []Data
		classes   []int
		questions []question
	)
	for i, shape := range [][3]int{{300, 20, 5}, {90, 40, 3}, {200, 12, 2}, {64, 130, 9}, {150, 7, 17}} {
		set := clusters(t, uint64(i), shape[0], shape[1], shape[2], 2)
		for _, c := range []float64{1e-4, 3e-2, 1} {
			for _, balanced := range []bool{false, true} {
				q := question{C: c, Y: set.Labels}
				if balanced {
					q.Weights = Balanced(set.Labels, shape[2])
				}
				row := make([]float32, shape[1])
				for r := range shape[0] {
					if err := set.Features.Read(row, r); err != nil {
						t.Fatal(err)
					}
					q.X = append(q.X, slices.Clone(row))
				}
				if err := json.NewEncoder(&stdin).Encode(q); err != nil {
					t.Fatal(err)
				}
				data, classes, questions = append(data, set), append(classes, shape[2]), append(questions, q)
			}
		}
	}
	want := make([]answer, len(questions))
	for i := range want {
		if i < len(golden) {
			want[i] = answer(golden[i])
		}
	}
	python, _ := oitest.FindPython(t, "sklearn")
	command := exec.Command(python, "-c", sklearnScript)
	command.Stdin = &stdin
	if out, err := command.Output(); err == nil {
		decoder := json.NewDecoder(bytes.NewReader(out))
		for i := range want {
			if err := decoder.Decode(&want[i]); err != nil {
				t.Fatal(err)
			}
		}
	} else {
		t.Logf("no scikit-learn here (%v): comparing with what 1.2.1 came to", err)
	}
	for i, q := range questions {
		m, trained := fitted(t, data[i], classes[i], q.C, Options{ClassWeights: q.Weights, Threads: 2})
		t.Logf("{%.12g, %.12g}, // case %d: off by %.1e and %.1e, %d iterations, %d passes", want[i].LBFGS, want[i].Newton, i,
			trained.Objective-want[i].LBFGS, trained.Objective-want[i].Newton, trained.Iterations, trained.Passes)
		if !trained.Converged || trained.Objective > want[i].LBFGS+1e-6 || math.Abs(trained.Objective-want[i].Newton) > 1e-6 {
			t.Errorf("case %d: got %+v, want %+v", i, trained, want[i])
		}
		for k := range classes[i] {
			if w := m.Weights[k*len(m.Standard.Mean)+1]; w != 0 || m.Standard.Scale[1] != 1 {
				t.Errorf("case %d: a constant feature has the scale %v and the weight %v", i, m.Standard.Scale[1], w)
			}
		}
	}
}

func TestGradient(t *testing.T) {
	for _, classes := range []int{2, 3, 8, 11} {
		data := clusters(t, 5, 40, 9, classes, 1)
		weights := Balanced(data.Labels, classes)
		p := newProblem(data, measured(t, data.Features), classes, weights, newPool(t, 1))
		f := &penalised{problem: p, penalty: p.penalty(0.3)}
		rng := rand.New(rand.NewPCG(9, 9))
		theta, gradient, other := make([]float64, p.size()), make([]float64, p.size()), make([]float64, p.size())
		for k := range classes {
			for i := range 10 {
				theta[p.at(k, i)] = rng.NormFloat64()
			}
		}
		value := func() float64 {
			v, err := f.evaluate(context.Background(), theta, other)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		if _, err := f.evaluate(context.Background(), theta, gradient); err != nil {
			t.Fatal(err)
		}
		const h = 1e-5
		for k := range classes {
			for i := range 10 {
				at := p.at(k, i)
				was := theta[at]
				theta[at] = was + h
				up := value()
				theta[at] = was - h
				down := value()
				theta[at] = was
				if got := (up - down) / (2 * h); math.Abs(got-gradient[at]) > 1e-8 {
					t.Errorf("%d classes: the derivative by weight %d of class %d is %v, the gradient says %v", classes, i, k, got, gradient[at])
				}
				gradient[at] = 0
			}
		}
		if largest(gradient) != 0 {
			t.Errorf("%d classes: what fills up has a gradient", classes)
		}
	}
}

// oneByOne reads rows singly, to try another size of chunk.
type oneByOne struct{ Source }

func (s oneByOne) Read(dst []float32, first int) error {
	for d := s.Dim(); len(dst) > 0; dst, first = dst[d:], first+1 {
		if err := s.Source.Read(dst[:d], first); err != nil {
			return err
		}
	}
	return nil
}

// TestSameBits fits with several numbers of goroutines from memory and from
// packed rows; there are several chunks and a rest.
func TestSameBits(t *testing.T) {
	const n, d, classes = chunkRows*2 + 37, 21, 11
	data := clusters(t, 3, n, d, classes, 2)
	values := data.Features.(*Matrix).values
	var file []byte
	for _, v := range values {
		file = binary.LittleEndian.AppendUint32(file, math.Float32bits(v))
	}
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	want, _ := fitted(t, data, classes, 0.01, Options{Threads: 1})
	for name, source := range map[string]Source{
		"memory": data.Features,
		"file":   packed{bytes.NewReader(file), n, d},
		"subset": NewSubset(data.Features, all),
		"singly": oneByOne{data.Features},
	} {
		for _, threads := range []int{0, 2, 3, 16} {
			got, _ := fitted(t, Data{Features: source, Labels: data.Labels}, classes, 0.01, Options{Threads: threads})
			if !slices.Equal(got.Weights, want.Weights) || !slices.Equal(got.Intercept, want.Intercept) {
				t.Errorf("%s, %d goroutines: other bits", name, threads)
			}
		}
	}
	var mixed uint64
	for _, w := range append(slices.Clone(want.Weights), want.Intercept...) {
		mixed = mixed*31 + math.Float64bits(w)
	}
	// Of this machine and of every other: plain arithmetic on the same halves.
	if golden := uint64(0x463b96d04437a9fc); mixed != golden {
		t.Errorf("the weights are %#x together, want %#x", mixed, golden)
	}
}

// TestOrderOfSums compares a pass over several chunks with one long sum.
func TestOrderOfSums(t *testing.T) {
	const n, d, classes = chunkRows + 100, 10, 3
	data := clusters(t, 4, n, d, classes, 1)
	p := newProblem(data, measured(t, data.Features), classes, nil, newPool(t, 2))
	theta, got, want := make([]float64, p.size()), make([]float64, p.size()), make([]float64, p.size())
	for k := range classes {
		for i := range d + 1 {
			theta[p.at(k, i)] = float64(k-i) / 16
		}
	}
	if _, err := p.pass(context.Background(), theta, got); err != nil {
		t.Fatal(err)
	}
	row := make([]float32, d)
	for r := range n {
		if err := data.Features.Read(row, r); err != nil {
			t.Fatal(err)
		}
		x := make([]float64, d+1)
		for i, v := range row {
			x[i] = (float64(v) - p.standard.Mean[i]) * p.inverse[i]
		}
		x[d] = 1
		var e [classes]float64
		total := 0.0
		for k := range e {
			for i, v := range x {
				e[k] += float64(v * theta[p.at(k, i)])
			}
		}
		top := slices.Max(e[:])
		for k := range e {
			e[k] = exp(e[k] - top)
			total += e[k]
		}
		for k := range e {
			e[k] = float64(e[k] * (1 / total))
			if k == data.Labels[r] {
				e[k]--
			}
			for i, v := range x {
				want[p.at(k, i)] += float64(v * e[k])
			}
		}
	}
	if !slices.Equal(got, want) {
		t.Error("the sums aren't those over features and items in their order")
	}
}

// TestRepeatedItems: a class weight is as good as repeated items.
func TestRepeatedItems(t *testing.T) {
	data := clusters(t, 6, 120, 8, 4, 2)
	standard := measured(t, data.Features)
	var rows, labels []int
	for i, label := range data.Labels {
		for range 1 + label%2*2 {
			rows, labels = append(rows, i), append(labels, label)
		}
	}
	repeated := Data{Features: NewSubset(data.Features, rows), Labels: labels}
	a, ta, err := Fit(context.Background(), data, standard, 4, 0.1, nil, Options{ClassWeights: []float64{1, 3, 1, 3}, Tolerance: 1e-10})
	if err != nil {
		t.Fatal(err)
	}
	b, tb, err := Fit(context.Background(), repeated, standard, 4, 0.1, nil, Options{Tolerance: 1e-10})
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(ta.Objective-tb.Objective) > 1e-12 {
		t.Errorf("objectives %v and %v", ta.Objective, tb.Objective)
	}
	for i := range a.Weights {
		if math.Abs(a.Weights[i]-b.Weights[i]) > 1e-7 {
			t.Fatalf("weight %d is %v and %v", i, a.Weights[i], b.Weights[i])
		}
	}
}

// TestExport compares the logits of the exported weights with the model's.
func TestExport(t *testing.T) {
	data := clusters(t, 8, 300, 50, 12, 1)
	m, _ := fitted(t, data, 12, 0.03, Options{})
	w, b, err := m.Export()
	if err != nil {
		t.Fatal(err)
	}
	row := make([]float32, 50)
	worst := 0.0
	for r := range 300 {
		if err := data.Features.Read(row, r); err != nil {
			t.Fatal(err)
		}
		for k := range 12 {
			want, got := m.Intercept[k], float64(b[k])
			for i, v := range row {
				want += m.Weights[k*50+i] * (float64(v) - m.Standard.Mean[i]) / m.Standard.Scale[i]
				got += float64(w[k*50+i]) * float64(v)
			}
			worst = max(worst, math.Abs(got-want))
		}
	}
	t.Logf("logits off by at most %.1e", worst)
	if worst > 1e-5 { // a bias near 300 * 0.01 has steps of 2e-7
		t.Errorf("logits are off by %.1e", worst)
	}
	m.Standard = &Standard{Mean: m.Standard.Mean, Scale: slices.Repeat([]float64{1e-45}, 50)}
	if _, _, err := m.Export(); err == nil || !strings.Contains(err.Error(), "too large for a float32") {
		t.Errorf("error %v", err)
	}
}

func TestChoose(t *testing.T) {
	ctx := context.Background()
	const d, classes = 30, 4
	whole := clusters(t, 10, 260, d, classes, 4)
	groups := make([]int, 260)
	for i := range groups {
		groups[i] = i / 3
	}
	whole.Groups = groups
	var held []int
	for i := 200; i < 260; i++ {
		held = append(held, i)
	}
	train, val := split(whole, held)
	standard := measured(t, train.Features)
	for _, threads := range []int{1, 3} {
		c, err := Choose(ctx, train, val, standard, classes, Options{Threads: threads, Strengths: []float64{100, 1e-3, 1e-2, 0.1, 1, 10}})
		if err != nil {
			t.Fatal(err)
		}
		// The fit after the best is the last.
		if c.Rule != ByVal || c.Chosen == 0 || len(c.Table) != c.Chosen+2 || len(c.Table) == 6 || c.Table[0].C != 1e-3 {
			t.Fatalf("got %+v", c)
		}
		for i, s := range c.Table {
			if !s.Converged || s.Gradient > 1e-6 || s.Val.N != 60 {
				t.Errorf("row %d: %+v", i, s)
			}
			if s.Val.Loss < c.Table[c.Chosen].Val.Loss {
				t.Errorf("row %d has a lower loss than the chosen %d", i, c.Chosen)
			}
			if i > 0 && s.Loss >= c.Table[i-1].Loss {
				t.Errorf("a weaker penalty fits worse: %v after %v", s.Loss, c.Table[i-1].Loss)
			}
		}
		again, err := c.Model.Evaluate(ctx, val, threads)
		if err != nil || again != c.Table[c.Chosen].Val {
			t.Errorf("the model scores %+v, the table says %+v (%v)", again, c.Table[c.Chosen].Val, err)
		}
	}

	tied := Data{Features: matrix(t, make([]float32, 8*2), 2), Labels: []int{0, 1, 0, 1, 0, 1, 0, 1}}
	c, err := Choose(ctx, tied, tied, measured(t, tied.Features), 2, Options{Strengths: []float64{1, 0.1, 10}})
	if err != nil || c.Chosen != 0 || c.Table[0].C != 0.1 || c.Table[2].Val != c.Table[0].Val {
		t.Errorf("of equals it took %+v (%v)", c, err)
	}

	whole.Labels = slices.Clone(whole.Labels)
	c, err = Choose(ctx, whole, Data{}, measured(t, whole.Features), classes, Options{Strengths: []float64{1e-3, 1e-2}})
	if err != nil || c.Rule != ByCrossValidation || c.Folds != 5 || c.Table[0].Val.N != 260 {
		t.Errorf("got %+v (%v)", c, err)
	}
	whole.Groups = nil
	c, err = Choose(ctx, whole, Data{}, measured(t, whole.Features), classes, Options{})
	if err != nil || c.Rule != Middle || c.Chosen != 2 || c.Table[2].C != 1e-3 || c.Table[2].Val.N != 0 || c.Model == nil {
		t.Errorf("got %+v (%v)", c, err)
	}
}

// TestFew has one item in a class: with groups there is nothing to compare on.
func TestFew(t *testing.T) {
	data := clusters(t, 11, 5, 6, 5, 1)
	data.Groups = []int{0, 1, 2, 3, 4}
	c, err := Choose(context.Background(), data, Data{}, measured(t, data.Features), 5, Options{})
	if err != nil || c.Rule != Middle || !c.Table[5].Converged {
		t.Fatalf("got %+v (%v)", c, err)
	}
	s, err := c.Model.Evaluate(context.Background(), data, 1)
	if err != nil || s.Correct != 5 {
		t.Errorf("knows %d of the 5 items that it was fitted on (%v)", s.Correct, err)
	}
}

func TestManyClasses(t *testing.T) {
	data := clusters(t, 12, 900, 40, 600, 0.5)
	m, trained := fitted(t, data, 600, 10, Options{Threads: 2})
	s, err := m.Evaluate(context.Background(), data, 2)
	if err != nil || !trained.Converged || s.Accuracy() < 0.9 {
		t.Errorf("got %+v, %+v (%v)", trained, s, err)
	}
}

// TestSeparable: without a penalty to speak of, the weights would grow for ever.
func TestSeparable(t *testing.T) {
	data := clusters(t, 13, 60, 30, 3, 0.1)
	_, trained := fitted(t, data, 3, 1e4, Options{})
	if !trained.Converged || trained.Loss > 1e-4 {
		t.Errorf("got %+v", trained)
	}
	_, trained = fitted(t, data, 3, 1, Options{MaxIterations: 2})
	if trained.Converged || trained.Iterations != 2 {
		t.Errorf("got %+v", trained)
	}
}

// TestStart continues from a model of another standardisation.
func TestStart(t *testing.T) {
	data := clusters(t, 14, 150, 10, 4, 2)
	half, _ := split(data, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
	m, err := func() (*Model, error) {
		m, _, err := Fit(context.Background(), data, measured(t, half.Features), 4, 0.03, nil, Options{})
		return m, err
	}()
	if err != nil {
		t.Fatal(err)
	}
	a, _ := m.Evaluate(context.Background(), data, 1)
	p := newProblem(data, measured(t, data.Features), 4, nil, newPool(t, 1))
	theta := make([]float64, p.size())
	p.pack(theta, m)
	b, err := p.scores(context.Background(), theta)
	if err != nil || math.Abs(a.Loss-b.Loss) > 1e-12 {
		t.Errorf("the same model has the losses %v and %v (%v)", a.Loss, b.Loss, err)
	}
	_, cold := fitted(t, data, 4, 0.03, Options{})
	_, warm, err := Fit(context.Background(), data, measured(t, data.Features), 4, 0.03, m, Options{})
	if err != nil || warm.Iterations >= cold.Iterations || math.Abs(warm.Objective-cold.Objective) > 1e-8 {
		t.Errorf("warm %+v, cold %+v (%v)", warm, cold, err)
	}
}

func TestErrors(t *testing.T) {
	ctx := context.Background()
	data := clusters(t, 15, 1200, 4, 3, 1)
	standard := measured(t, data.Features)
	gap := Data{Features: data.Features, Labels: slices.Clone(data.Labels)}
	for i, label := range gap.Labels {
		if label == 1 {
			gap.Labels[i] = 2
		}
	}
	var empty *EmptyClassError
	if _, err := Choose(ctx, gap, Data{}, standard, 3, Options{}); !errors.As(err, &empty) || empty.Class != 1 {
		t.Errorf("a class without items: %v", err)
	}
	if _, _, err := Fit(ctx, gap, standard, 3, 1, nil, Options{}); !errors.As(err, &empty) {
		t.Errorf("a class without items: %v", err)
	}
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(-1)), 65505} {
		values := slices.Clone(data.Features.(*Matrix).values)
		values[700*4+3], values[900*4] = bad, bad
		broken := Data{Features: matrix(t, values, 4), Labels: data.Labels}
		_, one := Measure(ctx, broken.Features, 3)
		_, two := Choose(ctx, data, broken, standard, 3, Options{Threads: 3})
		_, _, three := Fit(ctx, broken, standard, 3, 1, nil, Options{Threads: 3})
		for _, err := range []error{one, two, three} {
			var value *ValueError
			if !errors.As(err, &value) || value.Row != 700 || value.Column != 3 {
				t.Errorf("%v: error %v", bad, err)
			}
		}
	}
	short := packed{bytes.NewReader(make([]byte, 100)), 1200, 4}
	if _, err := Measure(ctx, short, 2); err == nil {
		t.Error("a file that is too short was taken")
	}
	for name, f := range map[string]func() error{
		"1 classes":  func() error { _, _, err := Fit(ctx, data, standard, 1, 1, nil, Options{}); return err },
		"strength C": func() error { _, _, err := Fit(ctx, data, standard, 3, 0, nil, Options{}); return err },
		"the label":  func() error { _, _, err := Fit(ctx, data, standard, 2, 1, nil, Options{}); return err },
		"the weight 0": func() error {
			_, _, err := Fit(ctx, data, standard, 3, 1, nil, Options{ClassWeights: []float64{1, 0, 1}})
			return err
		},
		"no rows": func() error { _, err := Measure(ctx, matrix(t, nil, 3), 1); return err },
	} {
		if err := f(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, _, err := Fit(cancelled, data, standard, 3, 1, nil, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestNoFusedArithmetic looks at what the compiler makes for a processor where
// it fuses what it may.
func TestNoFusedArithmetic(t *testing.T) {
	build := exec.Command("go", "build", "-gcflags=-S", ".")
	build.Env = append(build.Environ(), "GOARCH=arm64", "GOOS=linux", "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(string(out), "FMULD") {
		t.Fatal("the compiler shows no multiplication")
	}
	for line := range strings.Lines(string(out)) {
		for _, fused := range []string{"\tFMADD", "\tFMSUB", "\tFNMADD", "\tFNMSUB"} {
			if strings.Contains(line, fused) {
				t.Errorf("a product isn't rounded: %s", line)
			}
		}
	}
}

// BenchmarkPass is one evaluation of loss and gradient, and how many of the
// 4*N*D*K operations it does in a nanosecond.
// newPool starts threads, for as long as the test runs.
func newPool(t testing.TB, threads int) *threadpool.Pool {
	pool := threadpool.New(threads)
	t.Cleanup(pool.Close)
	return pool
}

func BenchmarkPass(b *testing.B) {
	for _, shape := range [][3]int{{6700, 1280, 16}, {1500, 1280, 601}} {
		b.Run(fmt.Sprintf("%dx%dx%d", shape[0], shape[1], shape[2]), func(b *testing.B) {
			data := clusters(b, 1, shape[0], shape[1], shape[2], 1)
			p := newProblem(data, measured(b, data.Features), shape[2], nil, newPool(b, 2))
			theta, gradient := make([]float64, p.size()), make([]float64, p.size())
			for b.Loop() {
				if _, err := p.pass(context.Background(), theta, gradient); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(4*float64(shape[0]*shape[1]*shape[2])*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
		})
	}
}

// packed is a Source of rows of float32 that lie one after the other in a file.
type packed struct {
	file      io.ReaderAt
	rows, dim int
}

func (p packed) Rows() int { return p.rows }
func (p packed) Dim() int  { return p.dim }

func (p packed) Read(dst []float32, first int) error {
	raw := make([]byte, 4*len(dst))
	if _, err := p.file.ReadAt(raw, int64(4*first*p.dim)); err != nil {
		return err
	}
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return nil
}
