package nn

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// TestONNXRuntime compares the Predictor with onnxruntime on the same files and
// pictures. It runs where the environment variable OI_ONNXRUNTIME names a
// folder in which "npm install --ignore-scripts onnxruntime-node@1.22.0" was
// run.
func TestONNXRuntime(t *testing.T) {
	if os.Getenv("OI_ONNXRUNTIME") == "" {
		t.Skip("OI_ONNXRUNTIME does not name a folder with onnxruntime-node")
	}
	compareElsewhere(t, "node", filepath.Join("..", "model", "testdata", "onnx_check.mjs"))
}

// TestOpenCV compares the Predictor with OpenCV, whose reader knows less of
// ONNX than others. It runs where Debian's Python has OpenCV.
func TestOpenCV(t *testing.T) {
	compareElsewhere(t, systemPython(t, "cv2"), filepath.Join("..", "model", "testdata", "opencv_check.py"))
}

// TestONNXChecker asks ONNX's own checker whether the files are what they say,
// shapes included. It runs where Debian's Python has it.
func TestONNXChecker(t *testing.T) {
	python := systemPython(t, "onnx")
	eachExported(t, func(t *testing.T, net *model.Network) {
		path, _ := export(t, net, nil)
		out, err := exec.CommandContext(t.Context(), python, filepath.Join("..", "model", "testdata", "onnx_check.py"), path).CombinedOutput()
		if err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

// systemPython returns a Python that has a module.
func systemPython(t *testing.T, module string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("another program's answers do not need the race detector")
	}
	return oitest.Python(t, module)
}

// compareElsewhere runs a program with a model's file and one of pictures, and
// compares the probabilities that it prints with the Predictor's.
func compareElsewhere(t *testing.T, program, script string) {
	eachExported(t, func(t *testing.T, net *model.Network) {
		images, _ := noise(net, 7, 5)
		p, err := NewPredictor(net, 4, 2)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		ours, err := p.Predict(images)
		if err != nil {
			t.Fatal(err)
		}
		modelPath, picturesPath := export(t, net, images)
		var stderr bytes.Buffer
		cmd := exec.CommandContext(t.Context(), program, script, modelPath, picturesPath)
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
		var largest float64
		for i, row := range ours {
			if len(theirs[i]) != len(row) {
				t.Fatalf("%d probabilities for %d classes", len(theirs[i]), len(row))
			}
			for c, v := range row {
				largest = max(largest, math.Abs(float64(v)-theirs[i][c]))
			}
		}
		if !(largest <= 1e-5) {
			t.Errorf("probabilities differ by up to %v: %v, there %v", largest, ours, theirs)
		}
		t.Logf("largest difference %.2g; first answer %.4f", largest, ours[0])
	})
}

// eachExported calls do for networks of every kind of layer, some of them
// trained.
func eachExported(t *testing.T, do func(*testing.T, *model.Network)) {
	networks := map[string]*model.Network{
		"reference of two classes":       Reference(128, 128, 2, 1),
		"reference of sixteen classes":   Reference(61, 70, 16, 2),
		"every layer, two classes":       mixed(t, 2),
		"every layer, more than two":     mixed(t, 4),
		"additions, two classes":         skipping(t, 2),
		"additions, four classes":        skipping(t, 4),
		"residual":                       Residual(50, 61, 16, 8, 1),
		"residual, trained":              Residual(32, 32, 4, 8, 3),
		"residual, trained, two classes": Residual(32, 32, 2, 16, 3),
		"trained, far from indifferent":  Reference(32, 32, 2, 3),
		"trained, four classes, certain": Reference(32, 32, 4, 3),
	}
	for name, net := range networks {
		t.Run(name, func(t *testing.T) {
			if net.Height == 32 {
				o := Options{Batch: 7, Seed: 3}
				if net.Arch == "residual" {
					o = modern(o)
				}
				images, labels := noise(net, 7, 5)
				tr := newTrainer(t, net, o)
				for range 60 {
					step(t, tr, images, labels, nil)
				}
				net = tr.Network()
			}
			do(t, net)
		})
	}
}

// export writes a network and pictures to files.
func export(t *testing.T, net *model.Network, images [][]byte) (modelPath, picturesPath string) {
	t.Helper()
	dir := t.TempDir()
	var file bytes.Buffer
	if err := net.WriteONNX(&file, "test", map[string]string{"trail": "none"}); err != nil {
		t.Fatal(err)
	}
	modelPath, picturesPath = filepath.Join(dir, "m.onnx"), filepath.Join(dir, "pictures.raw")
	for path, data := range map[string][]byte{modelPath: file.Bytes(), picturesPath: bytes.Join(images, nil)} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return modelPath, picturesPath
}
