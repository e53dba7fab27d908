package demo

import (
	"bytes"
	"compress/gzip"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "build the program of the page anew")

// The program in the page is what its sources make, to the byte, and small.
func TestPredictorIsBuilt(t *testing.T) {
	embedded := text("built/predictor.wasm.gz")
	if len(embedded) >= 2_000_000 {
		t.Errorf("the program has %d bytes, compressed: want less than 2 MB", len(embedded))
	}
	if runtime.Version() != toolchain() {
		t.Skipf("the program was built by %s, this is %s", toolchain(), runtime.Version())
	}
	if testing.Short() && !*update {
		t.Skip("no time for it")
	}
	wasm := filepath.Join(t.TempDir(), "predictor.wasm")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", wasm, "./predictor")
	// Nothing of this machine's settings gets into the program.
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "GOWASM=", "GOFLAGS=", "GOEXPERIMENT=", "GOFIPS140=off", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	program, err := os.ReadFile(wasm)
	if err != nil {
		t.Fatal(err)
	}
	root := goroot(t)
	files := map[string][]byte{"predictor.wasm.gz": nil}
	for name, path := range map[string]string{"wasm_exec.js": "lib/wasm/wasm_exec.js", "LICENSE.txt": "LICENSE"} {
		if files[name], err = os.ReadFile(filepath.Join(root, path)); err != nil {
			t.Fatal(err)
		}
	}
	if *update {
		if files["predictor.wasm.gz"], err = compress(program); err != nil {
			t.Fatal(err)
		}
		for name, data := range files {
			if err := os.WriteFile(filepath.Join("built", name), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	const hint = "run: go generate ./cmd/internal/demo"
	for name, data := range files {
		if name != "predictor.wasm.gz" && text("built/"+name) != string(data) {
			t.Errorf("%s is not that of %s; %s", name, toolchain(), hint)
		}
	}
	if !bytes.Equal(inflate(t, []byte(embedded)), program) {
		t.Errorf("the program is not what its sources make; %s", hint)
	}
}

// goroot is where the toolchain is.
func goroot(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// inflate undoes compress.
func inflate(t *testing.T, data []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return all
}
