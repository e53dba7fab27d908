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
// columns, and returns the text that it shows and its exit code.
func onTerminal(t *testing.T, columns uint16, home, name string, args ...string) (string, int) {
	t.Helper()
	text, code := interrupted(t, "", columns, home, name, args...)
	return strings.ReplaceAll(text, "\x1b[K", ""), code
}

// interrupted is onTerminal where somebody presses Ctrl-C once at has been
// shown, unless that is empty. It returns all that is sent to the terminal.
// Ctrl-C throws away what is written and not yet shown, be it the end of a line,
// and puts its echo anywhere: scripts say stty noflsh, and -echo.
func interrupted(t *testing.T, at string, columns uint16, home, name string, args ...string) (string, int) {
	t.Helper()
	c := exec.CommandContext(t.Context(), name, args...)
	c.Dir, c.Env = home, append(environment(home), "DATA="+shared.data)
	return interruptedCommand(t, at, columns, c)
}

// interruptedCommand is interrupted for any command.
func interruptedCommand(t *testing.T, at string, columns uint16, c *exec.Cmd) (string, int) {
	t.Helper()
	terminal, err := pty.StartWithSize(c, &pty.Winsize{Rows: 24, Cols: columns})
	if err != nil {
		t.Skip("no pseudo-terminal: ", err)
	}
	defer terminal.Close()
	var shown bytes.Buffer
	buf := make([]byte, 4096)
	for {
		n, err := terminal.Read(buf)
		shown.Write(buf[:n])
		if at != "" && strings.Contains(shown.String(), at) {
			if _, err := terminal.WriteString("\x03"); err != nil {
				t.Fatal(err)
			}
			at = ""
		}
		// Linux ends a terminal that nobody writes to any more with
		// EIO.
		if errors.Is(err, io.EOF) || errors.Is(err, syscall.EIO) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
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

// TestInterruptOnTerminal: Ctrl-C reaches all stages, and none blames the one
// before, which ended for the same reason.
func TestInterruptOnTerminal(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash")
	}
	const waiting = `stty noflsh; mkfifo items; exec 3<>items; echo '{"id":"a","image":{}}' >&3
		oi-fetch -v --offline <items | oi-crop | oi-augment --epochs 0 | oi-train -o model`
	for range 5 {
		text, _ := interrupted(t, "skipped a", 80, t.TempDir(), bash, "-c", waiting)
		if strings.Contains(text, "stage before") || strings.Contains(text, "end") || strings.Contains(text, "--resume") || !strings.Contains(text, ": interrupted") {
			t.Errorf("while they wait:\n%s", text)
		}
	}
	for columns := range terminalWidths() {
		home := t.TempDir()
		text, code := interrupted(t, "oi-train: epoch   2/", columns, home, bash, "-c", "stty noflsh; oi-augment --epochs 0 $DATA/crops.oi | oi-train --arch reference --patience 200 --epochs 200 -o model")
		if code != 130 || strings.Contains(text, "stage before") || !strings.Contains(text, "oi-train: hint: the same command with --resume goes on after epoch ") || strings.Contains(text, "oi-train: next:") {
			t.Errorf("%d columns: exit %d\n%s", columns, code, text)
		}
		if !exists(filepath.Join(home, "model.ckpt")) || !exists(filepath.Join(home, "model.onnx")) {
			t.Error("nothing to go on from")
		}
	}
}

// TestInterruptEachStage: whichever stage is at work, each that has not ended
// yet says in one line that it was interrupted, and nobody says more.
func TestInterruptEachStage(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash")
	}
	stages := []string{"oi-boxes", "oi-fetch", "oi-crop", "oi-train"}
	const pipe = "stty noflsh; oi-boxes --dataset sample Food/ | oi-fetch | oi-crop --size 64 | oi-train --epochs 200 -o model"
	for _, stage := range stages {
		text, code := interrupted(t, stage+": ", 80, t.TempDir(), bash, "-c", pipe)
		_, after, found := strings.Cut(text, "^C")
		if code != 130 || !found {
			t.Errorf("%s: exit %d\n%s", stage, code, text)
		}
		for _, name := range stages {
			n := 0
			for line := range strings.Lines(after) {
				if strings.Contains(line, name+": ") && !strings.Contains(line, " records") { // progress may come in between
					n++
					if !strings.Contains(line, name+": interrupted") {
						t.Errorf("interrupted at %s: %s", stage, line)
					}
				}
			}
			if n != 1 {
				t.Errorf("interrupted at %s: %d lines of %s\n%s", stage, n, name, after)
			}
		}
	}
}

