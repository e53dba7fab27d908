//go:build unix

package pipetest

import (
	"bytes"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/creack/pty"
)

// terminalWidths are those of a narrow, a usual and a wide terminal, and of
// what text is wrapped at there.
func terminalWidths() map[uint16]int { return map[uint16]int{60: 60, 80: 80, 120: 96} }

// onTerminal runs a command whose three streams are a terminal of so many
// columns, and returns what it shows and its exit code.
func onTerminal(t *testing.T, columns uint16, home, name string, args ...string) (string, int) {
	t.Helper()
	c := exec.CommandContext(t.Context(), name, args...)
	c.Dir, c.Env = home, environment(home)
	terminal, err := pty.StartWithSize(c, &pty.Winsize{Rows: 24, Cols: columns})
	if err != nil {
		t.Skip("no pseudo-terminal: ", err)
	}
	defer terminal.Close()
	var shown bytes.Buffer
	// Linux ends a terminal that nobody writes to any more with EIO.
	if _, err := io.Copy(&shown, terminal); err != nil && !errors.Is(err, syscall.EIO) {
		t.Error(err)
	}
	err = c.Wait()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return strings.ReplaceAll(shown.String(), "\r\n", "\n"), c.ProcessState.ExitCode()
}

func tool(name string) string { return filepath.Join(shared.bin, name) }

// longest returns the longest line that could have been broken, in columns.
func longest(text string) int {
	quoted := regexp.MustCompile(`'[^']*'`)
	n := 0
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		words := strings.TrimSpace(strings.TrimSuffix(quoted.ReplaceAllString(line, "quoted"), ` \`))
		if strings.Contains(words, " ") {
			n = max(n, utf8.RuneCountInString(line))
		}
	}
	return n
}

// TestHelpOnTerminal: help is as wide as the terminal, within reason.
func TestHelpOnTerminal(t *testing.T) {
	for _, name := range tools() {
		for columns, want := range terminalWidths() {
			for _, flag := range []string{"--help", "-h"} {
				text, code := onTerminal(t, columns, t.TempDir(), tool(name), flag)
				if n := longest(text); code != 0 || n > want || flag == "--help" && n < want-8 {
					t.Errorf("%s %s on %d columns: exit %d, %d columns wide, want %d or a little less\n%s", name, flag, columns, code, n, want, text)
				}
			}
		}
		piped, err := exec.Command(tool(name), "--help").Output()
		if n := longest(string(piped)); err != nil || n > 80 {
			t.Errorf("%s --help into a pipe: %v, %d columns wide", name, err, n)
		}
	}
}

// TestUsageOnTerminal: a call that lacks something shows what, with two
// examples, and not the whole help.
func TestUsageOnTerminal(t *testing.T) {
	for name, want := range map[string]string{
		"oi-boxes": "no CLASS given", "oi-fetch": "no input: it takes what oi-boxes writes", "oi-crop": "no input: it takes what oi-fetch writes",
		"oi-augment": "no input: it takes what oi-crop writes", "oi-train": "no input: it takes what oi-crop or oi-augment writes", "oi-eval": "no MODEL given",
		"oi-eval model.onnx": "no input: it takes pictures, or what oi-crop writes,", "oi-eval model.onnx -": "no input: it takes pictures", "oi-crop -": "no input",
	} {
		args := strings.Fields(name)
		for columns, width := range terminalWidths() {
			text, code := onTerminal(t, columns, t.TempDir(), tool(args[0]), args[1:]...)
			lines := strings.Split(strings.TrimSpace(text), "\n")
			examples := 0
			for _, line := range lines {
				if strings.HasPrefix(line, "  oi-") {
					examples++
				}
			}
			if code != 2 || !strings.HasPrefix(text, args[0]+": no ") || !strings.Contains(strings.Join(strings.Fields(text), " "), want) || len(lines) > 20 ||
				examples != 3 || slices.Index(lines, args[0]+" --help for all") != len(lines)-1 || longest(text) > width {
				t.Errorf("%s on %d columns: exit %d\n%s", name, columns, code, text)
			}
		}
	}
}
