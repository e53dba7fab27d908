package report

import (
	"runtime"
	"runtime/debug"

	"golang.org/x/sys/cpu"
)

// Code is the program that made a model.
type Code struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified,omitempty"`
}

// Environment is what the program ran on.
type Environment struct {
	Go       string   `json:"go"`
	Platform string   `json:"platform"`
	CPU      []string `json:"cpu,omitempty"` // the features that arithmetic may use
	Seed     uint64   `json:"seed"`
}

// ThisCode describes the running program, whose version is given.
func ThisCode(version string) Code {
	code := Code{Version: version}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return code
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			code.Revision = s.Value
		case "vcs.modified":
			code.Modified = s.Value == "true"
		}
	}
	return code
}

// ThisEnvironment describes where the running program runs.
func ThisEnvironment(seed uint64) Environment {
	e := Environment{Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Seed: seed}
	for _, f := range []struct {
		name string
		has  bool
	}{{"avx2", cpu.X86.HasAVX2}, {"fma", cpu.X86.HasFMA}, {"avx512f", cpu.X86.HasAVX512F}, {"asimd", cpu.ARM64.HasASIMD}} {
		if f.has {
			e.CPU = append(e.CPU, f.name)
		}
	}
	return e
}
