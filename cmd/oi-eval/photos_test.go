package main

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/cmd/internal/report"
)

// upperHalf writes a model that looks at the upper half of a picture alone:
// "red" if that is red, "green" if it is green.
func upperHalf(t *testing.T) string {
	t.Helper()
	n := network()
	clear(n.Params[0].Data[len(n.Params[0].Data)/2:])
	var b bytes.Buffer
	if err := n.WriteONNX(&b, "test", nil); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "upper.onnx")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func writePhoto(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestPhotosAreUpright asks about a photo that is red above as it is stored,
// and about the same one meant to be looked at upside down.
func TestPhotosAreUpright(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 16, 16))
	for i := range 256 {
		lower := uint8(255 * (i / 128))
		img.SetNRGBA(i%16, i/16, color.NRGBA{R: 255 - lower, G: lower, A: 255})
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	stored := b.Bytes()
	exif := "MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x03\x00\x00\x00\x00\x00\x00"
	chunk := oitest.PNGChunk("eXIf", []byte(exif))
	end := len(stored) - 12
	m := upperHalf(t)
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"stored.png": {stored, "red"},
		"turned.png": {slices.Concat(stored[:end], chunk, stored[end:]), "green"},
	} {
		code, stdout, stderr := eval(t, nil, "--json", m, writePhoto(t, name, c.data))
		var a answer
		if err := json.Unmarshal([]byte(stdout), &a); code != 0 || err != nil || a.Label != c.want {
			t.Errorf("%s: exit %d, %v, %q, %s; want %s", name, code, err, stderr, stdout, c.want)
		}
	}
}

