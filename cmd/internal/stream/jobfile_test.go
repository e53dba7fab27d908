package stream

import (
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cli"
)

func TestAddJobFile(t *testing.T) {
	for _, tt := range []struct {
		path, job string
		part, ok  bool
	}{
		{"failed.json", "", false, true},
		{"failed.json", "", true, false},
		{"failed.json", "3", true, false},
		{"failed3.json", "3", true, true},
		{"failed3.json", "", true, false},
		{"failed13.json", "3", true, false},
		{"failed31.json", "3", true, false},
		{"3/failed.json", "3", true, true},
		{"failed-12.json", "12", true, true},
		{"failed/", "3", true, true},
		{t.TempDir(), "3", true, true},
		{"", "3", true, true},
	} {
		env := &cli.Env{Getenv: func(name string) string { return map[string]string{"PARALLEL_SEQ": tt.job}[name] }}
		err := (&Flags{Part: tt.part}).AddJobFile(env, "--failures", tt.path)
		if (err == nil) != tt.ok {
			t.Errorf("%q, job %q: %v", tt.path, tt.job, err)
		}
	}
}
