package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/metrics"
	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/record"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"oi-eval": main})
}

// TestScripts runs the scripts with a model, a stream in all its forms and some
// pictures in $DATA.
func TestScripts(t *testing.T) {
	data := t.TempDir()
	model, err := os.ReadFile(writeModel(t))
	if err != nil {
		t.Fatal(err)
	}
	plain := encode(t, held()...)
	var gz, zst bytes.Buffer
	for to, w := range map[*bytes.Buffer]io.WriteCloser{&gz: gzip.NewWriter(&gz), &zst: zstdWriter(t, &zst)} {
		_, err := w.Write(plain)
		if err = errors.Join(err, w.Close()); err != nil || to.Len() == 0 {
			t.Fatal(err)
		}
	}
	for name, content := range map[string][]byte{
		"m.onnx": model, "crops.oi": plain, "crops.oi.gz": gz.Bytes(), "crops.oi.zst": zst.Bytes(),
		"red.jpg": photo(t, color.RGBA{255, 0, 0, 255}), "green.jpg": photo(t, color.RGBA{0, 255, 0, 255}),
	} {
		if err := os.WriteFile(filepath.Join(data, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata", RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("DATA", data)
			return nil
		},
	})
}

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
		"licences": `[{"license":"CC \u001b[31m","photos":2,"authors":1}]`, "trail": `[{"tool":"oi-boxes","version":"1"}]`,
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

func TestReport(t *testing.T) {
	m := writeModel(t)
	unset := []*record.Item{picture(30, "red", "red", ""), picture(31, "red", "green", ""), picture(0, "red", "red", "")}
	for name, tc := range map[string]struct {
		items  []*record.Item
		args   []string
		want   [2][2]int
		stderr string
	}{
		"test where there is one":     {held(), nil, [2][2]int{{2, 1}, {0, 2}}, "test accuracy 0.8000 (95% interval 0.3755 to 0.9638 by photo, 5 groups, too few to judge; 4 of 5 right)"},
		"val where there is no test":  {held()[5:], nil, [2][2]int{{0, 2}, {1, 0}}, "validation items are among those that the model was tried on: if its best epoch was chosen by them, the figures are too good by that much"},
		"val where asked for":         {held(), []string{"--set", "val"}, [2][2]int{{0, 2}, {1, 0}}, ""},
		"several sets":                {held(), []string{"--set", "test,val"}, [2][2]int{{2, 3}, {1, 2}}, "too good by that much\n"},
		"small batches":               {held(), []string{"--set", "test,val", "--batch", "3"}, [2][2]int{{2, 3}, {1, 2}}, ""},
		"no sets at all":              {unset, nil, [2][2]int{{0, 1}, {0, 1}}, "no item says of which set it is"},
		"sets of train items alone":   {append(unset[:len(unset):len(unset)], picture(1, "red", "green", "train")), nil, [2][2]int{{0, 1}, {0, 1}}, "those that carry no set are used"},
		"trained on":                  {append(held(), picture(1, "red", "red", "test")), nil, [2][2]int{{2, 1}, {0, 2}}, "left out 1 items whose photo the model was trained on"},
		"trained on, and asked for":   {append(held(), picture(1, "red", "red", "train")), []string{"--set", "train,test"}, [2][2]int{{2, 1}, {0, 3}}, "pictures that the model was trained on are among those it was tried on"},
		"background is no class here": {append(held(), picture(40, "red", "background", "test")), nil, [2][2]int{{2, 1}, {0, 2}}, "background: 1"},
		"an unknown class":            {append(held(), picture(40, "red", "blue", "test"), picture(41, "red", "blue", "val")), nil, [2][2]int{{2, 1}, {0, 2}}, "skipped labels that the model does not know: blue 2"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := eval(t, encode(t, tc.items...), append(tc.args, m)...)
			if code != 0 || !strings.Contains(stderr, tc.stderr) {
				t.Errorf("exit %d; stderr %q, want %q", code, stderr, tc.stderr)
			}
			if strings.Contains(tc.stderr, "test accuracy") && strings.Contains(stderr, "was tried on") {
				t.Errorf("a test set is called a bad judge: %s", stderr)
			}
			if want := text(t, tc.want); stdout != want {
				t.Errorf("got\n%s\nwant\n%s", stdout, want)
			}
		})
	}
}

