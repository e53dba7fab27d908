package oitest

import (
	"bufio"
	"encoding/json"
	"io"
	"os/exec"
	"testing"
)

// StartPeer starts a program of others that a benchmark compares with, until
// the benchmark ends. For each line that it reads it answers with one of JSON,
// which ask puts into what answer points to.
func StartPeer(t testing.TB, peer *exec.Cmd) (ask func(answer any)) {
	t.Helper()
	peer.Stderr = t.Output()
	in, err := peer.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := peer.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := peer.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := in.Close(); err != nil {
			t.Error(err)
		}
		if err := peer.Wait(); err != nil {
			t.Error(err)
		}
	})
	lines := bufio.NewScanner(out)
	return func(answer any) {
		t.Helper()
		if _, err := io.WriteString(in, "\n"); err != nil {
			t.Fatal(err)
		}
		if !lines.Scan() {
			t.Fatalf("no answer from %v: %v", peer.Args, lines.Err())
		}
		if err := json.Unmarshal(lines.Bytes(), answer); err != nil {
			t.Fatal(err)
		}
	}
}
