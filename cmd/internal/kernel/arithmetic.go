package kernel

import (
	"runtime"

	"golang.org/x/sys/cpu"
)

// Arithmetic says in words what NewWorkers computes with on this machine, such
// as "AVX2" or "plain Go on arm64". On machines of which it says the same,
// programs built by the same Go come to the same bits; AVX-512 comes to those
// of AVX2.
func Arithmetic() string {
	if available()[0].name != goBackend().name {
		return "AVX2"
	}
	text := "plain Go on " + runtime.GOARCH
	if cpu.X86.HasFMA { // by which math.Exp goes
		text += " with FMA"
	}
	return text
}