func TestReportFiles(t *testing.T) {
	m, dir := writeModel(t), t.TempDir()
	args := []string{"--json"}
	for _, end := range []string{".html", ".json", ".md"} {
		args = append(args, "--report", filepath.Join(dir, "r"+end))
	}
	code, stdout, stderr := eval(t, encode(t, held()...), append(args, m)...)
	if code != 0 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	contents := map[string]string{}
	for _, end := range []string{".html", ".json", ".md"} {
		data, err := os.ReadFile(filepath.Join(dir, "r"+end))
		if err != nil {
			t.Fatal(err)
		}
		contents[end] = string(data)
	}
	if stdout != contents[".json"] {
		t.Error("stdout and the JSON file differ")
	}
	var r struct {
		Run        string
		Options    map[string]any
		Evaluation struct {
			Set       string
			Accuracy  float64
			Confusion [2][2]int
			LogLoss   float64 `json:"log_loss"`
			Mistakes  []struct{ Key string }
		}
	}
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatal(err)
	}
	e := r.Evaluation
	if r.Run != "0123456789abcdef" || r.Options["batch"] != 16.0 || e.Set != "test" || e.Accuracy != 0.8 || e.Confusion != [2][2]int{{2, 1}, {0, 2}} || len(e.Mistakes) != 1 || e.Mistakes[0].Key != "0014-00000000" {
		t.Errorf("report %+v", r)
	}
	// Four answers of -ln(sure), one of -ln(1-sure).
	if want := (4*0.01814993 + 4.01814993) / 5; e.LogLoss < want-1e-5 || e.LogLoss > want+1e-5 {
		t.Errorf("log loss %g, want %g", e.LogLoss, want)
	}
	if !strings.Contains(contents[".md"], "| red | 0.67 | 1.00 | 0.80 | 2 |") || !strings.Contains(contents[".html"], "<svg") && !strings.Contains(contents[".html"], "data:image/jpeg") {
		t.Errorf("markdown:\n%s", contents[".md"])
	}
}

func TestEmit(t *testing.T) {
	m := writeModel(t)
	items := append(held(), picture(50, "green", "red", "train"))
	unlabelled := picture(51, "green", "", "")
	unlabelled.Label = nil
	items = append(items, unlabelled)
	code, stdout, stderr := eval(t, encode(t, items...), "--emit", m)
	if code != 0 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	reader := record.NewReader(strings.NewReader(stdout))
	n := 0
	for {
		next, err := reader.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch v := next.(type) {
		case *record.Header:
			if last := v.Stages[len(v.Stages)-1]; last.Tool != "oi-eval" || len(last.Args["model"]) != 64 {
				t.Errorf("trail %+v", v.Stages)
			}
		case *record.Item:
			n++
			want := "red"
			if v.Tensor.Data[1] == 255 {
				want = "green"
			}
			p := v.Prediction
			if p == nil || p.Label != want || p.Probabilities[want] < sure-1e-5 || p.Probabilities[want] > sure+1e-5 || len(p.Probabilities) != 2 {
				t.Errorf("%s: prediction %+v, want %s", v.Key, p, want)
			}
			if v.Key == "0050-00000000" {
				t.Error("a train item was emitted")
			}
		case *record.End:
			if c := v.Stages[1]; c.In != 10 || c.Out != 9 || c.Removed["other set"] != 1 {
				t.Errorf("account %+v", c)
			}
		}
	}
	if n != 9 {
		t.Errorf("%d items, want 9", n)
	}
	if _, again, _ := eval(t, encode(t, items...), "--emit", "-j1", "--batch=1", m); again != stdout {
		t.Error("-j and --batch make a difference")
	}
}

func TestRequire(t *testing.T) {
	m := writeModel(t)
	for text, tc := range map[string]struct {
		code int
		want string
	}{
		"accuracy>=0.8":        {0, ""},
		"accuracy > 0.8":       {1, "accuracy is 0.8000, required is > 0.8 (95% interval 0.3755 to 0.9638 by photo, 5 groups, too few to judge)"},
		"accuracy<0.9":         {0, ""},
		"log_loss<=0.1":        {1, "log_loss is 0.8"},
		"recall:red>=1":        {0, ""},
		"precision:red >= 0.7": {1, "precision:red is 0.6667"},
		"macro_f1>=0.8":        {0, ""},
		"f1:blue>=0.8":         {2, `no figure is called "f1:blue"`},
		"accuracy=0.8":         {2, "want a figure"},
		"accuracy>=":           {2, "want a figure"},
		">=1":                  {2, "want a figure"},
		"accuracy":             {2, "want a figure"},
		"accuracy>=NaN":        {2, "want a figure"},
	} {
		code, stdout, stderr := eval(t, encode(t, held()...), "--require", text, m)
		if code != tc.code || !strings.Contains(stderr, tc.want) {
			t.Errorf("%s: exit %d, want %d; stderr %q, want %q", text, code, tc.code, stderr, tc.want)
		}
		if code < 2 && stdout == "" {
			t.Errorf("%s: no report", text)
		}
	}
}

