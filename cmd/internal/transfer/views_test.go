package transfer

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/opensandwich/oi/cmd/internal/onnx"
)

// loaded reads the small network of tests.
func loaded(t *testing.T, b cmdtest.Backbone) *File {
	t.Helper()
	f, err := Load(b.Write(t), Options{Normalization: parse(t, "imagenet", "")})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// somePicture is the pixels of a picture of a side.
func somePicture(side, number int) []byte {
	pixels := make([]byte, side*side*channels)
	for i := range pixels {
		pixels[i] = byte(7*i + 13*(i>>8) + 101*number)
	}
	return pixels
}

// TestTwoViews: the features of two views are those of the one and those of the
// other, bit for bit, at any batch and on any threads.
func TestTwoViews(t *testing.T) {
	const side, context, n = 32, 20, 7
	f := loaded(t, cmdtest.Backbone{Seed: 1, Side: 32})
	two, err := f.TwoViews(side, context)
	if err != nil {
		t.Fatal(err)
	}
	if two.Side != side || two.ContextSide != context || two.Dim != 24 {
		t.Fatalf("a backbone of %d and %d, %d numbers", two.Side, two.ContextSide, two.Dim)
	}
	var crops, contexts, both [][]byte
	for i := range n {
		crops, contexts = append(crops, somePicture(side, i)), append(contexts, somePicture(context, 50+i))
		both = append(both, slices.Concat(crops[i], contexts[i]))
	}
	features := func(b *Backbone, batch, threads int, pictures [][]byte) []float32 {
		x, err := b.Extractor(batch, threads)
		if err != nil {
			t.Fatal(err)
		}
		defer x.Close()
		out, err := x.Features(pictures)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	one, err := f.Backbone(side)
	if err != nil {
		t.Fatal(err)
	}
	other, err := f.Backbone(context)
	if err != nil {
		t.Fatal(err)
	}
	a, b := features(one, 4, 1, crops), features(other, 4, 1, contexts)
	var want []float32
	for i := range n {
		want = slices.Concat(want, a[i*12:][:12], b[i*12:][:12])
	}
	for _, c := range []struct{ batch, threads int }{{1, 1}, {4, 1}, {3, 2}, {16, 3}} {
		if got := features(two, c.batch, c.threads, both); !slices.Equal(got, want) {
			t.Errorf("batch %d on %d threads: the features are not those of the views", c.batch, c.threads)
		}
	}
	if one.Of == two.Of || two.Parameters != one.Parameters {
		t.Errorf("of %s with %d parameters, that of one view of %s with %d", two.Of, two.Parameters, one.Of, one.Parameters)
	}
	swapped, err := f.TwoViews(context, side)
	if err != nil {
		t.Fatal(err)
	}
	if swapped.Of == two.Of {
		t.Error("views of other sides have the same identity")
	}
	x, err := two.Extractor(1, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	if _, err := x.Features(crops); err == nil {
		t.Error("one view alone was taken")
	}
}

// TestTwoViewsFile: the file of a model of two views has the weights once, and is
// read as it was written.
func TestTwoViewsFile(t *testing.T) {
	f := loaded(t, cmdtest.Backbone{Seed: 3, Side: 32})
	sizes := map[bool]int{}
	for _, twoViews := range []bool{false, true} {
		b, err := f.Backbone(24)
		if twoViews {
			b, err = f.TwoViews(24, 24)
		}
		if err != nil {
			t.Fatal(err)
		}
		path, _, ours := answers(t, b)
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		c, err := ParseClassifier(file)
		if err != nil {
			t.Fatal(err)
		}
		if c.Side != 24 || c.Answers != 4 || (c.Context == 24) != twoViews {
			t.Errorf("read %d and %d, %d answers", c.Side, c.Context, c.Answers)
		}
		sizes[twoViews] = c.Graph.Parameters()
		weights, _, err := c.Head()
		if err != nil || len(weights) != 4*b.Dim {
			t.Errorf("a head of %d weights: %v", len(weights), err)
		}
		if got := evaluated(t, c.Graph, picturesOf(b, 2)); !slices.EqualFunc(got, ours, slices.Equal[[]float32]) {
			t.Error("read again, it answers otherwise")
		}
		again, err := onnx.Encode(c.Graph, "", "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := onnx.Parse(bytes.Clone(again)); err != nil {
			t.Error(err)
		}
	}
	if more := sizes[true] - sizes[false]; more != 4*12 {
		t.Errorf("%d parameters more than with one view, want those of the head alone, 48", more)
	}
}

// TestTwoViewsErrors: a network that works at one side says which view does not
// suit, and a model of two views is no backbone.
func TestTwoViewsErrors(t *testing.T) {
	f := loaded(t, cmdtest.Backbone{Seed: 1, Side: 32, Flat: true})
	var second *ContextError
	var side *SideError
	if _, err := f.TwoViews(32, 20); !errors.As(err, &second) || !errors.As(err, &side) || side.Declared != 32 {
		t.Errorf("a second view that does not suit: %v", err)
	}
	if _, err := f.TwoViews(20, 32); errors.As(err, &second) || !errors.As(err, &side) {
		t.Errorf("a first view that does not suit: %v", err)
	}
	b, err := loaded(t, cmdtest.Backbone{Seed: 1, Side: 32}).TwoViews(32, 20)
	if err != nil {
		t.Fatal(err)
	}
	path, _, _ := answers(t, b)
	if _, err := Load(path, Options{}); err == nil {
		t.Error("a model of two views was taken for a backbone")
	}
}