// TestPhotosArePadded: of a model that was trained on crops that oi-crop --square
// has padded, photos are padded as well.
func TestPhotosArePadded(t *testing.T) {
	encoded := func(width, height, top int) []byte {
		img := image.NewNRGBA(image.Rect(0, 0, width, height))
		for i := range width * height {
			c := color.NRGBA{A: 255}
			if y := i/width - top; y >= 0 && y < side {
				c.R, c.G = uint8(40+y*20), uint8(255-y*25)
			}
			img.SetNRGBA(i%width, i/width, c)
		}
		var b bytes.Buffer
		if err := png.Encode(&b, img); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	ask := func(model string, photo []byte) map[string]float64 {
		code, stdout, stderr := eval(t, nil, "--json", model, writePhoto(t, "photo.png", photo))
		var a answer
		if err := json.Unmarshal([]byte(stdout), &a); code != 0 || err != nil {
			t.Fatalf("exit %d, %v: %s", code, err, stderr)
		}
		return a.Probabilities
	}
	wide, padded := encoded(2*side, side, 0), encoded(2*side, 2*side, side/2)
	stretched := writeModelOf(t, nil)
	squared := writeModelOf(t, map[string]string{"trail": `[{"tool":"oi-crop","version":"1","args":{"square":"black","size":"8"}}]`})
	want, got := ask(stretched, padded), ask(squared, wide)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(ask(stretched, wide), got); d == "" {
		t.Error("it makes no difference")
	}
	// What cut the pixels last counts, and the card does as its model does,
	// whatever it was tried on.
	again := writeModelOf(t, map[string]string{"trail": `[{"tool":"oi-crop","args":{"square":"black","filter":"nearest","size":"16","keep_bytes":"true"}},{"tool":"oi-crop","args":{"size":"8"}}]`})
	if d := cmp.Diff(ask(stretched, wide), ask(again, wide)); d != "" {
		t.Error(d)
	}
	for model, resize := range map[string]string{stretched: "photo.resize((4, 4), PIL.Image.BOX)", squared: "PIL.ImageOps.pad(photo, (4, 4), PIL.Image.BOX)", again: "photo.resize((4, 4), PIL.Image.BOX)"} {
		card := filepath.Join(t.TempDir(), "card.md")
		code, _, stderr := eval(t, encode(t, held()...), "--report", card, model)
		text, err := os.ReadFile(card)
		if code != 0 || err != nil || !strings.Contains(string(text), resize) {
			t.Errorf("exit %d, %v: the card does not have %s: %s", code, err, resize, stderr)
		}
	}
}

// TestCertaintyOfWhatIsJudged: a report says what the threshold does to the items
// that it is about, and not what it did to those of the training run.
func TestCertaintyOfWhatIsJudged(t *testing.T) {
	m := writeModelOf(t, map[string]string{"certainty": `{"unsure_below":0.6,"unsure_on_val":{"threshold":0.6,"answered":0.5,"accuracy":1},"unsure_on_test":{"threshold":0.6,"answered":0.25,"accuracy":0.125}}`})
	path := filepath.Join(t.TempDir(), "r.json")
	var r struct{ Certainty report.Certainty }
	code, _, stderr := eval(t, encode(t, held()...), "--set", "test", "--report", path, m)
	data, err := os.ReadFile(path)
	if code != 0 || err != nil || json.Unmarshal(data, &r) != nil || r.Certainty.OnTest == nil || r.Certainty.OnTest.Answered == 0.25 || r.Certainty.OnVal == nil {
		t.Fatalf("exit %d, %v, %+v: %s", code, err, r.Certainty, stderr)
	}
	r.Certainty = report.Certainty{}
	code, _, stderr = eval(t, encode(t, held()...), "--set", "val,test", "--report", path, m)
	data, err = os.ReadFile(path)
	if code != 0 || err != nil || json.Unmarshal(data, &r) != nil || r.Certainty.OnTest != nil {
		t.Errorf("exit %d, %v, %+v: %s", code, err, r.Certainty, stderr)
	}
}

// TestRefusedPhotos: what oi-fetch and oi-crop say of a photo, oi-eval says.
func TestRefusedPhotos(t *testing.T) {
	hole := oitest.JPEG(1)
	clear(hole[len(hole)-202 : len(hole)-2])
	unread, err := os.ReadFile("../internal/imagefile/jpegfile/testdata/unsupported-arithmetic.jpg")
	if err != nil {
		t.Fatal(err)
	}
	m := writeModel(t)
	for name, c := range map[string]struct {
		data []byte
		want string
		args []string
	}{
		"unread.jpg": {unread, "unsupported feature: JPEG with arithmetic coding", nil},
		"hole.jpg":   {hole, "damaged: ", nil},
		"large.jpg":  {oitest.JPEG(1), "too many pixels: 48 by 32, and --max-pixels is 1535", []string{"--max-pixels", "1535"}},
	} {
		code, _, stderr := eval(t, nil, append(c.args, m, writePhoto(t, name, c.data))...)
		if code != 1 || !strings.Contains(stderr, name+": "+c.want) {
			t.Errorf("%s: exit %d, %s", name, code, stderr)
		}
	}
	if code, _, stderr := eval(t, nil, "--max-pixels", "1536", m, writePhoto(t, "fits.jpg", oitest.JPEG(1))); code != 0 {
		t.Errorf("as large as may be: exit %d, %s", code, stderr)
	}
	if code, _, stderr := eval(t, nil, "--max-pixels", "0", m, writePhoto(t, "fits.jpg", oitest.JPEG(1))); code != 2 {
		t.Errorf("--max-pixels 0: exit %d, %s", code, stderr)
	}
}

func TestPhotos(t *testing.T) {
	m, dir := writeModel(t), t.TempDir()
	save := func(name string, c color.Color, encode func(io.Writer, image.Image) error) string {
		t.Helper()
		img := image.NewRGBA(image.Rect(0, 0, 40, 30))
		for y := range 30 {
			for x := range 40 {
				img.Set(x, y, c)
			}
		}
		var b bytes.Buffer
		if err := encode(&b, img); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	asJPEG := func(w io.Writer, img image.Image) error { return jpeg.Encode(w, img, nil) }
	lunch := save("lunch\x1b.jpg", color.RGBA{255, 0, 0, 255}, asJPEG)
	dinner := save("dinner.png", color.RGBA{0, 255, 0, 255}, png.Encode)
	code, stdout, stderr := eval(t, nil, m, lunch, dinner)
	want := dir + "/lunch\\x1b.jpg\tred\tgreen=0.0"
	if lines := strings.Split(stdout, "\n"); code != 0 || len(lines) != 3 || !strings.HasPrefix(lines[0], want) ||
		lines[1] != dinner+"\tgreen\tgreen=0.9820\tred=0.0180" {
		t.Errorf("exit %d, %s\n%q, want it to begin with %q", code, stderr, stdout, want)
	}
	_, stdout, _ = eval(t, nil, "--json", m, dinner)
	var a answer
	if err := json.Unmarshal([]byte(stdout), &a); err != nil || a.File != dinner || a.Label != "green" || a.Probabilities["green"] < 0.98 {
		t.Errorf("%v: %s", err, stdout)
	}
	broken := filepath.Join(dir, "broken.jpg")
	if err := os.WriteFile(broken, []byte("\xff\xd8\xff and no more"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr = eval(t, nil, m, broken, dinner)
	if code != 1 || !strings.Contains(stderr, "broken.jpg") || !strings.Contains(stderr, "1 of 2 pictures could not be read") || !strings.Contains(stdout, "dinner.png") {
		t.Errorf("exit %d, %q, %q", code, stdout, stderr)
	}
	supper := filepath.Join(dir, "supper.webp")
	if err := os.WriteFile(supper, oitest.WebP(), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, stdout, stderr = eval(t, nil, m, supper); code != 0 || !strings.HasPrefix(stdout, supper+"\t") {
		t.Errorf("exit %d, %q, %q", code, stdout, stderr)
	}
	for name, first := range map[string]string{"a.heic": "\x00\x00\x00\x18ftypheic", "a.gif": "GIF89a"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(first), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, _, stderr = eval(t, nil, m, path); code != 1 || !strings.Contains(stderr, name+": not JPEG, PNG or WebP") {
			t.Errorf("%s: exit %d, %q", name, code, stderr)
		}
	}
	stream := filepath.Join(dir, "crops.oi")
	if err := os.WriteFile(stream, encode(t, held()...), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, stdout, stderr = eval(t, nil, m, dinner, stream); code != 1 || !strings.Contains(stderr, "one kind at a time") || !strings.HasPrefix(stdout, dinner) {
		t.Errorf("exit %d, %q, %q", code, stdout, stderr)
	}
	if code, _, stderr = eval(t, nil, "--emit", m, dinner); code != 2 || !strings.Contains(stderr, "need a stream") {
		t.Errorf("exit %d, %q", code, stderr)
	}
	other := filepath.Join(dir, "other.oi")
	if err := os.WriteFile(other, encode(t, picture(60, "red", "red", "test"), picture(61, "green", "red", "test")), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, stdout, _ = eval(t, nil, m, stream, other); code != 0 || stdout != text(t, [2][2]int{{2, 1}, {1, 3}}) {
		t.Errorf("exit %d; two streams:\n%s", code, stdout)
	}
}

// TestUnsure: below the model's threshold no label is given to a photo, and
// items are marked.
func TestUnsure(t *testing.T) {
	m := writeModelOf(t, map[string]string{"certainty": `{"unsure_below":0.999999}`})
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 16, 16))); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"a.png", "b.png"} {
		if err := os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	code, stdout, stderr := eval(t, nil, m, dir)
	if code != 0 || strings.Count(stdout, ".png\tunsure\t") != 2 || !strings.Contains(stderr, "unsure of 2 of 2 pictures: no class has a probability of 0.999999") {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
	if code, stdout, stderr = eval(t, nil, "--json", m, dir); code != 0 || strings.Count(stdout, `"unsure":true`) != 2 {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
	if code, stdout, stderr = eval(t, encode(t, held()...), "--emit", "--json", m); code != 0 || strings.Count(stdout, `"unsure":true`) == 0 {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
	if code, stdout, stderr = eval(t, encode(t, held()...), m); code != 0 || !strings.Contains(stderr, "above 0.999999: 0 % answered") {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
	if code, stdout, stderr = eval(t, nil, "--info", m); code != 0 || !strings.Contains(stdout, "An answer of less than 0.999999 is unsure.") {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
	if code, stdout, stderr = eval(t, nil, writeModel(t), dir); code != 0 || strings.Contains(stdout+stderr, "unsure") {
		t.Errorf("without a threshold: exit %d: %s%s", code, stdout, stderr)
	}
}
