//go:build unix

package oitest

import (
	"syscall"
	"testing"
)

// MakeNamedPipe makes a named pipe, or skips the test where there are none.
func MakeNamedPipe(t testing.TB, name string) {
	t.Helper()
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
}
