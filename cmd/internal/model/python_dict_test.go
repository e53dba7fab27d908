package model

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/oitest"
)

func TestPythonDict(t *testing.T) {
	for want, names := range map[string][]string{
		`{0: 'Hamburger', 1: 'Sandwich'}`:           {"Hamburger", "Sandwich"},
		`{0: "Shepherd's pie", 1: 'He said "eat"'}`: {"Shepherd's pie", `He said "eat"`},
		`{0: '\'"\\', 1: 'Käse 日本'}`:                {`'"\`, "Käse 日本"},
		`{0: 'a\x0ab\x1b\u202e\U000e0001'}`:         {"a\nb\x1b\u202e\U000e0001"},
	} {
		if got := pythonDict(names); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// Python reads the names as they are.
func TestPythonReadsDict(t *testing.T) {
	python := oitest.Python(t)
	names := []string{"Hamburger", "", "'", `"`, `'"`, `\`, `\n`, "\n\r\t\x00\x7f\u0085\u00a0\u2028", "{0: 'a'}", "日本 🍔", "\U000e0001\ufeff", "# no comment", "%s", "{}"}
	for r := rune(1); r < 0x3000; r += 7 {
		names = append(names, "a"+string(r)+"b")
	}
	cmd := exec.Command(python, "-c", "import ast, json, sys\nprint(json.dumps(list(ast.literal_eval(sys.stdin.read()).items())))")
	cmd.Stdin = strings.NewReader(pythonDict(names))
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var pairs [][2]any
	if err := json.Unmarshal(out, &pairs); err != nil {
		t.Fatal(err)
	}
	got := make([]string, len(pairs))
	for i, pair := range pairs {
		if pair[0] != float64(i) {
			t.Errorf("key %v where %d was expected", pair[0], i)
		}
		got[i], _ = pair[1].(string)
	}
	if !slices.Equal(got, names) {
		t.Errorf("got %q, want %q", got, names)
	}
}
