package kernel

import (
	"runtime"
	"strings"
	"testing"
)

// What the machine computes with is what New takes, and no difference between
// vectors of 8 and of 16 shows, because there is none in the results.
func TestArithmetic(t *testing.T) {
	p := NewWorkers(1)
	defer p.Close()
	want := "plain Go on " + runtime.GOARCH
	if p.backend.name != "go" {
		want = "AVX2"
	}
	if got := Arithmetic(); strings.TrimSuffix(got, " with FMA") != want {
		t.Errorf("%q, want %q", got, want)
	}
}
