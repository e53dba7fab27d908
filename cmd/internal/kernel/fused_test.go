package kernel

import (
	"os/exec"
	"strings"
	"testing"
)

// TestNotFused looks at what the compiler makes of the references that must
// have the same bits everywhere, for a processor on which it fuses what it may.
func TestNotFused(t *testing.T) {
	build := exec.Command("go", "build", "-gcflags=-S", ".")
	build.Env = append(build.Environ(), "GOARCH=arm64", "GOOS=linux", "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	unseen := map[string]bool{}
	for _, name := range []string{
		"tile64", "tiles64Ref", "standardize64Ref", "unaryRef", "horner", "exp32", "sigmoid32", "tanh32", "erf32",
		"binaryRef", "scaleBytesRef", "totalRef", "squaresRef", "layerNormRef", "poolRef",
	} {
		unseen[name] = true
	}
	inside, fused := "", false
	for line := range strings.Lines(string(out)) {
		if name, _, ok := strings.Cut(line, " STEXT "); ok {
			inside = name[strings.LastIndexByte(name, '.')+1:]
			if _, ok := unseen[inside]; !ok {
				inside = ""
			}
			delete(unseen, inside)
		}
		if strings.Contains(line, "\tFMADD") || strings.Contains(line, "\tFMSUB") || strings.Contains(line, "\tFNMADD") || strings.Contains(line, "\tFNMSUB") {
			fused = true
			if inside != "" {
				t.Errorf("%s: a product isn't rounded: %s", inside, line)
			}
		}
	}
	if len(unseen) > 0 || !fused {
		t.Errorf("the listing lacks %v, or any fused operation", unseen)
	}
}
