package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"image"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/imagefile"
	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/cmd/internal/pix"
	"github.com/opensandwich/oi/cmd/internal/stream"
	"github.com/opensandwich/oi/record"
)

// A started cropper has seen a header; do is for the items that follow it.
type started struct {
	*cropper
	do stream.Func
}

// square is the size of square crops.
func square(n int) side { return side{Width: n, Height: n} }

// windows is what --background says.
func windows(t testing.TB, text string) (b backgrounds) {
	t.Helper()
	if err := b.Set(text); err != nil {
		t.Fatal(err)
	}
	return b
}

// withDefaults returns options where what is not set is what the flags have.
func withDefaults(o options) *options {
	if o.size == (side{}) {
		o.size = square(128)
	}
	if o.backgrounds == (backgrounds{}) {
		o.backgrounds = backgrounds{auto: true, number: 1}
	}
	if o.scale == "" {
		o.scale = scaleAuto
	}
	if o.filter == "" {
		o.filter = string(pix.Area)
	}
	if o.pad == "" {
		o.pad = string(pix.PadEdge)
	}
	o.maxPixels = imagefile.DefaultMaxPixels
	if o.decodeMemory == 0 {
		o.decodeMemory = defaultDecodeMemory
	}
	return &o
}

// startCropper returns a cropper that has seen a header with these classes.
func startCropper(t testing.TB, o options, classes ...string) started {
	t.Helper()
	c := newCropper(withDefaults(o), &cli.Env{Name: "oi-crop", Stderr: io.Discard})
	h := &record.Header{}
	for _, name := range classes {
		h.Classes = append(h.Classes, record.Class{Name: name})
	}
	do, err := c.header(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	return started{c, do}
}

func TestCropLeavesItsInput(t *testing.T) {
	item, again := testItem(1, "Hamburger"), testItem(1, "Hamburger")
	result, err := startCropper(t, options{}, "Hamburger").do(context.Background(), item)
	if err != nil || len(result.Items) != 2 {
		t.Fatalf("%+v, %v", result, err)
	}
	if item.Tensor != nil || item.Crop != nil || !bytes.Equal(item.Fetched.Bytes, again.Fetched.Bytes) {
		t.Error("the item that came in was changed: it may be needed in the file of failures")
	}
}

func TestPhotoWithoutBytes(t *testing.T) {
	c := startCropper(t, options{}, "Hamburger")
	item := testItem(1, "Hamburger")
	item.Fetched.Bytes = []byte{}
	if result, err := c.do(context.Background(), item); err != nil || result.Skipped != skipDecode {
		t.Errorf("a photo of no bytes: %+v, %v", result, err)
	}
	item.Fetched.Bytes = nil
	if _, err := c.do(context.Background(), item); err == nil {
		t.Error("a photo that was dropped is no failure of the photo's")
	}
}

func TestInfoTellsOfSalvage(t *testing.T) {
	s := &summary{}
	s.close(nil, &record.Damage{Regions: 1, Bytes: 7})
	s.close(nil, &record.Damage{Regions: 1, Bytes: 3})
	var out bytes.Buffer
	if err := s.write(&out); err != nil || !strings.Contains(out.String(), "salvaged: 10 bytes were lost to damage in 2 places") {
		t.Errorf("%v\n%s", err, &out)
	}
}

// The photo's box is bright in red, and its left edge has no blue: upright,
// the dark side must be where the rotation puts it.
func TestRotation(t *testing.T) {
	c := startCropper(t, options{size: square(32)}, "a", "b")
	for turn, at := range map[float64]image.Point{ // where the left edge goes, counter-clockwise
		0: {X: 0, Y: 16}, 90: {X: 16, Y: 31}, 180: {X: 31, Y: 16}, 270: {X: 16, Y: 0},
		-90: {X: 16, Y: 0}, 360: {X: 0, Y: 16}, 450: {X: 16, Y: 31},
		45: {X: 0, Y: 16}, math.NaN(): {X: 0, Y: 16}, math.Inf(1): {X: 0, Y: 16},
	} {
		item := testItem(0, "a")
		item.Image.Rotation = &turn
		result, err := c.do(context.Background(), item)
		if err != nil || len(result.Items) != 1 {
			t.Fatalf("%v degrees: %+v %v", turn, result, err)
		}
		blue := func(p image.Point) byte { return result.Items[0].Tensor.Data[(p.Y*32+p.X)*3+2] }
		across := image.Pt(31-at.X, 31-at.Y)
		if blue(at) > 80 || blue(across) < 150 {
			t.Errorf("%v degrees: blue is %d at %v and %d at %v", turn, blue(at), at, blue(across), across)
		}
	}
	if n := c.oddRotations.Load(); n != 3 {
		t.Errorf("%d odd rotations were counted, want 3", n)
	}
	item := testItem(0, "a")
	item.Image = nil
	if result, err := c.do(context.Background(), item); err != nil || result.Items[0].Crop.Rotation != 0 {
		t.Errorf("without an image list: %+v %v", result, err)
	}
}

// TestProfiles: records whose photo has an ICC profile are counted, those of
// other colours than sRGB by themselves.
func TestProfiles(t *testing.T) {
	photos := map[string][]byte{
		"none":  oitest.JPEG(1),
		"other": oitest.PNG{Width: 8, Height: 8, Depth: 8, Colour: 2, Profile: true}.Encode(),
	}
	for _, kind := range []string{"jpg", "png", "webp"} {
		data, err := os.ReadFile("../internal/imagefile/testdata/srgb." + kind)
		if err != nil {
			t.Fatal(err)
		}
		photos[kind] = data
	}
	for _, test := range []struct {
		names []string
		want  string
	}{
		{[]string{"none"}, ""},
		{[]string{"none", "jpg", "png", "webp"}, "the photos of 3 records carry an ICC profile, ignored; all are sRGB, as it is assumed"},
		{[]string{"jpg", "none", "other", "webp"}, "the photos of 3 records carry an ICC profile, ignored; 1 of them are not sRGB (such as Adobe RGB or Display P3), so their colours are off"},
	} {
		c := startCropper(t, options{size: square(8)}, "a", "b")
		var stderr bytes.Buffer
		c.env.Stderr = &stderr
		for _, name := range test.names {
			if _, err := c.do(t.Context(), boxesOf([][]byte{photos[name]}, 1)[0]); err != nil {
				t.Fatal(err)
			}
		}
		c.notes()
		if got := stderr.String(); strings.TrimPrefix(strings.TrimSpace(got), "oi-crop: ") != test.want {
			t.Errorf("%v: %q, want %q", test.names, got, test.want)
		}
	}
}

// TestSideways: whole photos that a viewer turns are counted, since oi-eval turns
// them, too; boxes refer to the photo as it is stored.
func TestSideways(t *testing.T) {
	exif := []byte("\xff\xe1\x00\x22Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00")
	upright := oitest.JPEG(1)
	turned := slices.Concat(upright[:2], exif, upright[2:])
	c := startCropper(t, options{size: square(8)}, "a", "b")
	var stderr bytes.Buffer
	c.env.Stderr = &stderr
	for _, test := range []struct {
		photo    []byte
		width    float64
		rotation float64
	}{{turned, 1, 0}, {turned, 0.5, 0}, {turned, 1, 90}, {upright, 1, 0}, {turned, 1, 0}} {
		item := boxesOf([][]byte{test.photo}, 1)[0]
		item.Box = &record.Box{XMax: test.width, YMax: 1}
		item.Image = &record.Image{Rotation: &test.rotation}
		if _, err := c.do(t.Context(), item); err != nil {
			t.Fatal(err)
		}
	}
	c.notes()
	if got := stderr.String(); !strings.Contains(got, "2 whole photos have an EXIF orientation, ignored") {
		t.Errorf("%q", got)
	}
}

func TestBackgroundDecision(t *testing.T) {
	for _, c := range []struct {
		when    string
		classes []string
		want    bool
		names   string
	}{
		{"auto", []string{"a"}, true, "a background"},
		{"auto", []string{"a", "b"}, false, "a b"},
		{"auto", nil, false, ""},
		{"auto", []string{"background", "a"}, false, "background a"},
		{"always", []string{"a", "z"}, true, "a background z"},
		{"always", nil, true, "background"},
		{"never", []string{"a"}, false, "a"},
	} {
		h := &record.Header{}
		for _, name := range c.classes {
			h.Classes = append(h.Classes, record.Class{Name: name})
		}
		crop := newCropper(&options{backgrounds: windows(t, c.when), size: square(16), filter: "area", maxPixels: imagefile.DefaultMaxPixels, decodeMemory: defaultDecodeMemory}, &cli.Env{Stderr: io.Discard})
		do, err := crop.header(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		result, err := do(context.Background(), testItem(0, "a"))
		if err != nil {
			t.Fatal(err)
		}
		withBackground := len(result.Items) == 2
		var names []string
		for _, class := range h.Classes {
			names = append(names, class.Name)
		}
		if got := strings.Join(names, " "); withBackground != c.want || got != c.names {
			t.Errorf("%s with %v: %v, classes %q, want %v, %q", c.when, c.classes, withBackground, got, c.want, c.names)
		}
	}
}

func TestBadAvoidBlocksTheWholePhoto(t *testing.T) {
	item := testItem(0, "a")
	item.Avoid = append(item.Avoid, record.Rect{XMin: math.NaN(), XMax: 1, YMax: 1})
	c := startCropper(t, options{}, "a")
	result, err := c.do(context.Background(), item)
	if err != nil || len(result.Items) != 1 || c.noRoom.Load() != 1 {
		t.Errorf("%d items, %d without room, %v", len(result.Items), c.noRoom.Load(), err)
	}
}

func TestCheckTensor(t *testing.T) {
	for _, bad := range []record.Tensor{
		{}, {Shape: []int{2, 2, 3}, DType: "float32", Data: make([]byte, 12)}, {Shape: []int{2, 2, 3}, DType: "uint8", Data: make([]byte, 11)},
		{Shape: []int{2, 2, 1}, DType: "uint8", Data: make([]byte, 4)}, {Shape: []int{-1, -1, 3}, DType: "uint8", Data: make([]byte, 3)},
		{Shape: []int{1 << 30, 1 << 30, 3}, DType: "uint8"},
	} {
		if checkTensor(&bad) == nil {
			t.Errorf("%v %s of %d bytes passed", bad.Shape, bad.DType, len(bad.Data))
		}
	}
	if err := checkTensor(&record.Tensor{Shape: []int{2, 2, 3}, DType: "uint8", Data: make([]byte, 12)}); err != nil {
		t.Error(err)
	}
}

// realItems are the first n boxes of real photos, each with the photo's other
// boxes of its class to avoid.
func realItems(t testing.TB, n int) []*record.Item {
	t.Helper()
	f, err := os.Open(oitest.RealData(t, "openimages/mirror/2018_04/validation/validation-annotations-bbox.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	rows = rows[1:min(n+1, len(rows))]
	rect := func(row []string) record.Rect {
		var v [4]float64
		for i := range v {
			if v[i], err = strconv.ParseFloat(row[4+i], 64); err != nil {
				t.Fatal(err)
			}
		}
		return record.Rect{XMin: v[0], XMax: v[1], YMin: v[2], YMax: v[3]}
	}
	var items []*record.Item
	for i, row := range rows {
		data, err := os.ReadFile(oitest.RealData(t, "openimages/bucket/validation/"+row[0]+".jpg"))
		if err != nil {
			t.Fatal(err)
		}
		box := rect(row)
		item := &record.Item{
			ID: row[0], Key: fmt.Sprintf("%s-%08x", row[0], i), Set: "val", Label: &record.Label{MID: row[2], Name: row[2]},
			Box: &record.Box{XMin: box.XMin, XMax: box.XMax, YMin: box.YMin, YMax: box.YMax}, Fetched: &record.Fetched{Bytes: data},
		}
		for j, other := range rows {
			if j != i && other[0] == row[0] && other[2] == row[2] {
				item.Avoid = append(item.Avoid, rect(other))
			}
		}
		items = append(items, item)
	}
	return items
}

func TestRealPhotos(t *testing.T) {
	items := realItems(t, 120)
	c := startCropper(t, options{}, "one class")
	windows := 0
	for _, item := range items {
		result, err := c.do(context.Background(), item)
		if err != nil || result.Skipped != "" {
			t.Fatalf("%s: %+v %v", item.Key, result, err)
		}
		photo, err := pix.Decode(item.Fetched.Bytes, imagefile.DefaultMaxPixels)
		if err != nil {
			t.Fatal(err)
		}
		crop := result.Items[0].Crop
		first := func(edge float64, n int) float64 { return math.Floor(edge*float64(n) + 1e-6) }
		end := func(edge float64, n int) float64 { return math.Ceil(edge*float64(n) - 1e-6) }
		x0, x1 := first(item.Box.XMin, photo.Width), end(item.Box.XMax, photo.Width)
		y0, y1 := first(item.Box.YMin, photo.Height), end(item.Box.YMax, photo.Height)
		if crop.X != int(x0) || crop.Y != int(y0) || crop.Width != int(x1-x0) || crop.Height != int(y1-y0) {
			t.Errorf("%s: %+v, want x %v-%v y %v-%v", item.Key, crop, x0, x1, y0, y1)
		}
		if err := checkTensor(result.Items[0].Tensor); err != nil {
			t.Error(err)
		}
		for _, other := range result.Items[1:] {
			windows++
			w := image.Rect(other.Crop.X, other.Crop.Y, other.Crop.X+other.Crop.Width, other.Crop.Y+other.Crop.Height)
			if !w.In(image.Rect(0, 0, photo.Width, photo.Height)) || 2*w.Dx() < crop.Width-1 || 2*w.Dy() < crop.Height-1 {
				t.Errorf("%s: a window at %v of %dx%d", other.Key, w, photo.Width, photo.Height)
			}
			for _, b := range append(slices.Clone(item.Avoid), record.Rect{XMin: item.Box.XMin, XMax: item.Box.XMax, YMin: item.Box.YMin, YMax: item.Box.YMax}) {
				if w.Overlaps((pix.Box{XMin: b.XMin, XMax: b.XMax, YMin: b.YMin, YMax: b.YMax}).Rect(photo.Width, photo.Height)) {
					t.Errorf("%s: a window at %v over %+v", other.Key, w, b)
				}
			}
		}
	}
	if left := int64(len(items)) - c.noRoom.Load(); windows < 20 || int64(windows) != left {
		t.Errorf("%d windows and %d boxes without room of %d", windows, c.noRoom.Load(), len(items))
	}
}

// TestScaleError: crops of reduced photos are what they are at full size, for
// boxes of all sizes that have a scale, and the background windows next to
// them.
func TestScaleError(t *testing.T) {
	names, err := filepath.Glob(oitest.RealData(t, "openimages/images-1024px") + "/*.jpg")
	if err != nil || len(names) == 0 {
		t.Fatalf("%d photos: %v", len(names), err)
	}
	more, err := filepath.Glob(oitest.RealData(t, "openimages/bucket/validation") + "/*.jpg")
	if err != nil || len(more) < 60 {
		t.Fatalf("%d photos: %v", len(more), err)
	}
	rng := rand.New(rand.NewPCG(51, 52))
	crops, sum, worst := map[int]int{}, 0.0, 0.0
	for i, name := range append(names, more[:60]...) {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		config, err := imagefile.Check(bytes.NewReader(data), int64(len(data)), imagefile.DefaultMaxPixels)
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range []int{16, 24, 32, 48, 64, 128} {
			auto := startCropper(t, options{size: square(size), scale: scaleAuto, backgrounds: windows(t, "always")}, "a")
			full := startCropper(t, options{size: square(size), scale: scaleFull, backgrounds: windows(t, "always")}, "a")
			x, y := rng.Float64()/2, rng.Float64()/2
			box := &record.Box{XMin: x, XMax: min(1, x+0.2+0.6*rng.Float64()), YMin: y, YMax: min(1, y+0.2+0.6*rng.Float64())}
			if size == 64 {
				box = &record.Box{XMax: 1, YMax: 1}
			}
			item := &record.Item{Key: fmt.Sprint(i), Fetched: &record.Fetched{Bytes: data}, Box: box}
			a, err := auto.do(t.Context(), item)
			if err != nil {
				t.Fatal(err)
			}
			b, err := full.do(t.Context(), item)
			if err != nil || len(a.Items) != len(b.Items) || len(a.Items) == 0 {
				t.Fatalf("%+v, %+v: %v", a, b, err)
			}
			for k, item := range a.Items {
				other := b.Items[k]
				scale := pix.Scale(item.Crop.Width, item.Crop.Height, size, size)
				off := difference(item.Tensor.Data, other.Tensor.Data)
				if scale == 1 && off != 0 || item.Crop.SourceWidth != config.Width {
					t.Errorf("%s, %+v to %d: off by %v at full size", name, item.Crop, size, off)
				}
				if scale > 1 {
					crops[scale]++
					sum += off
					worst = max(worst, off)
				}
			}
		}
	}
	n := crops[2] + crops[4] + crops[8]
	t.Logf("%v crops by scale, off by %.3f of 255 in the mean and %.3f at the worst", crops, sum/float64(n), worst)
	if n < 50 || crops[2] < 20 || crops[4] < 20 || crops[8] < 3 {
		t.Errorf("crops by scale: %v", crops)
	}
	if mean := sum / float64(n); mean >= 1 || worst >= 2 {
		t.Errorf("off by %.3f of 255 in the mean and %.3f at the worst", mean, worst)
	}
}

// difference is the mean distance of the bytes.
func difference(a, b []byte) float64 {
	sum := 0
	for i, v := range a {
		d := int(v) - int(b[i])
		sum += max(d, -d)
	}
	return float64(sum) / float64(len(a))
}

func BenchmarkDo(b *testing.B) {
	data, err := os.ReadFile(oitest.RealData(b, "openimages/images-1024px/00a0c5ea5b4f3989.jpg"))
	if err != nil {
		b.Fatal(err)
	}
	item := &record.Item{Key: "k", Box: &record.Box{XMin: 0.2, XMax: 0.6, YMin: 0.2, YMax: 0.7}, Fetched: &record.Fetched{Bytes: data}}
	c := startCropper(b, options{}, "a", "b")
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if result, err := c.do(context.Background(), item); err != nil || result.Skipped != "" {
			b.Fatalf("%+v %v", result, err)
		}
	}
}

func TestBackgroundKey(t *testing.T) {
	long := strings.Repeat("k", 79)
	for key, want := range map[string]string{
		"a-1": "a-1-bg", strings.Repeat("k", 77): strings.Repeat("k", 77) + "-bg", "": "id-bg",
	} {
		if got := backgroundKey(&record.Item{ID: "id", Key: key}, 0); got != want {
			t.Errorf("%q: got %q, want %q", key, got, want)
		}
	}
	a, b := backgroundKey(&record.Item{Key: long + "a"}, 0), backgroundKey(&record.Item{Key: long + "b"}, 0)
	if len(a) != maxKey || a == b || !strings.HasSuffix(a, "-bg") {
		t.Errorf("long keys became %q and %q", a, b)
	}
}

// TestBackgroundWindows: several windows of a photo overlap neither its box nor
// one another, and the first is the one that is cut alone.
func TestBackgroundWindows(t *testing.T) {
	item := testItem(1, "a")
	item.Box = &record.Box{XMin: 0.4, XMax: 0.6, YMin: 0.4, YMax: 0.6}
	one, err := startCropper(t, options{size: square(8), backgrounds: windows(t, "1")}, "a").do(t.Context(), item)
	if err != nil || len(one.Items) != 2 {
		t.Fatalf("%+v, %v", one, err)
	}
	many, err := startCropper(t, options{size: square(8), backgrounds: windows(t, "5")}, "a").do(t.Context(), item)
	if err != nil || len(many.Items) != 6 || many.Added != background {
		t.Fatalf("%+v, %v", many, err)
	}
	if many.Items[1].Key != one.Items[1].Key || !bytes.Equal(many.Items[1].Tensor.Data, one.Items[1].Tensor.Data) {
		t.Error("the first window is another one")
	}
	keys := map[string]bool{}
	for i, item := range many.Items {
		keys[item.Key] = true
		for _, other := range many.Items[:i] {
			if rectOf(item.Crop).Overlaps(rectOf(other.Crop)) {
				t.Errorf("%v overlaps %v", item.Crop, other.Crop)
			}
		}
	}
	if len(keys) != 6 {
		t.Errorf("keys %v", keys)
	}
}

func rectOf(c *record.Crop) image.Rectangle { return image.Rect(c.X, c.Y, c.X+c.Width, c.Y+c.Height) }

// TestMinSide: the box counts, not what is cut with it.
func TestMinSide(t *testing.T) {
	item := testItem(1, "a")
	item.Box = &record.Box{XMin: 0.5, XMax: 0.6, YMin: 0, YMax: 1}
	result, err := startCropper(t, options{size: square(8)}, "a", "b").do(t.Context(), item)
	if err != nil || len(result.Items) != 1 {
		t.Fatalf("%+v, %v", result, err)
	}
	side := result.Items[0].Crop.Width
	for n, removed := range map[int]string{side: "", side + 1: removedSmall} {
		result, err := startCropper(t, options{size: square(8), minSide: n, context: 0.5, square: true}, "a", "b").do(t.Context(), item)
		if err != nil || result.Removed != removed {
			t.Errorf("at least %d of %d pixels: %+v, %v", n, side, result, err)
		}
	}
}
