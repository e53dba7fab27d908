package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// torchModel is a small network as PyTorch exports it: a convolution, batch
// normalization, ReLU6, the mean, dropout and a linear layer.
const torchModel = "testdata/torch.onnx"

func TestInfoOfForeignModel(t *testing.T) {
	code, stdout, stderr := eval(t, nil, "--info", torchModel)
	want := `model        testdata/torch.onnx
sha256       baee19d217f646a77b9e1e0fcc4e41b190cb8fab2b845fb851f897a3a299ce5a
made by      pytorch 1.13.0; version 7 of ONNX files, 13 of the operators
input        pixels, float32 [batch,3,height,width]
output       logits, float32 [N,2]
operators    BatchNormalization 1, Clip 1, Constant 2, Conv 1, Flatten 1, Gemm 1, GlobalAveragePool 1, Identity 2
network      122 parameters; 5 operators when simplified
features     /4/Flatten_output_0, [N,4] as it is, 4 numbers
             the input of the classifier, Gemm "/6/Gemm"
note         oi-train did not write it: to answer, oi-eval wants the names of its answers, --labels, and what to do to the bytes, --normalize
note         input pixels takes any side; the shapes are those for 224 pixels
`
	if code != 0 || stdout != want {
		t.Errorf("exit %d, %s\n%s", code, stderr, stdout)
	}
	_, stdout, _ = eval(t, nil, "--info", "--json", torchModel)
	var d foreignModel
	if err := json.Unmarshal([]byte(stdout), &d); err != nil || d.Opset != 13 || d.Parameters != 122 || d.Operators["Conv"] != 1 ||
		!slices.Equal(d.Inputs[0].Shape, []string{"batch", "3", "height", "width"}) || d.Features.Length != 4 {
		t.Errorf("%v: %+v", err, d)
	}
}

// TestForeignModel is refused for everything else, and where it cannot be read.
func TestForeignModel(t *testing.T) {
	data, err := os.ReadFile(torchModel)
	if err != nil {
		t.Fatal(err)
	}
	odd := filepath.Join(t.TempDir(), "odd.onnx")
	if err := os.WriteFile(odd, []byte(strings.ReplaceAll(string(data), "Flatten", "Unheard")), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{torchModel}, "an ONNX model that oi-train did not write: its producer is pytorch 1.13.0"},
		{[]string{"--info", odd}, `and it cannot be described: ` + odd + `: node "/4/Unheard" (Unheard): not supported: operator Unheard`},
	} {
		code, stdout, stderr := eval(t, nil, tc.args...)
		if code != 1 || stdout != "" || !strings.Contains(stderr, tc.want) || !strings.Contains(stderr, "hint: oi-eval --labels NAMES.txt asks models that oi-train did not write") {
			t.Errorf("%v: exit %d, %s", tc.args, code, stderr)
		}
	}
}

func TestCloseSides(t *testing.T) {
	for _, tc := range []struct{ shape, want []int }{
		{[]int{-1, 3, -1, -1}, []int{-1, 3, 224, 224}},
		{[]int{-1, 3, 64, -1}, []int{-1, 3, 64, 224}},
		{[]int{-1, -1, -1, 3}, []int{-1, 224, 224, 3}},
		{[]int{1, 3, 64, 64}, nil},
		{[]int{-1, -1}, nil},
		{nil, nil},
	} {
		shape := slices.Clone(tc.shape)
		if guessed := closeSides(shape); guessed != (tc.want != nil) || guessed && !slices.Equal(shape, tc.want) {
			t.Errorf("%v becomes %v", tc.shape, shape)
		}
	}
}
