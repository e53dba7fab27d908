package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/opensandwich/oi/cmd/internal/zoo"
)

func TestBackbones(t *testing.T) {
	code, stdout, stderr := cmdtest.Run(t.Context(), command(), nil, "--backbones")
	if code != 0 || stderr != "" {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	for _, e := range zoo.Backbones() {
		for _, want := range []string{e.Name, e.Licence, e.Base + e.Path, e.SHA256} {
			if !strings.Contains(string(stdout), want) {
				t.Errorf("lacks %s:\n%s", want, stdout)
			}
		}
	}
}

// A name is that of a file before it is that of a known network.
func TestBackboneName(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("resnet18", []byte("no model"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		code int
		want []string
	}{
		"resnet18":            {1, []string{"backbone: resnet18: not an ONNX"}},
		"resnet19":            {2, []string{"no file resnet19, and no known network of that name: mobilenetv2, resnet18", "hint: did you mean resnet18? oi-train --backbones"}},
		"other.onnx":          {1, []string{"other.onnx: no such file"}},
		"models/mobilenetv2":  {1, []string{"models/mobilenetv2: no such file"}},
		"mobilenetv2":         {1, []string{"mobilenet/model/mobilenetv2-12.onnx is not in the cache", "hint: without --offline it is downloaded, once"}},
		"mobilenetv2-12.onnx": {1, []string{"mobilenet/model/mobilenetv2-12.onnx is not in the cache"}},
		"ResNet50":            {1, []string{"resnet/model/resnet50-v1-12.onnx is not in the cache"}},
	} {
		code, _, stderr := cmdtest.Run(t.Context(), command(), nil, "--backbone", name, "--offline", "--cache", "cache")
		for _, want := range test.want {
			if code != test.code || !strings.Contains(stderr, want) {
				t.Errorf("%s: exit %d: %s; want %d and %s", name, code, stderr, test.code, want)
			}
		}
	}
}

// What lies beside a network says what it wants done to the bytes, unless
// --normalize does.
func TestBackboneCompanion(t *testing.T) {
	network := cmdtest.MeansModel(t, side)
	dir := filepath.Dir(network)
	beside := filepath.Join(dir, "preprocessor_config.json")
	stream := encode(t, []string{"red", "green"}, twoClasses()...)
	fit := func(args ...string) (int, string, string) {
		t.Helper()
		name := filepath.Join(dir, "m")
		code, _, stderr := cmdtest.Run(t.Context(), command(), stream, append([]string{"-o", name, "--backbone", network}, args...)...)
		if code != 0 {
			return code, "", stderr
		}
		data, err := os.ReadFile(name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(data), `"preprocessing": "`)
		preprocessing, _, _ := strings.Cut(rest, `"`)
		return code, preprocessing, stderr
	}
	if code, _, stderr := fit(); code != 1 || !strings.Contains(stderr, "--normalize takes imagenet") {
		t.Errorf("nothing says it: exit %d: %s", code, stderr)
	}
	if err := os.WriteFile(beside, []byte(`{"image_mean": 0.5, "image_std": 0.5}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, got, stderr := fit(); code != 0 || got != "-1..1 (from preprocessor_config.json)" {
		t.Errorf("a file says it: exit %d, %q: %s", code, got, stderr)
	}
	if code, got, stderr := fit("--normalize", "imagenet"); code != 0 || got != "imagenet (from --normalize)" {
		t.Errorf("the flag says it: exit %d, %q: %s", code, got, stderr)
	}
	if err := os.WriteFile(beside, []byte(`{"do_normalize": true}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := fit(); code != 1 || !strings.Contains(stderr, "preprocessor_config.json: it says do_normalize and lacks image_mean or image_std") || !strings.Contains(stderr, "hint: --normalize") {
		t.Errorf("a file that says it in part: exit %d: %s", code, stderr)
	}
	if code, _, stderr := fit("--normalize", "0..1"); code != 0 {
		t.Errorf("the flag in place of that file: exit %d: %s", code, stderr)
	}
}
