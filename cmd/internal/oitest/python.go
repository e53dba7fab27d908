package oitest

import (
	"os/exec"
	"strings"
	"testing"
)

// debianPython is the Python that Debian's packages of modules are for.
const debianPython = "/usr/bin/python3"

// Python returns the path of a Python that has the modules; numpy is in a
// package python3-numpy. The test is skipped where it is not there.
func Python(t testing.TB, modules ...string) string {
	t.Helper()
	python, ok := FindPython(t, modules...)
	if !ok {
		t.Skipf("no %s with %s on this machine", python, strings.Join(modules, ", "))
	}
	return python
}

// FindPython is Python for a test that has something to do without it, too: it
// reports whether it is there.
func FindPython(t testing.TB, modules ...string) (path string, ok bool) {
	t.Helper()
	program := strings.Join(append([]string{"import sys"}, modules...), ", ")
	return debianPython, exec.CommandContext(t.Context(), debianPython, "-c", program).Run() == nil
}
