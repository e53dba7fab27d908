package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// waits tells that it is read, and gives nothing until it is let.
type waits struct {
	read, let chan struct{}
	r         io.Reader
}

func (w *waits) Read(p []byte) (int, error) {
	if w.read != nil {
		close(w.read)
		w.read = nil
		<-w.let
	}
	return w.r.Read(p)
}

// untouched fails the test if it is read.
type untouched struct{ t *testing.T }

func (u untouched) Read([]byte) (int, error) {
	u.t.Error("a run that must fail at once reads its input")
	return 0, io.EOF
}

func TestSecondRunFails(t *testing.T) {
	input := encode(t, []string{"red", "green"}, twoClasses()...)
	s := newSession(t)
	stdin := &waits{make(chan struct{}), make(chan struct{}), bytes.NewReader(input)}
	read := stdin.read
	type end struct {
		code   int
		stderr string
	}
	first := make(chan end)
	go func() {
		code, stderr := s.run(t.Context(), stdin, nil, "--epochs", "2")
		first <- end{code, stderr}
	}()
	<-read
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(s.dir, link); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(s.dir, "below"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{filepath.Join(s.dir, "m"), filepath.Join(s.dir, "m.onnx"), filepath.Join(link, "m"), s.dir + "/below/../m", s.dir + "/./m"} {
		code, stderr := s.run(t.Context(), untouched{t}, nil, "-o", name, "--resume")
		want := fmt.Sprintf("another oi-train is writing to %s.onnx and its companions: process %d on ", strings.TrimSuffix(name, ".onnx"), os.Getpid())
		if code != 1 || !strings.Contains(stderr, want) || !strings.Contains(stderr, "hint: wait until it has ended") {
			t.Errorf("-o %s: exit %d, stderr %q; want %q", name, code, stderr, want)
		}
	}
	// Another name next to it, and the same one in another folder, are
	// free.
	for _, name := range []string{"n", "below/m"} {
		if code, stderr := s.run(t.Context(), bytes.NewReader(input), nil, "--epochs", "1", "-o", filepath.Join(s.dir, name)); code != 0 {
			t.Errorf("-o %s: exit %d: %s", name, code, stderr)
		}
	}
	close(stdin.let)
	if got := <-first; got.code != 0 || s.file("m.onnx") == nil {
		t.Errorf("the first run: exit %d: %s", got.code, got.stderr)
	}
	if code, stderr := s.run(t.Context(), bytes.NewReader(input), nil, "--epochs", "1"); code != 0 {
		t.Errorf("after it: exit %d: %s", code, stderr)
	}
	if left, err := filepath.Glob(filepath.Join(s.dir, ".*.lock")); err != nil || len(left) > 0 {
		t.Errorf("locks left behind: %v, %v", left, err)
	}
}

// A lock that remains from a run that was killed is a file like any other.
func TestLockLeftBehind(t *testing.T) {
	s := newSession(t)
	if err := os.WriteFile(filepath.Join(s.dir, ".m.lock"), []byte("process 1 on a machine far away, and much more than that\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	input := encode(t, []string{"red", "green"}, twoClasses()...)
	if code, stderr := s.run(t.Context(), bytes.NewReader(input), nil, "--epochs", "1"); code != 0 || s.file("m.onnx") == nil {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if s.file(".m.lock") != nil {
		t.Error("it is still there")
	}
}

// A lock that somebody removed, or replaced by one of another run, costs no
// result and is left alone.
func TestLockTakenAway(t *testing.T) {
	input := encode(t, []string{"red", "green"}, twoClasses()...)
	for name, other := range map[string]string{"removed": "", "replaced": "process 1 on another machine\n"} {
		t.Run(name, func(t *testing.T) {
			s := newSession(t)
			lock := filepath.Join(s.dir, ".m.lock")
			done := false
			code, stderr := s.run(t.Context(), bytes.NewReader(input), func() {
				if done {
					return
				}
				done = true
				if err := os.Remove(lock); err != nil {
					t.Error(err)
				}
				if other != "" {
					if err := os.WriteFile(lock, []byte(other), 0o600); err != nil {
						t.Error(err)
					}
				}
			}, "--epochs", "1")
			if code != 0 || s.file("m.onnx") == nil || string(s.file(".m.lock")) != other {
				t.Errorf("exit %d, lock %q: %s", code, s.file(".m.lock"), stderr)
			}
		})
	}
}
