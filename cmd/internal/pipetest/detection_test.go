package pipetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"image/jpeg"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// TestDetection exports whole photos with boxes for detectors: the sample, and
// the real rows and photos where they are. All forms have the same bytes at any
// -j, and what a trainer reads from them with OpenCV are the boxes that oi-boxes
// found.
func TestDetection(t *testing.T) {
	python, haveReaders := oitest.FindPython(t, "cv2", "yaml")
	for name, c := range map[string]struct{ boxes, fetch string }{
		"sample": {"--dataset sample --shard 1/60 Hamburger Sandwich", ""},
		"real":   {"--dataset v4 --subset train,validation,test --shard 1/8 'Hot dog' Muffin", ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if name == "real" {
				c.boxes += " --metadata '" + oitest.RealData(t, "openimages/mirror") + "'"
				c.fetch = "--images '" + oitest.RealData(t, "openimages/bucket") + "'"
			}
			sh := exec.Command("bash", "-euo", "pipefail", "-c", `
				oi-boxes -q `+c.boxes+` >boxes.oi
				oi-boxes -q --json `+c.boxes+` >boxes.json
				oi-fetch -q `+c.fetch+` boxes.oi >photos.oi
				for form in coco yolo voc; do
					for j in 1 8; do
						oi-fetch -j $j `+c.fetch+` --group-of keep --photos $form$j/VOCdevkit/VOC2007 --annotations $form boxes.oi >photos$j.oi
						cmp photos.oi photos$j.oi
					done
					diff -r ${form}1 ${form}8
				done`)
			sh.Dir, sh.Env = dir, environment(dir)
			words, err := sh.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, words)
			}
			if want := `torchvision.datasets.VOCDetection("voc1", year="2007", image_set="train")`; !strings.Contains(string(words), want) {
				t.Errorf("no %s in %s", want, words)
			}
			if !haveReaders {
				t.Skip("python3-opencv and python3-yaml are not on this machine")
			}
			want := wantedBoxes(t, filepath.Join(dir, "boxes.json"), filepath.Join(dir, "coco1/VOCdevkit/VOC2007/images"))
			if len(want) < 10 {
				t.Fatalf("%d boxes only", len(want))
			}
			for _, form := range []string{"coco", "yolo", "voc"} {
				reader := exec.Command(python, filepath.Join(shared.root, "cmd/oi-fetch/testdata/python/detection.py"), form, form+"1/VOCdevkit/VOC2007")
				reader.Dir = dir
				out, err := reader.CombinedOutput()
				if err != nil {
					t.Fatalf("%s: %v\n%s", form, err, out)
				}
				var got []string
				for line := range strings.Lines(string(out)) {
					got = append(got, strings.Join(strings.Split(line, "\t")[:4], "\t"))
				}
				slices.Sort(got)
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("%s: %.2000s", form, d)
				}
			}
		})
	}
}

// wantedBoxes are the lines that detection.py prints of the items in a file,
// less the colours. The photos are as exported, in a folder for each set.
func wantedBoxes(t *testing.T, items, photos string) []string {
	t.Helper()
	data, err := os.ReadFile(items)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(data)) {
		var item struct {
			ID, Set string
			Label   struct{ Name string }
			Box     struct{ XMin, XMax, YMin, YMax float64 }
			Image   struct{ Rotation float64 }
		}
		if err := json.Unmarshal([]byte(line), &item); err != nil {
			t.Fatal(err)
		}
		file, err := os.Open(filepath.Join(photos, item.Set, item.ID+".jpg"))
		if err != nil {
			t.Fatal(err)
		}
		size, err := jpeg.DecodeConfig(file)
		if err := errors.Join(err, file.Close()); err != nil {
			t.Fatal(err)
		}
		w, h, b := float64(size.Width), float64(size.Height), item.Box
		x0, x1, y0, y1 := b.XMin, b.XMax, b.YMin, b.YMax
		for range int(item.Image.Rotation) / 90 { // each time the right edge becomes the top
			x0, x1, y0, y1 = y0, y1, 1-x1, 1-x0
		}
		name, err := json.Marshal(item.Label.Name)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("%s\t%s.jpg\t%s\t%d %d %d %d", item.Set, item.ID, name,
			int(math.Round(x0*w)), int(math.Round(y0*h)), int(math.Round(x1*w)), int(math.Round(y1*h))))
	}
	slices.Sort(lines)
	return lines
}

// TestVOCInTorchvision reads an export with the reader that most people have.
func TestVOCInTorchvision(t *testing.T) {
	python := oitest.Python(t, "torchvision")
	dir := t.TempDir()
	sh := exec.Command("bash", "-euo", "pipefail", "-c", `
		oi-fetch -q --photos a/VOCdevkit/VOC2007 --annotations voc $DATA/boxes.oi >/dev/null
		`+python+` -c '
import torchvision
n = 0
for s in ("train", "val", "test"):
    for image, target in torchvision.datasets.VOCDetection("a", year="2007", image_set=s):
        size = target["annotation"]["size"]
        assert image.size == (int(size["width"]), int(size["height"]))
        for o in target["annotation"]["object"]:
            assert o["name"] in ("Hamburger", "Sandwich")
            n += 1
print(n)'`)
	sh.Dir, sh.Env = dir, append(environment(dir), "DATA="+shared.data)
	out, err := sh.Output()
	if err != nil || strings.TrimSpace(string(out)) != "96" {
		t.Errorf("%v: %s", err, out)
	}
}
