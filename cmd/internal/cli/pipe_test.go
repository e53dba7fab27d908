//go:build unix

package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A pipe that nobody writes to, or reads from, must not keep a command that
// was told to stop.
func TestOpenCancelled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	env := &Env{ctx: ctx}
	w, err := os.OpenFile(path, os.O_RDWR, 0) // opens without a reader, and is one
	if err != nil {
		t.Skip(err)
	}
	defer w.Close()
	r, err := env.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := w.WriteString("ab"); err != nil {
		t.Fatal(err)
	}
	two := make([]byte, 2)
	if _, err := io.ReadFull(r, two); err != nil || string(two) != "ab" {
		t.Fatalf("%q, %v", two, err)
	}
	cancel()
	if _, err := r.Read(two); !errors.Is(err, context.Canceled) {
		t.Errorf("read: %v", err)
	}
	other := path + "2" // nobody ever opens its other end
	if err := syscall.Mkfifo(other, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := env.Open(other); !errors.Is(err, context.Canceled) {
		t.Errorf("open: %v", err)
	}
}
