package cli

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestWrap(t *testing.T) {
	long := strings.Repeat("ä ", 100)
	want := strings.TrimSpace(strings.Repeat("ä ", 40)) + "\n"
	want += want + strings.TrimSpace(strings.Repeat("ä ", 20)) + "\n\nsecond paragraph\n\n  kept  as\n  it is\n"
	if got := wrap("\n"+long+"\n\nsecond\n paragraph\n\n  kept  as\n  it is\n", 79); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A wrapped command must be the same one to a shell: only line ends after a |
// and after a backslash are added, none of them within quotes.
func TestWrapShell(t *testing.T) {
	for _, command := range []string{
		"oi-labels",
		"oi-boxes Hamburger Sandwich | oi-fetch | oi-crop | oi-augment --epochs 0 | oi-train -o burger",
		`jq -r 'select(.failure) | .failure | "\(.source) \(.status) \(.reason)"' failed.json | sort | uniq -c`,
		`oi-labels --counts --subset validation Food/ | sort -t "$(printf '\t')" -k 3nr | head`,
		"oi-boxes --without Rocket --depiction no --balance Vehicle/ Animal/ > boxes.oi",
	} {
		for _, width := range []int{1, 20, 40, 56, 60, 80, 200} {
			lines := wrapShell(command, width)
			text := strings.Join(lines, "\n")
			back := strings.ReplaceAll(strings.ReplaceAll(text, " \\\n    ", " "), "|\n    ", "| ")
			if back != command {
				t.Errorf("%d: %q became\n%s", width, command, text)
			}
			for _, line := range lines {
				words := shellWords(strings.TrimSuffix(strings.TrimSpace(line), ` \`))
				if utf8.RuneCountInString(line) > width && len(words) > 1 && !(len(words) == 2 && words[1] == "|") {
					t.Errorf("%d: too long: %s", width, line)
				}
				if strings.Count(line, "'")%2 != 0 {
					t.Errorf("%d: broken within quotes: %s", width, line)
				}
				if strings.HasSuffix(line, `> \`) {
					t.Errorf("%d: a redirection away from its file: %s", width, line)
				}
			}
		}
	}
}

func TestHelpWidth(t *testing.T) {
	for columns, want := range map[int]int{0: 80, 40: 60, 60: 60, 72: 72, 80: 80, 96: 96, 120: 96, 1000: 96} {
		var stdout bytes.Buffer
		env, _ := testEnv(&stdout)
		env.StdoutColumns = columns
		c := testCommand(nil)
		c.Help += "\n" + strings.Repeat("word ", 100)
		if code := c.Execute(t.Context(), env, []string{"--help"}); code != 0 {
			t.Fatalf("exit %d", code)
		}
		longest := 0
		for line := range strings.Lines(stdout.String()) {
			longest = max(longest, len(strings.TrimRight(line, "\n")))
		}
		if longest > want || longest <= want-len(" word") {
			t.Errorf("%d columns: the longest line has %d, want %d or a little less", columns, longest, want)
		}
	}
}

func TestParseHelp(t *testing.T) {
	good := testCommand(nil).Help
	text, err := parseHelp("oi-test", good+"\n{{more}} text\n", map[string]string{"more": "More"})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%q", text); got != `{"be tested" "[FILE...]" [{"why" "oi-test --size 3 < in > out"}] "First paragraph - with a dash.\n\nSecond 'paragraph'.\n\nMore text"}` {
		t.Error(got)
	}
	for _, bad := range []string{
		"", good + "{{more}}", strings.Replace(good, "oi-test:", "oi-other:", 1), strings.Replace(good, "Usage:", "Use:", 1), strings.Replace(good, "Examples:", "Example:", 1),
	} {
		if _, err := parseHelp("oi-test", bad, nil); err == nil {
			t.Errorf("no error for %q", bad)
		}
		c := testCommand(nil)
		c.Help = bad
		env, stderr := testEnv(io.Discard)
		if code := c.Execute(t.Context(), env, []string{"--help"}); code != 1 || !strings.Contains(stderr.String(), "help text") {
			t.Errorf("--help of %q: %d %s", bad, code, stderr)
		}
	}
}
