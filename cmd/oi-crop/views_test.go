package main

import (
	"bytes"
	"fmt"
	"image"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/pix"
	"github.com/opensandwich/oi/record"
)

// TestContextWindow: the second view has the pixels that a run cuts which makes
// crops with that much context alone, and the first those of a run without it.
func TestContextWindow(t *testing.T) {
	random := rand.New(rand.NewPCG(17, 2))
	for name, photo := range geometryPhotos(t) {
		boxes := geometryBoxes(random)
		for i, box := range boxes[:len(boxes):len(boxes)] {
			if name == "reduced" && i%4 > 0 {
				continue
			}
			turn := float64(90 * random.IntN(4))
			item := func() *record.Item {
				return &record.Item{Key: "k", Box: &box, Image: &record.Image{Rotation: &turn}, Fetched: &record.Fetched{Bytes: photo.data}}
			}
			o := options{size: square(9), square: random.IntN(2) == 0, scale: []string{scaleAuto, scaleFull}[random.IntN(2)]}
			both := o
			both.twoViews, both.viewContext = side{Width: 11, Height: 6}, []fraction{0, 0.5, 3}[random.IntN(3)]
			alone := o
			alone.size, alone.context = both.twoViews, both.viewContext
			got, tight, wide := cropOne(t, both, item()), cropOne(t, o, item()), cropOne(t, alone, item())
			what := fmt.Sprintf("%s, box %v, context %v, square %v", name, box, both.viewContext, o.square)
			if !bytes.Equal(got.Tensor.Data, tight.Tensor.Data) || got.Key != tight.Key || tight.Context != nil {
				t.Errorf("%s: the first view is not the crop of a run without a second", what)
			}
			if got.Context == nil || fmt.Sprint(got.Context.Shape) != "[6 11 3]" || !bytes.Equal(got.Context.Data, wide.Tensor.Data) {
				t.Errorf("%s: the second view is not the crop with that much context", what)
			}
		}
	}
}

func cropOne(t *testing.T, o options, item *record.Item) *record.Item {
	t.Helper()
	result, err := startCropper(t, o, "a", "b").do(t.Context(), item)
	if err != nil || len(result.Items) != 1 {
		t.Fatalf("%+v %v", result, err)
	}
	return result.Items[0]
}

// TestContextOfBackground: a background window has its own surroundings.
func TestContextOfBackground(t *testing.T) {
	o := options{size: square(16), twoViews: square(20), viewContext: 0.25}
	result, err := startCropper(t, o, "Hamburger").do(t.Context(), testItem(1, "Hamburger"))
	if err != nil || len(result.Items) != 2 {
		t.Fatalf("%+v %v", result, err)
	}
	other := result.Items[1]
	again := testItem(1, "Hamburger")
	again.Box = other.Box
	wide := cropOne(t, options{size: square(20), context: 0.25}, again)
	if other.Context == nil || !bytes.Equal(other.Context.Data, wide.Tensor.Data) {
		t.Error("the second view of a background window is not what is around it")
	}
}

// TestViewsWithoutBox: both views of a photo without a box are the whole photo,
// which is said once.
func TestViewsWithoutBox(t *testing.T) {
	without := func() *record.Item {
		item := testItem(1, "Hamburger")
		item.Box = nil
		return item
	}
	if result, err := startCropper(t, options{}, "a", "b").do(t.Context(), without()); err != nil || result.Skipped != skipNoBox {
		t.Errorf("without a second view: %+v %v", result, err)
	}
	var said strings.Builder
	c := newCropper(withDefaults(options{size: square(8), twoViews: square(8), viewContext: 0.5}), &cli.Env{Name: "oi-crop", Stderr: &said})
	do, err := c.header(t.Context(), &record.Header{Classes: []record.Class{{Name: "a"}, {Name: "b"}}})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		result, err := do(t.Context(), without())
		if err != nil || len(result.Items) != 1 {
			t.Fatalf("%+v %v", result, err)
		}
		got := result.Items[0]
		if w := got.Crop; w.X+w.Y != 0 || w.Width != w.SourceWidth || w.Height != w.SourceHeight {
			t.Errorf("the window is %+v", w)
		}
		if !bytes.Equal(got.Tensor.Data, got.Context.Data) {
			t.Error("the two views are not the same photo")
		}
	}
	c.notes()
	if want := "2 items have no box: both of their views are the whole photo"; strings.Count(said.String(), want) != 1 {
		t.Errorf("said %q, want once %q", said.String(), want)
	}
}

// TestLargestContext: no window around another one takes more memory than was
// set aside.
func TestLargestContext(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 17))
	for range 2000 {
		o := withDefaults(options{size: square(16), twoViews: side{Width: 1 + random.IntN(200), Height: 1 + random.IntN(200)}, square: random.IntN(2) == 0})
		o.viewContext = fraction(3 * random.Float64())
		p := &photo{cropper: newCropper(o, &cli.Env{})}
		p.config.Width, p.config.Height = 100+random.IntN(3000), 100+random.IntN(3000)
		place := func() pix.Box {
			x, y := random.Float64(), random.Float64()
			return pix.Box{XMin: x * random.Float64(), XMax: x, YMin: y * random.Float64(), YMax: y}
		}
		shown := place()
		window := p.window(shown, o.size)
		largest := p.largestContext(window)
		around := p.window(shown.Grow(float64(o.viewContext)), o.twoViews)
		// A background window of the same size, elsewhere.
		at := image.Pt(random.IntN(p.config.Width-window.Dx()+1), random.IntN(p.config.Height-window.Dy()+1))
		free := image.Rectangle{Max: window.Size()}.Add(at)
		other := p.window(pix.BoxOf(free, p.config.Width, p.config.Height).Grow(float64(o.viewContext)), o.twoViews)
		for _, r := range []image.Rectangle{around, other} {
			if r.Dx() > largest.Dx() || r.Dy() > largest.Dy() {
				t.Fatalf("around %v: %v, larger than %v", window, r, largest)
			}
			if p.scaleOf(r, o.twoViews) < p.leastScale(shown) {
				t.Fatalf("around %v: %v is reduced less", window, r)
			}
		}
	}
}

func TestViewsArgs(t *testing.T) {
	if args := withDefaults(options{}).args(); args["two_views"]+args["view_context"] != "" {
		t.Errorf("a run of one view: %v", args)
	}
	args := withDefaults(options{twoViews: square(96), viewContext: 0.5}).args()
	if args["two_views"] != "96" || args["view_context"] != "0.5" {
		t.Errorf("args %v", args)
	}
}
