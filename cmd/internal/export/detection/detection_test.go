package detection

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/pix"
)

// TestTurn: four quarter turns are none, two are a half, and whole pixels,
// thousandths and fractions turn alike.
func TestTurn(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 1000 {
		w, h := 1+rng.IntN(2000), 1+rng.IntN(2000)
		b := pix.Box{XMin: rng.Float64() / 2, YMin: rng.Float64() / 2}
		b.XMax, b.YMax = b.XMin+rng.Float64()/2, b.YMin+rng.Float64()/2
		r := rectOf(b, w, h)
		turned, tw, th := r, w, h
		for quarter := range 5 {
			if quarter < 4 {
				if direct := r.turn(int64(w*milli), int64(h*milli), 90*quarter); direct != turned {
					t.Fatalf("%d quarter turns of %v in %dx%d: %v, and %v", quarter, r, w, h, turned, direct)
				}
				if again := rectOf(turnBox(b, 90*quarter), tw, th); far(again.x0, turned.x0) || far(again.y0, turned.y0) || far(again.x1, turned.x1) || far(again.y1, turned.y1) {
					t.Fatalf("%d quarter turns of %v: %v, the fractions say %v", quarter, b, turned, again)
				}
			} else if turned != r {
				t.Fatalf("four quarter turns of %v: %v", r, turned)
			}
			p := turned.pixels()
			if p.xMin < 1 || p.yMin < 1 || p.xMax > tw || p.yMax > th || turned.x0 < turned.x1 && p.xMin > p.xMax {
				t.Fatalf("%v of %dx%d pixels: %+v", turned, tw, th, p)
			}
			turned, tw, th = turned.turn(int64(tw*milli), int64(th*milli), 90), th, tw
		}
	}
}

func far(a, b int64) bool { return a-b > 1 || b-a > 1 }

func TestPixels(t *testing.T) {
	for r, want := range map[rect]pixels{
		{0, 0, 10_000, 5_000}:         {1, 1, 10, 5},
		{999, 1_001, 9_999, 5_001}:    {2, 2, 10, 5}, // six digits
		{400, 600, 2_400, 2_600}:      {1, 2, 2, 3},
		{3_100, 3_900, 3_200, 4_100}:  {4, 4, 4, 5}, // less than a pixel
		{9_600, 9_000, 10_000, 9_400}: {10, 10, 10, 10},
		{9_999, 0, 10_000, 1}:         {10, 1, 10, 1},
	} {
		if got := r.pixels(); got != want {
			t.Errorf("%v: %+v, want %+v", r, got, want)
		}
	}
}

func TestDecimal(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 1: "0.001", 10: "0.01", 1000: "1", 1024_000: "1024", 123_450: "123.45", 65535_999: "65535.999"} {
		if got := string(decimal(n, 3)); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

// FuzzRow: a row comes back from the spool as it went in.
func FuzzRow(f *testing.F) {
	f.Add(uint32(1), true, int8(-1), int8(1), 0.25, 0.5, int64(77))
	f.Fuzz(func(t *testing.T, class uint32, unlabelled bool, a, b int8, x, y float64, before int64) {
		r := row{class: class, unlabelled: unlabelled, occluded: a, truncated: b, groupOf: -a, depiction: b / 2, inside: a / 2, xMin: x, xMax: y, yMin: -x, yMax: x + y}
		data := r.encode(nil, before)
		got, at := decodeRow(data)
		if len(data) != rowSize || at != before || fmt.Sprint(got) != fmt.Sprint(r) { // a NaN is not itself
			t.Errorf("%+v at %d: %+v at %d, %d bytes", r, before, got, at, len(data))
		}
	})
}

// TestLoad: the line that reads an export can be copied into a shell or Python.
func TestLoad(t *testing.T) {
	sets := func(names ...string) *Summary {
		s := &Summary{}
		for _, name := range names {
			s.Sets = append(s.Sets, SetCount{Name: name})
		}
		return s
	}
	for _, tt := range []struct {
		format Format
		dir    string
		sets   *Summary
		want   string
	}{
		{YOLO, "a/b", sets("train"), "yolo detect train data=a/b/data.yaml"},
		{YOLO, "it's mine", sets("train"), `yolo detect train data='it'\''s mine/data.yaml'`},
		{COCO, ".", sets("all", "train", "val"), `torchvision.datasets.CocoDetection("images/train", "annotations/instances_train.json")`},
		{COCO, "/x y", sets("val"), `torchvision.datasets.CocoDetection("/x y/images/val", "/x y/annotations/instances_val.json")`},
		{VOC, "d/VOCdevkit/VOC2012/", sets("train"), `torchvision.datasets.VOCDetection("d", year="2012", image_set="train")`},
		{VOC, "VOCdevkit/VOC2007", sets("test"), `torchvision.datasets.VOCDetection(".", year="2007", image_set="test")`},
		{VOC, "/VOCdevkit/VOC2007", sets("test"), `torchvision.datasets.VOCDetection("/", year="2007", image_set="test")`},
		{VOC, "voc", sets("train"), `fiftyone.Dataset.from_dir(dataset_type=fiftyone.types.VOCDetectionDataset, data_path="voc/JPEGImages", labels_path="voc/Annotations")`},
	} {
		e := Open(Options{Format: tt.format})
		if got := e.Load(tt.sets, tt.dir); got != tt.want {
			t.Errorf("%s in %q: %s, want %s", tt.format, tt.dir, got, tt.want)
		}
	}
}
