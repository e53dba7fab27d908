package transfer

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/nn"
)

// graphOf is that of the file of a network.
func graphOf(t *testing.T, n *model.Network) *graph.Graph {
	t.Helper()
	var file bytes.Buffer
	if err := n.WriteONNX(&file, "", nil); err != nil {
		t.Fatal(err)
	}
	g, err := ParseGraph(file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestTeacher: it answers as its graph does; what it shows at a coarse grid is the
// mean of what it shows at its own, and from the mean of all follow the logits.
func TestTeacher(t *testing.T) {
	const classes, width = 3, 4
	g := graphOf(t, nn.Residual(96, 64, classes, width, 1)) // 6x4 places
	r := rand.New(rand.NewPCG(1, 2))
	pictures := make([][]byte, 5)
	for i := range pictures {
		pictures[i] = make([]byte, 96*64*3)
		for k := range pictures[i] {
			pictures[i][k] = byte(r.UintN(256))
		}
	}
	var own ending
	if _, err := own.findDense(g.Makers(), g.Outputs[0], classes); err != nil {
		t.Fatal(err)
	}
	ask := func(student model.FeatureMap) (f model.FeatureMap, answers, features [][]float32) {
		teacher, err := NewTeacher(g, classes, student, 2, 2)
		if err != nil {
			t.Fatal(err)
		}
		defer teacher.Close()
		answers, features, err = teacher.Ask(pictures)
		if err != nil {
			t.Fatal(err)
		}
		return teacher.Features, answers, features
	}
	const channels = 8 * width
	_, want, whole := ask(model.FeatureMap{Height: 6, Width: 4, Channels: 7})
	for _, test := range []struct{ student, want model.FeatureMap }{
		{model.FeatureMap{}, model.FeatureMap{}},
		{model.FeatureMap{Height: 6, Width: 4, Channels: 1}, model.FeatureMap{Height: 6, Width: 4, Channels: channels}},
		{model.FeatureMap{Height: 12, Width: 8, Channels: 1}, model.FeatureMap{Height: 6, Width: 4, Channels: channels}},
		{model.FeatureMap{Height: 9, Width: 2, Channels: 1}, model.FeatureMap{Height: 3, Width: 2, Channels: channels}},
		{model.FeatureMap{Height: 7, Width: 7, Channels: 1}, model.FeatureMap{Height: 1, Width: 1, Channels: channels}},
	} {
		got, answers, features := ask(test.student)
		if got != test.want {
			t.Fatalf("for %v it shows %v, want %v", test.student, got, test.want)
		}
		for i, row := range answers {
			for c, p := range row {
				if math.Abs(float64(p-want[i][c])) > 1e-6 {
					t.Errorf("for %v it answers %v, else %v", test.student, row, want[i])
					break
				}
			}
		}
		if got == (model.FeatureMap{}) {
			if features != nil {
				t.Error("it shows features to nobody")
			}
			continue
		}
		for i, row := range features {
			for k, v := range row {
				y, x, c := k/channels/got.Width, k/channels%got.Width, k%channels
				var sum float64
				h, w := 6/got.Height, 4/got.Width
				for dy := range h {
					for dx := range w {
						sum += float64(whole[i][((y*h+dy)*4+x*w+dx)*channels+c])
					}
				}
				if mean := sum / float64(h*w); math.Abs(mean-float64(v)) > 1e-5 {
					t.Fatalf("picture %d: %v at %d,%d, channel %d; the mean is %v", i, v, y, x, c, mean)
				}
			}
		}
		if got.Height*got.Width > 1 {
			continue
		}
		for i, row := range features {
			logits, most := make([]float64, classes), math.Inf(-1)
			for k := range logits {
				logits[k] = float64(own.bias[k])
				for c, v := range row {
					logits[k] += float64(v) * float64(own.weights[k*channels+c])
				}
				most = max(most, logits[k])
			}
			var sum float64
			for _, z := range logits {
				sum += math.Exp(z - most)
			}
			for k, z := range logits {
				if p := math.Exp(z-most) / sum; math.Abs(p-float64(answers[i][k])) > 1e-5 {
					t.Errorf("picture %d: its features give %v, and it answers %v", i, p, answers[i][k])
				}
			}
		}
	}
}

// TestTeacherWithoutMaps: what the last layer reads is shown of a network that
// takes no mean over places, and of one whose channels come last the same as of
// one whose channels come first.
func TestTeacherWithoutMaps(t *testing.T) {
	for _, test := range []struct {
		net  *model.Network
		want model.FeatureMap
	}{
		{nn.Reference(24, 24, 3, 1), model.FeatureMap{Height: 1, Width: 1, Channels: 64}},
		{nn.Reference(24, 24, 2, 1), model.FeatureMap{Height: 1, Width: 1, Channels: 64}},
	} {
		teacher, err := NewTeacher(graphOf(t, test.net), len(test.net.Classes), model.FeatureMap{Height: 2, Width: 2, Channels: 2}, 2, 1)
		if err != nil {
			t.Fatal(err)
		}
		defer teacher.Close()
		answers, features, err := teacher.Ask([][]byte{make([]byte, 24*24*3)})
		if teacher.Features != test.want || err != nil || len(answers[0]) != len(test.net.Classes) || len(features[0]) != test.want.Size() {
			t.Errorf("it shows %v: %v, %v, %v", teacher.Features, answers, features, err)
		}
	}
	g := graphOf(t, nn.Residual(64, 64, 3, 2, 1))
	shown := func(g *graph.Graph) []float32 {
		teacher, err := NewTeacher(g, 3, model.FeatureMap{Height: 2, Width: 4, Channels: 2}, 2, 1)
		if err != nil {
			t.Fatal(err)
		}
		defer teacher.Close()
		if want := (model.FeatureMap{Height: 2, Width: 4, Channels: 16}); teacher.Features != want {
			t.Fatalf("it shows %v", teacher.Features)
		}
		picture := make([]byte, 64*64*3)
		for i := range picture {
			picture[i] = byte(i * i)
		}
		_, features, err := teacher.Ask([][]byte{picture})
		if err != nil {
			t.Fatal(err)
		}
		return features[0]
	}
	last := g.Clone()
	for i, node := range last.Nodes {
		pool, ok := node.Op.(*graph.Pool)
		if !ok || pool.Max {
			continue
		}
		planes, mean := node.In[0], node.Out[0]
		turned := &graph.Value{Name: "turned", Type: graph.Float32}
		axes := &graph.Tensor{Type: graph.Int64, Shape: []int{2}, Ints: []int64{1, 2}}
		last.Nodes[i] = &graph.Node{Op: &graph.Transpose{Perm: []int{0, 2, 3, 1}}, In: []*graph.Value{planes}, Out: []*graph.Value{turned}}
		last.Nodes = slices.Insert(last.Nodes, i+1, &graph.Node{Op: &graph.Reduce{Name: "Mean"}, In: []*graph.Value{turned, {Type: graph.Int64, Const: axes}}, Out: []*graph.Value{mean}})
		break
	}
	if err := last.Infer(nil); err != nil {
		t.Fatal(err)
	}
	if a, b := shown(g), shown(last); !slices.Equal(a, b) {
		t.Errorf("with the channels last it shows %v, not %v", b[:4], a[:4])
	}
}