// A reader that leaves is none of a verdict's business.
func TestRequireWithoutReader(t *testing.T) {
	env := func(errs io.Writer) *cli.Env {
		return cmdtest.Env(bytes.NewReader(encode(t, held()...)), cmdtest.FailAfter(0, cli.ErrDownstreamGone), errs)
	}
	m := writeModel(t)
	var errs bytes.Buffer
	if code := command().Execute(t.Context(), env(&errs), []string{"--emit", "--require", "accuracy>=0.9", m}); code != 1 {
		t.Errorf("exit %d, want 1: %s", code, errs.String())
	}
	if code := command().Execute(t.Context(), env(&errs), []string{"--emit", m}); code != 0 {
		t.Errorf("exit %d, want 0: %s", code, errs.String())
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

func TestInfo(t *testing.T) {
	m := writeModel(t)
	code, stdout, stderr := eval(t, nil, "--info", m)
	for _, want := range []string{"classes      green, red", "4x4 pixels", "49 parameters in 2 layers", "dense", "accuracy 0.9000", "95% interval of the accuracy 0.5100 to 0.9700 by author, 7 groups, too few to judge", "2 photos", `CC \x1b[31m`, "oi-boxes", "epoch 2"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("--info lacks %q:\n%s", want, stdout)
		}
	}
	if code != 0 {
		t.Errorf("exit %d: %s", code, stderr)
	}
	_, stdout, _ = eval(t, nil, "--info", "--json", m)
	var d description
	if err := json.Unmarshal([]byte(stdout), &d); err != nil || d.Parameters != 49 || len(d.SHA256) != 64 || d.TrainedOn != 2 || len(d.Layers) != 2 || d.Layers[1].Out != 1 {
		t.Errorf("%v: %+v", err, d)
	}
}

func TestRefuses(t *testing.T) {
	m := writeModel(t)
	whole := encode(t, held()...)
	bare := picture(1, "red", "red", "test")
	bare.Tensor = nil
	large := picture(2, "red", "red", "test")
	large.Tensor = &record.Tensor{Shape: []int{8, 8, 3}, DType: "uint8", Data: make([]byte, 192)}
	for name, tc := range map[string]struct {
		stdin []byte
		args  []string
		code  int
		want  string
	}{
		"no model":          {whole, nil, 2, "Usage"},
		"a missing model":   {whole, []string{"missing.onnx"}, 1, "missing.onnx"},
		"no model at all":   {whole, []string{"main.go"}, 1, "hint: the first argument is the model: oi-eval burger.onnx main.go"},
		"a folder":          {whole, []string{"testdata"}, 1, "model testdata: a folder\noi-eval: hint: the first argument is the model"},
		"an unknown set":    {whole, []string{"--set", "valid", m}, 2, "--set valid"},
		"an unknown ending": {whole, []string{"--report", "r.txt", m}, 2, "--report r.txt"},
		"no folder":         {whole, []string{"--report", "no/such/r.md", m}, 1, "no folder no/such"},
		"batch":             {whole, []string{"--batch", "0", m}, 2, "--batch 0"},
		"info and more":     {nil, []string{"--info", "--emit", m}, 2, "--info only describes"},
		"info of a stream":  {nil, []string{"--info", m, "x.oi"}, 2, "x.oi is too much"},
		"a missing file":    {nil, []string{m, "missing.jpg"}, 1, "missing.jpg"},
		"cut off":           {whole[:len(whole)-30], []string{m}, 1, "stops early"},
		"empty":             {nil, []string{m}, 1, "hint: the stage before sent nothing"},
		"no tensor":         {encode(t, bare), []string{m}, 1, "hint: run oi-crop before this stage"},
		"another size":      {encode(t, large), []string{m}, 1, "hint: cut them with oi-crop --size 4"},
		"nothing of a set":  {encode(t, picture(3, "red", "red", "train")), []string{m}, 1, "nothing to judge the model by"},
		"all unknown":       {encode(t, picture(3, "red", "blue", "test")), []string{"--max-skips", "100%", m}, 1, "skipped labels that the model does not know: blue 1"},
		"a few unknown":     {encode(t, append(held(), picture(3, "red", "blue", "test"))...), []string{"--max-skips", "5%", m}, 1, "too many skipped: 1 of 9"},
		"too many unknown":  {encode(t, picture(3, "red", "blue", "test"), picture(4, "red", "red", "test")), []string{"--max-skips", "0", m}, 1, "too many skipped"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := eval(t, tc.stdin, tc.args...)
			if code != tc.code || !strings.Contains(stderr, tc.want) {
				t.Errorf("exit %d, want %d; stderr %q, want %q", code, tc.code, stderr, tc.want)
			}
			if stdout != "" {
				t.Errorf("stdout %q", stdout)
			}
		})
	}
}

