package transfer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/nn"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// TestONNXRuntime compares models with a head with onnxruntime. It runs where
// the environment variable OI_ONNXRUNTIME names a folder in which "npm install
// --ignore-scripts onnxruntime-node@1.22.0" was run.
func TestONNXRuntime(t *testing.T) {
	if os.Getenv("OI_ONNXRUNTIME") == "" {
		t.Skip("OI_ONNXRUNTIME does not name a folder with onnxruntime-node")
	}
	eachModel(t, func(t *testing.T, _ *Backbone, path, pictures string, ours [][]float32) {
		compareWith(t, ours, "node", filepath.Join("..", "model", "testdata", "onnx_check.mjs"), path, pictures)
	})
}

// TestOpenCV compares them with OpenCV, one picture at a time, and checks that
// what is said of the others is true: it does not read them.
func TestOpenCV(t *testing.T) {
	if testing.Short() {
		t.Skip("another program's answers do not need the race detector")
	}
	python := oitest.Python(t, "cv2")
	eachModel(t, func(t *testing.T, b *Backbone, path, pictures string, ours [][]float32) {
		script := []string{filepath.Join("testdata", "opencv_one.py"), path, pictures, fmt.Sprint(b.Side), fmt.Sprint(b.ContextSide)}
		if why := b.OpenCV(); why != "" {
			if out, err := exec.CommandContext(t.Context(), python, script...).CombinedOutput(); err == nil {
				t.Errorf("it reads it, although %s:\n%s", why, out)
			}
			return
		}
		compareWith(t, ours, python, script...)
	})
}

// eachModel calls do for models with a head on small networks, those of other
// makers where they are here: with a file of the model, one of pictures, and
// our answers.
func eachModel(t *testing.T, do func(t *testing.T, b *Backbone, path, pictures string, ours [][]float32)) {
	files := map[string]Options{cmdtest.Backbone{Seed: 1, Side: 32}.Write(t): {}}
	if folder, ok := oitest.FindModel(t, "families"); ok {
		for _, name := range []string{"mnv1_025", "mnv2_qat"} {
			files[oitest.Model(t, name+".onnx")] = Options{Side: 96}
		}
		families, err := filepath.Glob(filepath.Join(folder, "*.onnx"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range families {
			files[path] = Options{}
		}
	}
	for path, o := range files {
		name := strings.TrimSuffix(filepath.Base(path), ".onnx")
		for _, normalize := range []string{"imagenet", "-1..1", "caffe-bgr"} {
			if normalize != "imagenet" && name != "small" && name != "mnv1_025" {
				continue
			}
			t.Run(name+" "+normalize, func(t *testing.T) {
				o.Normalization = parse(t, normalize, "")
				f, err := Load(path, o)
				if err != nil {
					t.Fatal(err)
				}
				for _, context := range []int{0, 64} {
					b, err := f.Views(o.Side, context)
					var side *SideError
					if errors.As(err, &side) && context > 0 {
						continue // it works at its own side only
					}
					if err != nil {
						t.Fatal(err)
					}
					modelPath, picturesPath, ours := answers(t, b)
					do(t, b, modelPath, picturesPath, ours)
					if name == "small" && context > 0 {
						b = someTuned(t, b)
						modelPath, picturesPath, ours = answers(t, b)
						do(t, b, modelPath, picturesPath, ours)
					}
				}
			})
		}
	}
}

// someTuned is a backbone with other weights in its tail.
func someTuned(t *testing.T, b *Backbone) *Backbone {
	t.Helper()
	tail, err := b.Tail(0)
	if err != nil {
		t.Fatal(err)
	}
	_, params, err := tail.Training(make([]float32, 2*b.Dim), make([]float32, 2))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range params {
		for k := range p.Data {
			p.Data[k] *= 1 + float32(k%5)/8
		}
	}
	tuned, _, _, err := tail.Tuned(params)
	if err != nil {
		t.Fatal(err)
	}
	return tuned
}

// answers writes a model with a head, and pictures, and gives what we make of
// them.
func answers(t *testing.T, b *Backbone) (modelPath, picturesPath string, ours [][]float32) {
	t.Helper()
	const classes, n = 4, 2
	pictures := picturesOf(b, n)
	// A head that is of the size of the features, so that its answers are not
	// all the same.
	x, err := b.Extractor(n, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	features, err := x.Features(pictures)
	if err != nil {
		t.Fatal(err)
	}
	size := 0.0
	for _, v := range features {
		size += float64(v) * float64(v) / float64(len(features))
	}
	weights, bias := make([]float32, classes*b.Dim), []float32{0, 0.1, 0.2, 0.3}
	for i := range weights {
		weights[i] = float32(math.Sin(float64(7*i)) / math.Sqrt(size*float64(b.Dim)))
	}
	g, err := b.WithHead(weights, bias)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := b.Write(&file, g, []string{"a", "b", "c", "d"}, "v1", map[string]string{"trail": "none"}); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	modelPath, picturesPath = filepath.Join(dir, "m.onnx"), filepath.Join(dir, "pictures.raw")
	for path, data := range map[string][]byte{modelPath: file.Bytes(), picturesPath: bytes.Join(pictures, nil)} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return modelPath, picturesPath, evaluated(t, g, pictures)
}

// picturesOf makes n pictures for a backbone, the views of each one after the
// other.
func picturesOf(b *Backbone, n int) [][]byte {
	pictures := make([][]byte, n)
	for i := range pictures {
		pictures[i] = somePicture(b.Side, i)
		if b.ContextSide > 0 {
			pictures[i] = append(pictures[i], somePicture(b.ContextSide, 7+i)...)
		}
	}
	return pictures
}

// evaluated gives the answers of a graph.
func evaluated(t *testing.T, g *graph.Graph, pictures [][]byte) [][]float32 {
	t.Helper()
	e, err := nn.NewEvaluator(g, nn.EvaluatorOptions{Batch: 2, Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	out, err := e.Run(pictures)
	if err != nil {
		t.Fatal(err)
	}
	n := len(out[0]) / len(pictures)
	rows := make([][]float32, len(pictures))
	for i := range rows {
		rows[i] = out[0][i*n:][:n]
	}
	return rows
}

// compareWith runs a program that prints its probabilities.
func compareWith(t *testing.T, ours [][]float32, program string, args ...string) {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	var theirs [][]float64
	if err := json.Unmarshal(out, &theirs); err != nil {
		t.Fatal(err)
	}
	if len(theirs) != len(ours) {
		t.Fatalf("%d answers for %d pictures", len(theirs), len(ours))
	}
	most := 0.0
	for i, row := range ours {
		for c, v := range row {
			most = max(most, math.Abs(float64(v)-theirs[i][c]))
		}
	}
	if !(most <= 1e-5) {
		t.Errorf("probabilities differ by up to %g: %v, there %v", most, ours, theirs)
	}
	t.Logf("largest difference %.2g; first answer %.4f", most, ours[0])
}
