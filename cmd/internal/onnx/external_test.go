package onnx

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/oitest"

	"github.com/opensandwich/oi/cmd/internal/graph"
)

// outside is a tensor of two floats in a file.
func outside(name string, entries ...string) tensor {
	t := tensor{name: name, dims: []int{2}, elem: elemFloat, outside: true, external: map[string]string{}}
	for i := 0; i < len(entries); i += 2 {
		t.external[entries[i]] = entries[i+1]
	}
	return t
}

// writeModel writes a model of a sum of x and the tensors, and the files of a
// folder: twenty bytes in "w.bin", of which byte i is i, and others in which a
// model has no business.
func writeModel(t *testing.T, tensors ...tensor) string {
	t.Helper()
	dir := t.TempDir()
	folder := filepath.Join(dir, "model")
	f := one(13, nodeOf("Sum", "sum", []string{"x"}, nil), []int{2}, tensors...)
	for _, w := range tensors {
		f.nodes[0].in = append(f.nodes[0].in, w.name)
	}
	data := make([]byte, 20)
	for i := range data {
		data[i] = byte(i)
	}
	for name, data := range map[string][]byte{"model/model.onnx": f.encode(), "model/w.bin": data, "model/sub/w.bin": data, "secret.bin": data} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, link := range [][2]string{{"../secret.bin", "link.bin"}, {filepath.Join(dir, "secret.bin"), "absolute.bin"}, {"w.bin", "inside.bin"}, {"..", "up"}} {
		if err := os.Symlink(link[0], filepath.Join(folder, link[1])); err != nil {
			t.Fatal(err)
		}
	}
	oitest.MakeNamedPipe(t, filepath.Join(folder, "pipe"))
	return filepath.Join(folder, "model.onnx")
}

func TestExternalData(t *testing.T) {
	bytesFrom := func(n int) []float32 {
		raw := make([]byte, 8)
		for i := range raw {
			raw[i] = byte(n + i)
		}
		return floats32(raw)
	}
	for _, c := range []struct {
		name   string
		tensor tensor
		want   []float32
	}{
		{"start", outside("w", "location", "w.bin", "length", "8"), bytesFrom(0)},
		{"offset", outside("w", "location", "w.bin", "offset", "12", "length", "8"), bytesFrom(12)},
		{"no length", outside("w", "location", "./w.bin", "offset", "4"), bytesFrom(4)},
		{"subfolder", outside("w", "location", "sub/w.bin"), bytesFrom(0)},
		{"link inside", outside("w", "location", "inside.bin"), bytesFrom(0)},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := Open(writeModel(t, c.tensor))
			if err != nil {
				t.Fatal(err)
			}
			y, err := m.Graph.Evaluate(map[string]*graph.Tensor{"x": graph.NewTensor(graph.Float32, 2)})
			if err != nil || !slices.Equal(y["y"].Floats, c.want) {
				t.Errorf("%v, %v", y, err)
			}
		})
	}
}

// TestSharedData is two tensors with the same bytes, as tied weights have.
func TestSharedData(t *testing.T) {
	if _, err := Open(writeModel(t, outside("a", "location", "w.bin"), outside("b", "location", "w.bin"), outside("c", "location", "w.bin", "offset", "8"))); err != nil {
		t.Error(err)
	}
}

func TestExternalDataRefused(t *testing.T) {
	for _, c := range []struct {
		name    string
		tensors []tensor
		want    []string
	}{
		{"no location", []tensor{outside("w")}, []string{`"w"`, "no location"}},
		{"absolute", []tensor{outside("w", "location", "/etc/passwd")}, []string{`"w"`, "only files in the folder"}},
		{"above", []tensor{outside("w", "location", "../secret.bin")}, []string{`"w"`, "only files in the folder"}},
		{"above by a way round", []tensor{outside("w", "location", "sub/../../secret.bin")}, []string{`"w"`, "only files in the folder"}},
		{"link", []tensor{outside("w", "location", "link.bin")}, []string{`"w"`, `"link.bin", a link that leads out of the folder`}},
		{"absolute link", []tensor{outside("w", "location", "absolute.bin")}, []string{`"w"`, `"absolute.bin", a link that leads out of the folder`}},
		{"folder's link", []tensor{outside("w", "location", "up/secret.bin")}, []string{`"w"`, "up/secret.bin"}},
		{"absent", []tensor{outside("w", "location", "none.bin")}, []string{`"w"`, `"none.bin", which is not next to the model`}},
		{"folder", []tensor{outside("w", "location", "sub")}, []string{`"w"`, "not a file"}},
		{"pipe", []tensor{outside("w", "location", "pipe")}, []string{`"w"`, "not a file"}},
		{"past the end", []tensor{outside("w", "location", "w.bin", "offset", "13")}, []string{`"w"`, "byte 21", "has 20"}},
		{"far", []tensor{outside("w", "location", "w.bin", "offset", "9999999999999999999")}, []string{`"w"`, "offset"}},
		{"negative", []tensor{outside("w", "location", "w.bin", "offset", "-1")}, []string{`"w"`, "offset"}},
		{"length", []tensor{outside("w", "location", "w.bin", "length", "4")}, []string{`"w"`, "4 bytes", "needs 8"}},
		{"odd entry", []tensor{outside("w", "location", "w.bin", "basepath", "/")}, []string{`"w"`, "basepath"}},
		{"overlap", []tensor{outside("v", "location", "w.bin"), outside("w", "location", "./w.bin", "offset", "4")}, []string{`"w"`, `"v"`, "overlaps"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Open(writeModel(t, c.tensors...))
			if err == nil {
				t.Fatal("it was read")
			}
			for _, part := range c.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %s", err, part)
				}
			}
		})
	}
}

// TestModelBehindLink is a model as caches keep it: a link to its data.
func TestModelBehindLink(t *testing.T) {
	link := filepath.Join(t.TempDir(), "model.onnx")
	if err := os.Symlink(writeModel(t), link); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(link); err != nil {
		t.Error(err)
	}
}

// TestTooLarge counts external data, too.
func TestTooLarge(t *testing.T) {
	f := &folder{left: 10}
	if err := f.reserve(reach{"w.bin", "v", 0, 8}); err != nil {
		t.Error(err)
	}
	if err := f.reserve(reach{"w.bin", "w", 8, 16}); err == nil {
		t.Error("sixteen bytes of ten")
	}
}
