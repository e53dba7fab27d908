package pipetest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/cpu"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// tools are the binaries, in the order in which data flows through them.
func tools() []string {
	return []string{"oi-labels", "oi-boxes", "oi-fetch", "oi-crop", "oi-augment", "oi-train", "oi-eval"}
}

// setup is what all tests here share: the binaries, and a stream of crops
// that is made once.
type setup struct {
	root string // the module's
	bin  string
	data string // crops.oi and its like
}

var shared setup

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "pipetest")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	root, err := filepath.Abs("../../..")
	if err != nil {
		return 0, err
	}
	shared = setup{root: root, bin: filepath.Join(dir, "bin"), data: dir}
	args := []string{"build", "-o", shared.bin + string(filepath.Separator)}
	if raceEnabled {
		args = append(args, "-race")
	}
	build := exec.Command("go", append(args, "./cmd/oi-...")...)
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("go build: %w\n%s", err, out)
	}
	// The streams that many scripts start from: 96 drawings of two classes,
	// as boxes, as photos and as crops.
	prepare := exec.Command("bash", "-euo", "pipefail", "-c",
		`oi-boxes -q --dataset sample --limit 96 Hamburger Sandwich >boxes.oi
		oi-fetch -q <boxes.oi >photos.oi
		oi-crop -q --size 32 <photos.oi >crops.oi`)
	prepare.Dir = dir
	prepare.Env = environment(dir)
	if out, err := prepare.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("prepare the streams: %w\n%s", err, out)
	}
	network, err := cmdtest.Backbone{Seed: 1, Side: 64}.Encode()
	if err != nil {
		return 0, err
	}
	if err := os.WriteFile(filepath.Join(dir, "small.onnx"), network, 0o600); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// environment is that of a user who has just installed the binaries.
func environment(home string) []string {
	return []string{
		"PATH=" + shared.bin + string(filepath.ListSeparator) + os.Getenv("PATH"),
		"HOME=" + home,
		"XDG_CACHE_HOME=" + filepath.Join(home, "cache"),
		"LANG=C.UTF-8",
		"TMPDIR=" + os.TempDir(),
	}
}

func TestScripts(t *testing.T) {
	scripts, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Condition: func(cond string) (bool, error) {
			// [have:NAME] is a program, [env:NAME] a variable that
			// is set, [module:NAME] a module of Debian's Python,
			// [avx2] what the assembly needs, [avx512] what it
			// takes besides, [race] the race detector.
			switch cond {
			case "avx2":
				return cpu.X86.HasAVX2 && cpu.X86.HasFMA, nil
			case "avx512":
				return cpu.X86.HasAVX512F, nil
			case "race":
				return raceEnabled, nil
			}
			if variable, ok := strings.CutPrefix(cond, "env:"); ok {
				return os.Getenv(variable) != "", nil
			}
			if program, ok := strings.CutPrefix(cond, "have:"); ok {
				return have(program), nil
			}
			if module, ok := strings.CutPrefix(cond, "module:"); ok {
				_, ok := oitest.FindPython(t, module)
				return ok, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Setup: func(env *testscript.Env) error {
			env.Vars = append(env.Vars, environment(env.WorkDir)...)
			env.Setenv("DATA", shared.data)
			env.Setenv("PAPERS", filepath.Join(shared.root, ".github"))
			return nil
		},
	})
}