// TestProgressOnTerminal: progress tells what is known in one line, which never
// wraps, and nothing of the bar is left on the screen, not beside the lines of
// other stages either.
func TestProgressOnTerminal(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash")
	}
	const pipe = `stty noflsh -echo; oi-boxes --dataset sample --limit 120 Hamburger Sandwich | oi-fetch -j 1 | oi-crop --size 48 >crops
		oi-augment --epochs 200 crops | oi-train --arch reference --patience 200 --epochs 200 -o model`
	for columns, forms := range map[uint16][]string{
		60:  {`^oi-\w+: \d+ of \d+ (records )?\(\d+%\), \d+/s, [\dhms]+ left$`, `^oi-train: epoch   1/200  val_acc \d\.\d{4}  [\dhms]+ left  best$`},
		80:  {`^oi-\w+: \d+ of \d+ (records )?\(\d+%\), \d+/s, [\dhms]+ left$`, `^oi-train: epoch   1/200  val_loss \d\.\d{4}  val_acc \d\.\d{4}  [\dhms]+ left  best$`},
		120: {`^oi-\w+: \d+ of \d+ (records|items written) \(\d+%\), \d+/s, [\dhms]+ left$`, `^oi-train: epoch   1/200  train_loss \d\.\d{4}  train_acc \d\.\d{4}  val_loss \d\.\d{4}  val_acc \d\.\d{4}  [\dhms]+ left  best$`},
	} {
		text, _ := interrupted(t, "oi-train: epoch   6/", columns, t.TempDir(), bash, "-c", pipe)
		s := newScreen(int(columns))
		if unknown := s.show(strings.ReplaceAll(text, "\n", "\r\n")); len(unknown) > 0 {
			t.Errorf("%d columns: sent %q", columns, unknown)
		}
		lines := s.text()
		progress := regexp.MustCompile(`oi-\w+: (\d+ (of|records|items)|epoch) `)
		for i, line := range lines {
			if strings.Contains(line, "[#") || strings.Contains(line, "[.") || i+1 < len(lines) && s.wraps[i+1] && progress.MatchString(line) {
				t.Errorf("%d columns: %s\n%s", columns, line, strings.Join(lines, "\n"))
			}
		}
		if !strings.Contains(text, "epoch 2/200  [") {
			t.Errorf("%d columns: no bar\n%s", columns, text)
		}
		for _, form := range forms {
			if !slices.ContainsFunc(lines, regexp.MustCompile(form).MatchString) {
				t.Errorf("%d columns: nothing like %s\n%s", columns, form, strings.Join(lines, "\n"))
			}
		}
	}
}

// TestNextOnTerminal: a run that has ended well says what to do next, as it is
// to be typed.
func TestNextOnTerminal(t *testing.T) {
	text, code := onTerminal(t, 80, t.TempDir(), tool("oi-train"), "--arch", "reference", "--epochs", "1", "-o", "my model", filepath.Join(shared.data, "crops.oi"))
	if code != 0 || !strings.Contains(text, "oi-train: next: oi-eval 'my model.onnx' PHOTO.jpg asks it; 'my model.html' is the report, for a browser\n") {
		t.Errorf("exit %d\n%s", code, text)
	}
}
