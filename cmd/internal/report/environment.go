package report

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"golang.org/x/sys/cpu"

	"github.com/opensandwich/oi/cmd/internal/kernel"
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
	// Arithmetic is what was computed with, see kernel.Arithmetic; "" in
	// reports of older versions.
	Arithmetic string `json:"arithmetic,omitempty"`
	Seed       uint64 `json:"seed"`
}

// OtherArithmetic says in words that an earlier environment computed otherwise,
// so that equal training comes to other weights, "" if it did not or nothing is
// known of it.
func (e Environment) OtherArithmetic(then Environment) string {
	was, is := then.arithmetic(), e.arithmetic()
	if was == "" || was == is {
		return ""
	}
	return fmt.Sprintf("it was computed with %s, here it is with %s: sums differ in their last bits, and so, in the end, do weights", was, is)
}

// arithmetic is Arithmetic, or what it must have been.
func (e Environment) arithmetic() string {
	if e.Arithmetic != "" || e.Platform == "" {
		return e.Arithmetic
	}
	has := func(feature string) bool { return slices.Contains(e.CPU, feature) }
	_, arch, _ := strings.Cut(e.Platform, "/")
	switch {
	case arch == "amd64" && has("avx2") && has("fma"):
		return "AVX2"
	case has("fma"):
		return "plain Go on " + arch + " with FMA"
	}
	return "plain Go on " + arch
}

// String says it in words.
func (c Code) String() string {
	text := cmp.Or(c.Version, "no version")
	if c.Revision != "" {
		text += ", revision " + c.Revision
	}
	if c.Modified {
		text += " with changes of its own"
	}
	return text
}

// Changes says in words how the code differs from an earlier one, "" if it does
// not.
func (c Code) Changes(then Code) string {
	switch {
	case c != then:
		return fmt.Sprintf("%v, now %v", then, c)
	case c.Modified:
		return fmt.Sprintf("%v, which may not be the same then and now", c)
	}
	return ""
}

// Changes says in words how the environment differs from an earlier one, "" if
// it does not. The seed is left to the options.
func (e Environment) Changes(then Environment) string {
	var changes []string
	for _, part := range []struct{ name, then, now string }{
		{"", then.Go, e.Go}, {"", then.Platform, e.Platform},
		{"CPU with ", strings.Join(then.CPU, " "), strings.Join(e.CPU, " ")},
	} {
		if part.then != part.now {
			changes = append(changes, fmt.Sprintf("%s%s, now %s", part.name, cmp.Or(part.then, "none"), cmp.Or(part.now, "none")))
		}
	}
	if other := e.OtherArithmetic(then); other != "" {
		changes = append(changes, other)
	} else if len(changes) > 0 && then.arithmetic() != "" {
		changes = append(changes, "both compute with "+e.arithmetic())
	}
	return strings.Join(changes, "; ")
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
	e := Environment{Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Arithmetic: kernel.Arithmetic(), Seed: seed}
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
