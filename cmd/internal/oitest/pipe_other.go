//go:build !unix

package oitest

import "testing"

// MakeNamedPipe makes a named pipe, or skips the test where there are none.
func MakeNamedPipe(t testing.TB, name string) {
	t.Helper()
	t.Skipf("cannot make %s: no named pipes here", name)
}