// What is said of a file that is no model to be used is true, and so is what to
// do about it.
func TestRefusesModels(t *testing.T) {
	good, err := os.ReadFile(writeModel(t))
	if err != nil {
		t.Fatal(err)
	}
	const again = "hint: copy the file again"
	for name, tc := range map[string]struct {
		file string
		want string
		hint string
	}{
		"PyTorch's":           {"\x08\x07\x12\x07pytorch\x1a\x061.13.1\x3a\x02\x12\x00", "an ONNX model that oi-train did not write: its producer is pytorch 1.13.1", "hint: oi-eval runs models that oi-train wrote"},
		"a page":              {"<!DOCTYPE html><title>Sign in</title>", "not an ONNX file", "hint: look what it begins with"},
		"a pointer":           {"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "not an ONNX file", "hint: look what it begins with"},
		"empty":               {"", "not an ONNX file", "hint: look what it begins with"},
		"cut":                 {string(good[:len(good)-9]), "the model file is truncated", again},
		"swapped class names": {strings.Replace(string(good), `["green","red"]`, `["red","green"]`, 1), "the model file is damaged, or was changed after oi-train had written it", again},
		"another figure":      {strings.Replace(string(good), `"accuracy":0.9`, `"accuracy":1.0`, 1), "the model file is damaged, or was changed", again},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.onnx")
			if err := os.WriteFile(path, []byte(tc.file), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, args := range [][]string{{path}, {"--info", path}} {
				code, stdout, stderr := eval(t, encode(t, held()...), args...)
				if code != 1 || stdout != "" || !strings.Contains(stderr, "model "+path+": "+tc.want) || !strings.Contains(stderr, tc.hint) {
					t.Errorf("%v: exit %d, stderr %q; want %q and %q", args, code, stderr, tc.want, tc.hint)
				}
			}
		})
	}
}

// What failed must not be written over the input.
func TestFailuresSpareTheInput(t *testing.T) {
	path := filepath.Join(t.TempDir(), "in.oi")
	data := encode(t, held()...)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := eval(t, nil, "--failures", path, writeModel(t), path)
	if now, err := os.ReadFile(path); code != 2 || !strings.Contains(stderr, "is also an input") || err != nil || !bytes.Equal(now, data) {
		t.Errorf("exit %d, %v: %s", code, err, stderr)
	}
}

// The files of a batch of which one is good.
func TestBatchOfCases(t *testing.T) {
	cases := oitest.Case(t, "eval-batch")
	file := func(name string) string { return filepath.Join(cases, name) }
	for _, bad := range []string{"page.jpg", "empty.jpg", "none.jpg"} {
		for _, args := range [][]string{{file("good.jpg"), file(bad)}, {file(bad), file("good.jpg")}} {
			code, stdout, stderr := eval(t, nil, append([]string{writeModel(t)}, args...)...)
			if code != 1 || !strings.HasPrefix(stdout, file("good.jpg")+"\t") || strings.Count(stdout, "\n") != 1 ||
				!strings.Contains(stderr, bad) || !strings.Contains(stderr, "1 of 2 pictures could not be read") {
				t.Errorf("%v: exit %d, %q, %q", args, code, stdout, stderr)
			}
		}
	}
	code, stdout, stderr := eval(t, nil, writeModel(t), cases)
	if code != 1 || !strings.HasPrefix(stdout, file("good.jpg")+"\t") || !strings.Contains(stderr, "2 of 3 pictures could not be read") {
		t.Errorf("the folder: exit %d, %q, %q", code, stdout, stderr)
	}
}

func FuzzParseRequirement(f *testing.F) {
	for _, seed := range []string{"accuracy>=0.9", "f1:a<b>0", "=", ">=", "x<1e309"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := parseRequirement(text)
		if err == nil && (r.figure == "" || r.operator == "" || !strings.Contains(text, r.operator)) {
			t.Errorf("parseRequirement(%q) = %+v", text, r)
		}
	})
}
