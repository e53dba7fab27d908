package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/report"
	"github.com/opensandwich/oi/record"
)

// threeClasses is a data set of one class more than twoClasses.
func threeClasses() []*record.Item {
	labels := []string{"red", "green", "background"}
	return slices.Concat(pictures(0, 30, "train", labels...), pictures(100, 9, "val", labels...), pictures(200, 9, "test", labels...))
}

// written puts a file into a folder of its own.
func written(t *testing.T, data []byte) string {
	t.Helper()
	if data == nil {
		t.Fatal("there is no such file")
	}
	path := filepath.Join(t.TempDir(), "teacher.onnx")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// headTeacher is a teacher with a backbone, scratchTeacher one without.
func headTeacher(t *testing.T, items []*record.Item, args ...string) string {
	t.Helper()
	return written(t, fitted(t, small(t), encode(t, nil, items...), args...).files["m.onnx"])
}

func scratchTeacher(t *testing.T, items []*record.Item, args ...string) string {
	t.Helper()
	got := runTrain(t, t.Context(), encode(t, nil, items...), append([]string{"--epochs", "2"}, args...)...)
	if got.code != 0 {
		t.Fatal(got.stderr)
	}
	return written(t, got.files["m.onnx"])
}

// TestTeacher: of either kind, asked about items or about variants, it changes
// the student, which is a network like any other.
func TestTeacher(t *testing.T) {
	items := twoClasses()
	spooled, streamed := encode(t, nil, items...), encode(t, []string{"green", "red"}, variants(t, items, 3)...)
	alone := runTrain(t, t.Context(), spooled, "--epochs", "3")
	for name, path := range map[string]string{"backbone": headTeacher(t, items), "scratch": scratchTeacher(t, items)} {
		t.Run(name, func(t *testing.T) {
			got := runTrain(t, t.Context(), spooled, "--epochs", "3", "--teacher", path, "-j1")
			if got.code != 0 {
				t.Fatal(got.stderr)
			}
			network, meta, err := model.ReadONNX(bytes.NewReader(got.files["m.onnx"]))
			if err != nil {
				t.Fatal(err)
			}
			var r struct {
				Options    map[string]any
				Notes      []string
				Weights    string `json:"weights_sha256"`
				Provenance report.Provenance
			}
			if err := json.Unmarshal(got.files["m.json"], &r); err != nil {
				t.Fatal(err)
			}
			sum := r.Provenance.Teacher.FileSHA256
			if r.Options["teacher"] != sum || r.Options["teacher_weight"] != 0.9 || r.Options["teacher_temperature"] != 4.0 || r.Options["teacher_features"] != 60.0 || len(sum) != 64 {
				t.Errorf("options %v, teacher %+v", r.Options, r.Provenance.Teacher)
			}
			if !strings.Contains(meta["provenance"], sum) || !strings.Contains(strings.Join(r.Notes, "\n"), "what a teacher says") {
				t.Errorf("the model does not know its teacher: %s %v", meta["provenance"], r.Notes)
			}
			if bytes.Contains(got.files["m.onnx"], []byte(path)) || bytes.Contains(got.files["m.json"], []byte(path)) {
				t.Error("the path of the teacher is in the files")
			}
			if plain, _, err := model.ReadONNX(bytes.NewReader(alone.files["m.onnx"])); err != nil || plain.WeightsHash() == network.WeightsHash() || plain.Parameters() != network.Parameters() {
				t.Errorf("the teacher makes no difference, or the student is larger (%v)", err)
			}
			if strings.Contains(string(alone.files["m.json"])+alone.stdout, "teacher") {
				t.Error("a run without a teacher speaks of one")
			}
			// The variants are the items, in the same order: an answer that is
			// kept is that of the picture.
			for name, input := range map[string][]byte{"-j3": spooled, "variants": streamed} {
				again := runTrain(t, t.Context(), input, "--epochs", "3", "--teacher", path, "-j3")
				n, _, err := model.ReadONNX(bytes.NewReader(again.files["m.onnx"]))
				if err != nil {
					t.Fatal(err, again.stderr)
				}
				if n.WeightsHash() != network.WeightsHash() {
					t.Errorf("%s: other weights", name)
				}
				if name == "-j3" && !bytes.Equal(again.files["m.onnx"], got.files["m.onnx"]) {
					t.Error("-j3: another file")
				}
			}
		})
	}
}

// TestTeacherFeatures: a student whose features can be compared with its teacher's
// learns from them, is as large as without, and has the same weights whoever
// makes the variants, on any number of threads and after an interrupt.
func TestTeacherFeatures(t *testing.T) {
	items := twoClasses()
	spooled, streamed := encode(t, nil, items...), encode(t, []string{"green", "red"}, variants(t, items, 3)...)
	for name, test := range map[string]struct {
		teacher string
		args    []string
		says    string
	}{
		"backbone":               {headTeacher(t, items), []string{"--arch", "residual"}, "and its features, 12 at each of 1x1 places, with a weight of 60"},
		"scratch":                {scratchTeacher(t, items, "--arch", "residual"), []string{"--arch", "residual"}, "and its features, 128 at each of 1x1 places, with a weight of 60"},
		"teacher without a mean": {scratchTeacher(t, items), []string{"--arch", "residual"}, "and its features, 64 at each of 1x1 places, with a weight of 60"},
		"student without a mean": {headTeacher(t, items), nil, "not from its features, since --arch reference ends in no mean over places"},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"--epochs", "3", "--teacher", test.teacher}, test.args...)
			got := runTrain(t, t.Context(), spooled, append(args, "-j1")...)
			if got.code != 0 || !strings.Contains(got.stderr, test.says) || !strings.Contains(string(got.files["m.json"]), test.says) {
				t.Fatal(got.stderr)
			}
			hash := func(got outcome) (string, int) {
				network, _, err := model.ReadONNX(bytes.NewReader(got.files["m.onnx"]))
				if err != nil {
					t.Fatal(err, got.stderr)
				}
				return network.WeightsHash(), network.Parameters()
			}
			want, size := hash(got)
			for what, input := range map[string][]byte{"-j3": spooled, "variants": streamed} {
				if other, _ := hash(runTrain(t, t.Context(), input, append(args, "-j3")...)); other != want {
					t.Errorf("%s: other weights", what)
				}
			}
			deaf, smaller := hash(runTrain(t, t.Context(), spooled, append(args, "--teacher-features", "0")...))
			if same := strings.Contains(test.says, "not from"); size != smaller || (deaf == want) != same {
				t.Errorf("without features: %d parameters, not %d; the same weights: %v", smaller, size, !same)
			}
			s := newSession(t)
			if code, stderr := s.interrupt(6, spooled, args...); code != 130 || s.file("m.ckpt") == nil {
				t.Fatalf("exit %d: %s", code, stderr)
			}
			s.resumes(spooled, got.files["m.onnx"], args...)
		})
	}
}

