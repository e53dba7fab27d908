package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/record"
)

// patches are the corners of the test's picture, each with its colour, and
// sizes and places that no turn or mirror image makes into one another.
var patches = map[string]struct {
	at image.Rectangle
	c  color.RGBA
}{
	"1 red":    {image.Rect(8, 8, 56, 40), color.RGBA{220, 30, 30, 255}},
	"2 green":  {image.Rect(112, 16, 152, 40), color.RGBA{30, 190, 30, 255}},
	"3 blue":   {image.Rect(0, 64, 24, 96), color.RGBA{30, 30, 220, 255}},
	"4 yellow": {image.Rect(88, 72, 160, 96), color.RGBA{220, 220, 30, 255}},
}

const cornersWidth, cornersHeight = 160, 96

// cornersAs is the picture as a file whose EXIF data has an orientation.
func cornersAs(t *testing.T, ending string, orientation int) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, cornersWidth, cornersHeight))
	draw.Draw(img, img.Bounds(), image.NewUniform(color.RGBA{128, 128, 128, 255}), image.Point{}, draw.Src)
	for _, p := range patches {
		draw.Draw(img, p.at, image.NewUniform(p.c), image.Point{}, draw.Src)
	}
	tiff := "MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00" + string(rune(orientation)) + "\x00\x00\x00\x00\x00\x00"
	var b bytes.Buffer
	if ending == ".png" {
		if err := png.Encode(&b, img); err != nil {
			t.Fatal(err)
		}
		return slices.Concat(b.Bytes()[:33], oitest.PNGChunk("eXIf", []byte(tiff)), b.Bytes()[33:])
	}
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	segment := append([]byte{0xff, 0xe1, 0, byte(2 + 6 + len(tiff))}, "Exif\x00\x00"+tiff...)
	return slices.Concat(b.Bytes()[:2], segment, b.Bytes()[2:])
}

// corners is a folder with the picture in every orientation, and a stream with
// its boxes for every Rotation.
func corners(t *testing.T) (folder string, input []byte, photos int) {
	t.Helper()
	folder = t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "train"), 0o777); err != nil {
		t.Fatal(err)
	}
	var items []*record.Item
	for orientation := 1; orientation <= 8; orientation++ {
		for _, ending := range []string{".jpg", ".png"} {
			for _, rotation := range []float64{0, 90, 180, 270, -90} {
				id := fmt.Sprintf("o%dr%d%s", orientation, int(rotation+360)%1000, ending[1:])
				if err := os.WriteFile(filepath.Join(folder, "train", id+ending), cornersAs(t, ending, orientation), 0o666); err != nil {
					t.Fatal(err)
				}
				photos++
				for name, p := range patches {
					items = append(items, &record.Item{
						ID: id, Key: fmt.Sprintf("%s-%s", id, name[:1]), Subset: "train", Set: "train", Label: &record.Label{Name: name},
						Box: &record.Box{
							XMin: float64(p.at.Min.X) / cornersWidth, XMax: float64(p.at.Max.X) / cornersWidth,
							YMin: float64(p.at.Min.Y) / cornersHeight, YMax: float64(p.at.Max.Y) / cornersHeight,
						},
						Image: &record.Image{Rotation: &rotation},
					})
				}
			}
		}
	}
	return folder, binary(t, items), photos
}

// TestExportGeometry: what a program that turns photos by their EXIF orientation
// finds within an exported box is what the box was drawn around, whatever the
// orientation and the Rotation, in every form.
func TestExportGeometry(t *testing.T) {
	python := oitest.Python(t, "cv2", "yaml")
	folder, input, photos := corners(t)
	for _, form := range []string{"coco", "yolo", "voc"} {
		dir := filepath.Join(t.TempDir(), form)
		_, words := oiFetch(t, input, 0, "--images", folder, "--photos", dir, "--annotations", form)
		for _, want := range []string{
			fmt.Sprintf("%d photos (train %d), %d boxes of 5 classes", photos, photos, 4*photos), // and the header's
			"whose EXIF orientation was set to 1: 14,",                                           // 7 of each ending where nothing is rotated
			fmt.Sprintf("at quality 95: %d", photos*4/5),
		} {
			if !strings.Contains(words, want) {
				t.Errorf("%s: no %q in %s", form, want, words)
			}
		}
		out, err := exec.Command(python, "testdata/python/detection.py", form, dir).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", form, err, out)
		}
		seen := map[string]bool{}
		for line := range strings.Lines(string(out)) {
			var x0, y0, x1, y1, r, g, b int
			fields := strings.Split(strings.TrimSpace(line), "\t")
			if len(fields) != 5 {
				t.Fatalf("%s: %q", form, line)
			}
			if n, err := fmt.Sscan(fields[3]+" "+fields[4], &x0, &y0, &x1, &y1, &r, &g, &b); n != 7 {
				t.Fatalf("%s: %q: %v", form, line, err)
			}
			name := strings.Trim(fields[2], `"`)
			p, ok := patches[name]
			seen[fields[1]+name] = true
			if !ok || !near(r, p.c.R) || !near(g, p.c.G) || !near(b, p.c.B) {
				t.Errorf("%s: %s: there is %d %d %d in the box of %s", form, fields[1], r, g, b, name)
			}
			w, h := p.at.Dx(), p.at.Dy()
			if strings.Contains(fields[1], "r450") || strings.Contains(fields[1], "r630") || strings.Contains(fields[1], "r270") {
				w, h = h, w
			}
			if x1-x0 != w || y1-y0 != h {
				t.Errorf("%s: %s: %s has %dx%d pixels, want %dx%d", form, fields[1], name, x1-x0, y1-y0, w, h)
			}
		}
		if len(seen) != 4*photos {
			t.Errorf("%s: %d of %d boxes", form, len(seen), 4*photos)
		}
	}
}

// near reports whether a colour is off by no more than the coding costs.
func near(got int, want uint8) bool { return got >= int(want)-12 && got <= int(want)+12 }

// TestExportBytes: photos that are stored upright keep their bytes, and of the
// others nothing changes but the orientation.
func TestExportBytes(t *testing.T) {
	folder, input, _ := corners(t)
	dir := filepath.Join(t.TempDir(), "export")
	oiFetch(t, input, 0, "--images", folder, "--photos", dir, "--annotations", "yolo")
	for orientation := 1; orientation <= 8; orientation++ {
		for _, ending := range []string{".jpg", ".png"} {
			name := fmt.Sprintf("o%dr360%s%s", orientation, ending[1:], ending)
			got, err := os.ReadFile(filepath.Join(dir, "images", "train", name))
			if want := cornersAs(t, ending, 1); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %d bytes, want %d: %v", name, len(got), len(want), err)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "images", "train", "o1r450png.jpg")); err != nil {
		t.Errorf("a PNG that was rotated is a JPEG: %v", err)
	}
}
