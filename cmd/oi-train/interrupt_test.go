package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
)

// leaves cancels ctx when it has been read to the end, and then fails as a
// stage that was interrupted too.
type leaves struct {
	r      io.Reader
	cancel func()
}

func (l *leaves) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if err == io.EOF {
		l.cancel()
	}
	return n, err
}

func TestInterrupt(t *testing.T) {
	stream := encode(t, []string{"red", "green"}, variants(t, twoClasses(), 3)...)
	for name, tc := range map[string]struct {
		length int
		files  int
	}{
		"in epoch 3": {len(stream) - 5000, 4}, // with the checkpoint
		"in epoch 1": {len(stream) * 4 / 10, 0},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			dir := t.TempDir()
			var out, errs bytes.Buffer
			env := cmdtest.Env(&leaves{bytes.NewReader(stream[:tc.length]), cancel}, &out, &errs)
			if code := command().Execute(ctx, env, []string{"-o", filepath.Join(dir, "m")}); code != 130 {
				t.Errorf("exit %d, want 130: %s", code, errs.String())
			}
			if names, err := os.ReadDir(dir); err != nil || len(names) != tc.files {
				t.Errorf("files %v (%v), want %d\n%s", names, err, tc.files, errs.String())
			}
		})
	}
}