// TestTeacherKnowsMore: classes that a teacher knows beyond those of its student
// are no matter, and the order of its classes is its own.
func TestTeacherKnowsMore(t *testing.T) {
	two := encode(t, nil, twoClasses()...)
	path := headTeacher(t, relabelled(threeClasses(), "background", "blue"))
	got := runTrain(t, t.Context(), two, "--epochs", "2", "--teacher", path, "--teacher-weight", "1")
	if got.code != 0 || !strings.Contains(got.stderr, "1 of its classes are no matter here") {
		t.Fatal(got.stderr)
	}
	// Its answers are those of the labels: a student that hears nothing else
	// learns them.
	got = runTrain(t, t.Context(), two, "--epochs", "30", "--patience", "30", "--teacher", path, "--teacher-weight", "1", "--teacher-temperature", "1")
	var r struct{ Evaluation struct{ Accuracy float64 } }
	if err := json.Unmarshal(got.files["m.json"], &r); err != nil {
		t.Fatal(err, got.stderr)
	}
	if r.Evaluation.Accuracy < 0.9 {
		t.Errorf("an accuracy of %v", r.Evaluation.Accuracy)
	}
}

// relabelled gives items of one label another.
func relabelled(items []*record.Item, from, to string) []*record.Item {
	for _, item := range items {
		if item.Label.Name == from {
			item.Label.Name = to
		}
	}
	return items
}

func TestTeacherRefuses(t *testing.T) {
	items := twoClasses()
	two, three := encode(t, nil, items...), encode(t, nil, relabelled(threeClasses(), "background", "blue")...)
	teacher := headTeacher(t, items)
	seen := headTeacher(t, slices.Concat(pictures(0, 32, "train", "red", "green"), pictures(200, 3, "train", "red", "green"), pictures(100, 8, "val", "red", "green")))
	for _, test := range []struct {
		name  string
		input []byte
		args  []string
		code  int
		want  string
	}{
		{"missing class", three, []string{"--teacher", teacher}, 1, "does not know the class blue; it knows green, red"},
		{"held-out photos", two, []string{"--teacher", seen}, 1, "was trained on photos of 3 of the 16 validation and test items"},
		{"foreign", two, []string{"--teacher", small(t)}, 1, "an ONNX model that oi-train did not write"},
		{"no model", two, []string{"--teacher", written(t, []byte("no model"))}, 1, "not an ONNX file"},
		{"no file", two, []string{"--teacher", "nosuch.onnx"}, 1, "teacher: open nosuch.onnx"},
		{"suspects", two, []string{"--teacher", teacher, "--suspects", "3"}, 2, "a teacher has seen them"},
		{"weight", two, []string{"--teacher", teacher, "--teacher-weight", "1.1"}, 2, "--teacher-weight 1.1: want"},
		{"no weight", two, []string{"--teacher", teacher, "--teacher-weight", "0"}, 2, "--teacher-weight 0: want"},
		{"temperature", two, []string{"--teacher", teacher, "--teacher-temperature", "0.5"}, 2, "--teacher-temperature 0.5: want"},
		{"features", two, []string{"--teacher", teacher, "--teacher-features", "-1"}, 2, "--teacher-features -1: want 0 to"},
		{"no teacher for features", two, []string{"--teacher-features", "1"}, 2, "--teacher-features is about the model of --teacher"},
		{"no teacher", two, []string{"--teacher-weight", "0.5"}, 2, "--teacher-weight is about the model of --teacher, which is not given"},
	} {
		got := runTrain(t, t.Context(), test.input, test.args...)
		if got.code != test.code || !strings.Contains(got.stderr, test.want) || got.files["m.onnx"] != nil {
			t.Errorf("%s: exit %d\n%s", test.name, got.code, got.stderr)
		}
	}
	if got := fitHead(t, t.Context(), t.TempDir(), small(t), two, "--teacher", teacher); got.code != 2 || !strings.Contains(got.stderr, "--teacher is about training from scratch") {
		t.Errorf("with a backbone: exit %d\n%s", got.code, got.stderr)
	}
	smaller := encode(t, nil, sized(8)...)
	got := runTrain(t, t.Context(), smaller, "--arch", "residual", "--teacher", teacher)
	if got.code != 1 || !strings.Contains(got.stderr, "takes pictures of 24x24, these are 8x8") || !strings.Contains(got.stderr, "oi-crop --size 24") {
		t.Errorf("other size: exit %d\n%s", got.code, got.stderr)
	}
}

