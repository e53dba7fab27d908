package main

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"io"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/metrics"
	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/record"
)

func zstdWriter(t *testing.T, to io.Writer) io.WriteCloser {
	t.Helper()
	w, err := zstd.NewWriter(to)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// photo is a JPEG all of one colour.
func photo(t *testing.T, c color.Color) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 40, 30))
	draw.Draw(img, img.Bounds(), image.NewUniform(c), image.Point{}, draw.Src)
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const side = 4

// network tells pictures by their mean red and mean green alone: one dense
// layer whose answer can be worked out by hand. A picture that is all red is
// "red" with probability 1/(1+exp(-4)), one all green is "green" with that.
func network() *model.Network {
	weight := make([]float32, side*side*3)
	for i := range weight {
		switch i % 3 {
		case 0:
			weight[i] = 4.0 / (side * side)
		case 1:
			weight[i] = -4.0 / (side * side)
		}
	}
	return &model.Network{
		Height: side, Width: side, Channels: 3, Classes: []string{"green", "red"}, Arch: "means",
		Layers: []model.Layer{{Kind: model.Flatten}, {Kind: model.Dense, Out: 1}},
		Params: []model.Param{
			{Name: "dense1.weight", Shape: []int{len(weight), 1}, Data: weight},
			{Name: "dense1.bias", Shape: []int{1}, Data: []float32{0}},
		},
	}
}

// sure is the probability of a picture all of one colour.
const sure = 0.98201379

// picture returns item n, all of one colour.
func picture(n int, shows, label, set string) *record.Item {
	data := make([]byte, side*side*3)
	channel := map[string]int{"red": 0, "green": 1}[shows]
	for i := range side * side {
		data[i*3+channel] = 255
	}
	return cmdtest.Crop(n, label, set, side, side, data)
}

// writeModel writes the model, trained on pictures 0 and 1, to a new folder.
func writeModel(t *testing.T) string {
	t.Helper()
	var photos dataset.Photos
	for n := range 2 {
		item := picture(n, "red", "red", "")
		photos.Mark(photos.Add(item.ID, dataset.PictureOf(item)), dataset.Trained)
	}
	known := photos.Known(dataset.Trained)
	return writeModelOf(t, map[string]string{"trained_on": known.Pictures(), "trained_on_ids": known.IDs()})
}

// writeModelOf writes the model with what it remembers of its photos.
func writeModelOf(t *testing.T, memory map[string]string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "m.onnx")
	var b bytes.Buffer
	meta := map[string]string{
		"run":     "0123456789abcdef",
		"metrics": `{"set":"test","items":10,"accuracy":0.9,"log_loss":0.3,"accuracy_interval":{"low":0.51,"high":0.97,"by":"author","groups":7,"too_few_to_judge":true}}`, "options": `{"batch":16}`,
		"licences": `[{"license":"CC \u001b[31m","photos":2,"authors":1}]`, "trail": `[{"tool":"oi-boxes","version":"1","args":{"limit":"40","classes":"/m/a,/m/b"}},{"tool":"oi-fetch","version":"2"}]`,
		"stopped": "all 3 epochs are done", "best_epoch": "2",
	}
	maps.Copy(meta, memory)
	err := network().WriteONNX(&b, "test", meta)
	if err == nil {
		err = os.WriteFile(path, b.Bytes(), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func encode(t *testing.T, items ...*record.Item) []byte {
	t.Helper()
	return cmdtest.EncodeItems(t, &record.Header{Version: 1, Stages: []record.Stage{{Tool: "oi-crop", Version: "1"}}}, items...)
}

func eval(t *testing.T, stdin []byte, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	code, out, stderr := cmdtest.Run(t.Context(), command(), stdin, args...)
	return code, string(out), stderr
}

// held is five test items of which four are right, and three of val of which
// none is.
func held() []*record.Item {
	return []*record.Item{
		picture(10, "red", "red", "test"), picture(11, "red", "red", "test"), picture(12, "green", "green", "test"), picture(13, "green", "green", "test"),
		picture(14, "red", "green", "test"),
		picture(20, "red", "green", "val"), picture(21, "green", "red", "val"), picture(22, "red", "green", "val"),
	}
}

// text is scikit-learn's report for answers in the order green, red.
func text(t *testing.T, rows [2][2]int) string {
	t.Helper()
	c := metrics.NewConfusion([]string{"green", "red"})
	for truth, row := range rows {
		for said, n := range row {
			for range n {
				if err := c.Add(truth, said); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return c.Text(2)
}
