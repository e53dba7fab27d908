package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"image/color"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

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
		"no neighbours":     {whole, []string{"--neighbours", "0", m}, 2, "--neighbours 0: want 1 or more"},
		"info and more":     {nil, []string{"--info", "--emit", m}, 2, "--info only describes"},
		"recipe, compared":  {nil, []string{"--recipe", "--baseline", "b.json", m}, 2, "--recipe only prints"},
		"info of a stream":  {nil, []string{"--info", m, "x.oi"}, 2, "x.oi is too much"},
		"a missing file":    {nil, []string{m, "missing.jpg"}, 1, "missing.jpg"},
		"cut off":           {whole[:len(whole)-30], []string{m}, 1, "stops early"},
		"empty":             {nil, []string{m}, 1, "the input is empty: the stage before sent nothing"},
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