// sized is twoClasses with pictures of another side.
func sized(side int) []*record.Item {
	items := twoClasses()
	for _, item := range items {
		item.Tensor.Shape, item.Tensor.Data = []int{side, side, 3}, item.Tensor.Data[:side*side*3]
	}
	return items
}

// TestTeacherWith: what else a run can have goes with a teacher.
func TestTeacherWith(t *testing.T) {
	items := twoClasses()
	teacher := headTeacher(t, items)
	got := runTrain(t, t.Context(), encode(t, nil, items...), "--epochs", "3", "--teacher", teacher, "--class-weights", "balanced", "--calibrate", "--unsure", "0.6", "--optimizer", "sgd", "--safetensors")
	if got.code != 0 || !strings.Contains(got.stderr, "an answer of less than 0.6 is unsure") || got.files["m.safetensors"] == nil {
		t.Errorf("exit %d\n%s", got.code, got.stderr)
	}
}

// TestTeacherNotWrittenOver: the student does not take its teacher's place.
func TestTeacherNotWrittenOver(t *testing.T) {
	teacher := headTeacher(t, twoClasses())
	got := runTrain(t, t.Context(), encode(t, nil, twoClasses()...), "--teacher", teacher, "-o", strings.TrimSuffix(teacher, ".onnx"))
	if got.code != 2 || !strings.Contains(got.stderr, "teacher.onnx") {
		t.Errorf("exit %d\n%s", got.code, got.stderr)
	}
}

// TestTeacherResumes: with the same teacher and no other.
func TestTeacherResumes(t *testing.T) {
	items := twoClasses()
	teacher, other := headTeacher(t, items), scratchTeacher(t, items, "--seed", "7")
	for name, input := range map[string][]byte{"spooled": encode(t, nil, items...), "streamed": encode(t, []string{"green", "red"}, variants(t, items, 4)...)} {
		args := []string{"--epochs", "4", "--teacher", teacher}
		want := runTrain(t, t.Context(), input, args...)
		s := newSession(t)
		if code, stderr := s.interrupt(8, input, args...); code != 130 || s.file("m.ckpt") == nil {
			t.Fatalf("%s: exit %d: %s", name, code, stderr)
		}
		for _, wrong := range [][]string{{"--epochs", "4", "--teacher", other, "--resume"}, {"--epochs", "4", "--resume"}, append(slices.Clone(args), "--teacher-weight", "0.5", "--resume")} {
			code, stderr := s.run(t.Context(), bytes.NewReader(input), nil, wrong...)
			if code != 1 || !strings.Contains(stderr, "was made with other options: --teacher") {
				t.Errorf("%s, %v: exit %d: %s", name, wrong, code, stderr)
			}
		}
		s.resumes(input, want.files["m.onnx"], args...)
	}
}

// TestTeacherExpected: --expect tells another teacher.
func TestTeacherExpected(t *testing.T) {
	items := twoClasses()
	input := encode(t, nil, items...)
	teacher, other := headTeacher(t, items), scratchTeacher(t, items)
	got := runTrain(t, t.Context(), input, "--epochs", "2", "--teacher", teacher)
	path := filepath.Join(t.TempDir(), "m.json")
	if err := os.WriteFile(path, got.files["m.json"], 0o600); err != nil {
		t.Fatal(err)
	}
	if again := runTrain(t, t.Context(), input, "--epochs", "2", "--teacher", teacher, "--expect", path); again.code != 0 || strings.Contains(again.stderr, "teacher: 0") {
		t.Errorf("the same: exit %d\n%s", again.code, again.stderr)
	}
	for name, args := range map[string][]string{"another": {"--teacher", other}, "none": nil} {
		again := runTrain(t, t.Context(), input, append([]string{"--epochs", "2", "--expect", path}, args...)...)
		if again.code != 1 || !strings.Contains(again.stderr, "the weights are not those of") || !strings.Contains(again.stderr, "; teacher: ") {
			t.Errorf("%s: exit %d\n%s", name, again.code, again.stderr)
		}
	}
}
