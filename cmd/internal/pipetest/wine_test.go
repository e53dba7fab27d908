//go:build unix

package pipetest

import (
	"bufio"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// wineScript is a script for cmd.exe and for sh. One class of odd.json is called
// as a device of Windows is, and the other as no file is there.
const wineScript = `oi-labels -q --dataset sample >labels.txt
oi-boxes -q --dataset sample --limit 60 Hamburger Sandwich >boxes.oi
oi-fetch -q <boxes.oi >photos.oi
oi-fetch -q --photos detect --annotations yolo boxes.oi >detect.oi 2>detect.txt
oi-crop -q --size 32 --dir pictures <photos.oi >crops.oi
oi-crop -q --size 32 --dir odd odd.json >odd.oi
oi-augment -q --epochs 4 crops.oi >epochs.oi
oi-boxes -q --dataset sample --limit 60 Hamburger Sandwich | oi-fetch -q | oi-crop -q --size 32 | oi-train -q --epochs 2 -o burger >report.txt
oi-train -q --arch reference -o epochs epochs.oi >epochs.txt
oi-eval -q burger.onnx crops.oi >eval.txt
`

// winePipe is the pipe of wineScript for the helper.
const winePipe = "oi-boxes -q --dataset sample --limit 60 Hamburger Sandwich to oi-fetch -q to oi-crop -q --size 32 to oi-train -q --epochs 2 -o piped"

// wine is a Windows with the commands, in a folder of its own.
type wine struct {
	dir string
	env []string
}

func newWine(t *testing.T) *wine {
	need(t, "wine", "wineboot", "wineserver", "x86_64-w64-mingw32-gcc")
	dir, bin, prefix := t.TempDir(), t.TempDir(), t.TempDir()
	w := &wine{dir, append(environment(dir), "WINEPREFIX="+prefix, "WINEDEBUG=-all", "WINEDLLOVERRIDES=mscoree,mshtml=",
		"WINEPATH=Z:"+strings.ReplaceAll(bin, "/", `\`), "HOME=", "XDG_CACHE_HOME=")}
	run := func(env []string, name string, args ...string) {
		t.Helper()
		c := exec.CommandContext(t.Context(), name, args...)
		c.Dir, c.Env = shared.root, append(os.Environ(), env...)
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
	}
	target := []string{"GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0"}
	run(target, "go", "build", "-o", bin, "./cmd/oi-...", "./cmd/internal/pipetest/testdata/wine/helper")
	run(w.env, "wineboot", "-i")
	t.Cleanup(func() { // the server ends some time after the last program
		c := exec.Command("wineserver", "-k", "-w")
		c.Env = w.env
		_ = c.Run() // it may have ended
	})
	system := filepath.Join(prefix, "drive_c/windows/system32")
	if library := filepath.Join(system, "bcryptprimitives.dll"); !exists(library) {
		run(nil, "x86_64-w64-mingw32-gcc", "-shared", "-o", library, "cmd/internal/pipetest/testdata/wine/bcryptprimitives.c", "-ladvapi32")
	}
	return w
}

func (w *wine) command(t *testing.T, args ...string) *exec.Cmd {
	c := exec.CommandContext(t.Context(), "wine", args...)
	c.Dir, c.Env = w.dir, w.env
	return c
}

// run returns what a program of Windows says, on both its outputs.
func (w *wine) run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := w.command(t, args...).CombinedOutput()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(out), "\r\n", "\n")
}

// weights is what a model's weights are known by.
func weights(t *testing.T, dir, model string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), tool("oi-eval"), "--info", model)
	c.Dir = dir
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s: %v", model, err)
	}
	for line := range strings.Lines(string(out)) {
		if hash, ok := strings.CutPrefix(line, "weights "); ok {
			return strings.TrimSpace(hash)
		}
	}
	t.Fatalf("%s: no weights in\n%s", model, out)
	return ""
}

// TestWine runs the commands as built for Windows by Wine: they write the bytes
// that they write here, also where things go wrong.
func TestWine(t *testing.T) {
	if raceEnabled {
		t.Skip("it builds the commands itself")
	}
	onlyInLongCI(t) // a Windows takes 700 MB and, with the commands for it, minutes
	w, native := newWine(t), t.TempDir()
	here := func(script string) []byte {
		t.Helper()
		c := exec.CommandContext(t.Context(), "sh", "-c", script)
		c.Dir, c.Env = native, append(environment(native), "DATA="+shared.data)
		out, err := c.Output()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	odd := here(`oi-fetch -q --json=framed $DATA/boxes.oi | sed 's/"name":"Hamburger"/"name":"NUL.txt"/g; s/"name":"Sandwich"/"name":"a:b"/g' | tee odd.json`)
	for name, text := range map[string][]byte{"odd.json": odd, "script.bat": []byte("@echo off\n" + wineScript)} {
		if err := os.WriteFile(filepath.Join(w.dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	here(wineScript)
	if out := w.run(t, "cmd", "/c", "script.bat"); out != "" {
		t.Errorf("the script says %s", out)
	}

	t.Run("bytes", func(t *testing.T) { sameFiles(t, w.dir, native) })
	t.Run("paths", func(t *testing.T) {
		plain := here(`oi-boxes -q --dataset sample --limit 60 --json=framed Hamburger Sandwich | sed 's|"url":"sample:|"url":"https://example.org/|'`)
		odd := regexp.MustCompile(`"name":"[HS][^"]*"`).ReplaceAll(plain, []byte(`"name":"val\\..\\train"`))
		for _, file := range []string{filepath.Join(w.dir, "plain.json"), filepath.Join(native, "plain.json")} {
			if err := os.WriteFile(file, plain, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(w.dir, "classes.json"), odd, 0o600); err != nil {
			t.Fatal(err)
		}
		folder := "Z:" + strings.ReplaceAll(w.dir, "/", `\`) + `\detect\images\`
		again, err := w.command(t, "oi-fetch", "-q", "--max-skips", "100%", "--images", folder+`train\{id}.jpg`, "plain.json").Output()
		if want := here("oi-fetch -q --max-skips 100% --images 'detect/images/train/{id}.jpg' plain.json"); err != nil || !bytes.Equal(again, want) {
			t.Errorf("%v, %d bytes, want %d", err, len(again), len(want))
		}
		// What a stream says leads nowhere else.
		if out := w.run(t, "oi-fetch", "--images", folder+`{class}\{id}.jpg`, "classes.json"); !strings.Contains(out, "nothing came through") {
			t.Errorf("got %s", out)
		}
	})
	t.Run("pipe", func(t *testing.T) {
		out := w.run(t, append([]string{"helper", "pipe"}, strings.Fields(winePipe)...)...)
		if strings.Count(out, "exit 0") != 4 || weights(t, w.dir, "piped.onnx") != weights(t, native, "burger.onnx") {
			t.Errorf("got %s", out)
		}
	})
	t.Run("reader that leaves", func(t *testing.T) {
		for _, command := range []string{"oi-boxes -q --dataset sample Hamburger Sandwich", "oi-fetch -q boxes.oi", "oi-crop -q photos.oi", "oi-augment -q --epochs 9 crops.oi"} {
			out := w.run(t, append([]string{"helper", "leave", "1000"}, strings.Fields(command)...)...)
			if name, _, _ := strings.Cut(command, " "); out != name+": exit 0 (<nil>)\n" {
				t.Errorf("%s: %s", command, out)
			}
		}
	})
	t.Run("output that another program has open", func(t *testing.T) {
		before := weights(t, w.dir, "burger.onnx")
		out := w.run(t, "helper", "hold", "burger.onnx", "oi-train", "-q", "--epochs", "1", "--seed", "2", "-o", "burger", "crops.oi")
		if !strings.Contains(out, "oi-train: write burger.onnx: ") || !strings.Contains(out, "oi-train: exit 1 ") || weights(t, w.dir, "burger.onnx") != before {
			t.Errorf("it has the weights %s, had %s: %s", weights(t, w.dir, "burger.onnx"), before, out)
		}
		out = w.run(t, "oi-train", "-q", "--resume", "--epochs", "1", "--seed", "2", "-o", "burger", "crops.oi")
		here("oi-train -q --epochs 1 --seed 2 -o other crops.oi")
		if weights(t, w.dir, "burger.onnx") != weights(t, native, "other.onnx") {
			t.Errorf("--resume after it: %s", out)
		}
	})
	t.Run("lock, kill and resume", func(t *testing.T) { wineKill(t, w, native) })
	t.Run("Ctrl-C", func(t *testing.T) {
		w.env = append(w.env, "TERM=xterm")
		text, _ := interruptedCommand(t, "it waits", 80, w.command(t, "helper", "wait", ".c.lock", "oi-train", "-o", "c"))
		if !strings.Contains(text, "oi-train: interrupted") || !strings.Contains(text, "exit 130") || exists(filepath.Join(w.dir, ".c.lock")) {
			t.Errorf("got %s", text)
		}
	})
}

// sameFiles compares folders with all that is below them. What is of a run, and
// not of its result, may differ.
func sameFiles(t *testing.T, got, want string) {
	files := func(dir string) map[string]string {
		all := map[string]string{}
		err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
			if d.IsDir() || err != nil {
				return err
			}
			data, err := os.ReadFile(filepath.Join(dir, name))
			switch {
			case strings.Contains(name, "/"):
			case strings.HasSuffix(name, ".onnx"):
				data = []byte(weights(t, dir, name))
			case strings.HasSuffix(name, ".html"), strings.HasSuffix(name, ".json"):
				data = nil
			}
			all[name] = string(data)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	have := files(got)
	delete(have, "script.bat")
	for name, data := range files(want) {
		switch text, ok := have[name]; {
		case strings.HasPrefix(name, "cache/"):
		case !ok:
			t.Errorf("there is no %s", name)
		case text != data:
			t.Errorf("%s: other bytes", name)
		}
		delete(have, name)
	}
	for name := range have {
		t.Errorf("only Windows has %s", name)
	}
}

// wineKill kills oi-train while it waits for more, and another may not write to
// the same model before.
func wineKill(t *testing.T, w *wine, native string) {
	items, err := os.ReadFile(filepath.Join(native, "epochs.oi"))
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"oi-train", "--arch", "reference", "-o", "killed"}
	first := w.command(t, args...)
	in, err := first.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	said, err := first.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	startServer(t, first)
	if _, err := in.Write(items[:len(items)*8/10]); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(said)
	for lines.Scan() && !strings.Contains(lines.Text(), " 2/") {
	}
	if !exists(filepath.Join(w.dir, "killed.ckpt")) {
		t.Fatal("there is no checkpoint after the second epoch")
	}
	if out := w.run(t, "oi-train", "--arch", "reference", "-o", `.\KILLED`, "epochs.oi"); !strings.Contains(out, "another oi-train is writing to") {
		t.Errorf("a second one: %s", out)
	}
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait() // killed
	out := w.run(t, append(args, "--resume", "epochs.oi")...)
	if !strings.Contains(out, "going on after epoch") || weights(t, w.dir, "killed.onnx") != weights(t, native, "epochs.onnx") {
		t.Errorf("--resume: %s", out)
	}
	if left, err := filepath.Glob(filepath.Join(w.dir, "*killed*")); err != nil || len(left) != 3 {
		t.Errorf("there are %v, %v", left, err)
	}
}
