package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func testCommand(run func(context.Context, *Env) error) *Command {
	var size int
	return &Command{
		Name: "oi-test",
		Help: `oi-test: be tested

Usage:
  oi-test [flags] [FILE...]

Examples:
  # why
  oi-test --size 3 < in > out

First paragraph - with a dash.

Second 'paragraph'.
`,
		Flags: func(fs *FlagSet) {
			fs.IntVarP(&size, "size", "s", 128, "make pictures of `N` [pixels]: don't ask")
			fs.String("json", "", "write JSON")
			fs.Lookup("json").NoOptDefVal = "items"
		},
		Run: run,
	}
}

func testEnv(stdout io.Writer) (*Env, *bytes.Buffer) {
	stderr := &bytes.Buffer{}
	return &Env{Stdin: strings.NewReader(""), Stdout: stdout, Stderr: stderr, Getenv: func(string) string { return "" }, Now: time.Now}, stderr
}

func TestExitCodes(t *testing.T) {
	for _, test := range []struct {
		name   string
		err    error
		code   int
		stderr string
	}{
		{"done", nil, 0, ""},
		{"failed", errors.New("no such thing"), 1, "oi-test: no such thing\n"},
		{"hint", WithHint(errors.New("no such thing"), "try another"), 1, "oi-test: no such thing\noi-test: hint: try another\n"},
		{"wrapped hint", fmt.Errorf("a: %w", WithHint(errors.New("b"), "c")), 1, "oi-test: a: b\noi-test: hint: c\n"},
		{"usage", Usagef("bad %d", 1), 2, "oi-test: bad 1\n"},
		{"joined usage", errors.Join(nil, WithHint(Usagef("bad"), "good")), 2, "oi-test: bad\noi-test: hint: good\n"},
		{"reader left", fmt.Errorf("write: %w", ErrDownstreamGone), 0, ""},
		{"reader left and more", errors.Join(ErrDownstreamGone, errors.New("disk full")), 1, "oi-test: disk full\n"},
		{"two", errors.Join(WithHint(errors.New("a"), "b"), errors.Join(nil, errors.New("c"))), 1, "oi-test: a\noi-test: hint: b\noi-test: c\n"},
		{"twice", errors.Join(errors.New("disk full"), errors.Join(errors.New("other"), errors.New("disk full"))), 1, "oi-test: disk full\noi-test: other\n"},
		{"interrupted", fmt.Errorf("x: %w", context.Canceled), 130, "oi-test: interrupted\n"},
		{"control bytes", errors.New("a\x1b[31m\nb\xff\u202e"), 1, "oi-test: a\\x1b[31m\\nb\\xff\\u202e\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			env, stderr := testEnv(io.Discard)
			code := testCommand(func(context.Context, *Env) error { return test.err }).Execute(t.Context(), env, nil)
			if code != test.code || stderr.String() != test.stderr {
				t.Errorf("got %d %q, want %d %q", code, stderr, test.code, test.stderr)
			}
		})
	}
}

func TestArguments(t *testing.T) {
	ran := func(context.Context, *Env) error { return errors.New("ran") }
	for _, test := range []struct {
		name, stdout, stderr string
		args                 []string
		tty                  bool
		min, code            int
	}{
		{name: "runs", args: []string{"x"}, code: 1, stderr: "oi-test: ran\n"},
		{name: "short help", args: []string{"-h"}, stdout: "oi-test --help says more"},
		{name: "long help", args: []string{"--help"}, stdout: "Second 'paragraph'."},
		{name: "version", args: []string{"--version"}, stdout: "oi-test "},
		{name: "too few", min: 1, code: 2, stderr: "oi-test: no NAME given\n\nUsage:\n  oi-test [flags] [FILE...]\n\nExamples:\n  # why\n  oi-test --size 3 < in > out\n\noi-test --help for all\n"},
		{name: "terminal", tty: true, code: 2, stderr: "oi-test: no input: it takes records from a pipe or a FILE, and standard input is\na terminal\n\nUsage:"},
		{name: "terminal by name", tty: true, args: []string{"x", "-"}, code: 2, stderr: "no input"},
		{name: "terminal for an argument", tty: true, min: 1, args: []string{"-", "x"}, code: 1, stderr: "oi-test: ran"},
		{name: "terminal but a file", tty: true, args: []string{"x"}, code: 1, stderr: "oi-test: ran"},
		{name: "bad kind", args: []string{"--generate", "csh"}, code: 2, stderr: "want man, bash"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var stdout bytes.Buffer
			env, stderr := testEnv(&stdout)
			env.StdinTTY = test.tty
			c := testCommand(ran)
			c.MinArgs, c.ArgName, c.Input = test.min, "NAME", "records"
			code := c.Execute(t.Context(), env, test.args)
			if code != test.code || !strings.Contains(stdout.String(), test.stdout) || !strings.Contains(stderr.String(), test.stderr) {
				t.Errorf("got %d\n%s\n%s\nwant %d %q %q", code, &stdout, stderr, test.code, test.stdout, test.stderr)
			}
		})
	}
}

func TestVerbosity(t *testing.T) {
	for flag, want := range map[string]string{"-q": "oi-test: w\n", "": "oi-test: w\noi-test: i\n", "-v": "oi-test: w\noi-test: i\noi-test: d\n"} {
		env, stderr := testEnv(io.Discard)
		args := []string{flag}
		if flag == "" {
			args = nil
		}
		testCommand(func(_ context.Context, env *Env) error {
			env.Warnf("w")
			env.Infof("i")
			env.Debugf("d")
			return nil
		}).Execute(t.Context(), env, args)
		if stderr.String() != want {
			t.Errorf("%s: got %q, want %q", flag, stderr, want)
		}
	}
}

func TestGenerated(t *testing.T) {
	for kind, want := range map[string][]string{
		"man":  {".TH OI-TEST 1 \"\" \"oi " + version(), "\\-s, \\-\\-size N", "(default 128)", "First paragraph \\- with a dash.", ".SH EXIT STATUS", ".SH ENVIRONMENT", ".SH FILES", ".SH SEE ALSO\n.BR oi\\-labels (1),"},
		"bash": {"complete -o default -F _oi_test oi-test", "--size", "-s"},
		"zsh":  {"#compdef oi-test", `'--size=[make pictures of N \[pixels\]\: don'\''t ask]:N: '`},
		"fish": {`complete -c oi-test -l size -s s -r -d 'make pictures of N [pixels]: don\'t ask'`},
		"doc":  {"package main\n", "//\toi-test --size 3 < in > out\n", "DO NOT EDIT", "//\t--json[=string]"},
	} {
		t.Run(kind, func(t *testing.T) {
			var stdout bytes.Buffer
			env, stderr := testEnv(&stdout)
			if code := testCommand(nil).Execute(t.Context(), env, []string{"--generate", kind}); code != 0 {
				t.Fatalf("exit %d: %s", code, stderr)
			}
			for _, w := range want {
				if !strings.Contains(stdout.String(), w) {
					t.Errorf("no %q in\n%s", w, &stdout)
				}
			}
			if kind != "bash" {
				return
			}
			bash, err := exec.LookPath("bash")
			if err != nil {
				t.Skip("no bash to check the completions with")
			}
			check := exec.Command(bash, "-n")
			check.Stdin = &stdout
			if out, err := check.CombinedOutput(); err != nil {
				t.Errorf("bash: %v: %s", err, out)
			}
		})
	}
}

func TestHelpThatCannotBeWritten(t *testing.T) {
	env, stderr := testEnv(failing{})
	if code := testCommand(nil).Execute(t.Context(), env, []string{"--help"}); code != 1 || !strings.Contains(stderr.String(), "full") {
		t.Errorf("got %d %q", code, stderr)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestCacheDir(t *testing.T) {
	for _, test := range []struct {
		flag, xdg, home, want string
	}{
		{"given", "/x", "/h", "given"},
		{"", "/x", "/h", "/x/oi"},
		{"", "relative", "/h", "/h/.cache/oi"},
		{"", "", "/h", "/h/.cache/oi"},
		{"", "", "", ""},
	} {
		env := &Env{Getenv: func(name string) string {
			return map[string]string{"XDG_CACHE_HOME": test.xdg, "HOME": test.home}[name]
		}}
		got, err := CacheDir(env, test.flag)
		if got != test.want || (err != nil) != (test.want == "") {
			t.Errorf("%+v: got %q, %v", test, got, err)
		}
	}
}

func TestInterruptible(t *testing.T) {
	text := strings.Repeat("0123456789", 100_000)
	for name, r := range map[string]io.Reader{
		"whole":    strings.NewReader(text),
		"halves":   iotest.HalfReader(strings.NewReader(text)),
		"with EOF": iotest.DataErrReader(strings.NewReader(text)),
	} {
		got, err := io.ReadAll(newInterruptible(t.Context(), r))
		if err != nil || string(got) != text {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}

	broken := errors.New("broken")
	r := newInterruptible(t.Context(), io.MultiReader(strings.NewReader("ab"), iotest.ErrReader(broken)))
	if got, err := io.ReadAll(r); string(got) != "ab" || !errors.Is(err, broken) {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, broken) {
		t.Errorf("the error did not stay: %v", err)
	}
}

func TestInterruptibleCancelled(t *testing.T) {
	never, w := io.Pipe()
	defer w.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	r := newInterruptible(ctx, never)
	go cancel(fmt.Errorf("%w: told to", context.Canceled))
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestCheckOutputFile(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, ok := range map[string]bool{
		plain:                          true,
		filepath.Join(dir, "new"):      true,
		filepath.Join(dir, "no", "no"): false,
		filepath.Join(plain, "below"):  false,
		dir:                            false,
		os.DevNull:                     false,
		"-":                            false,
	} {
		if err := CheckOutputFile(path); (err == nil) != ok {
			t.Errorf("%s: %v", path, err)
		}
	}
	if err := CheckOutputFile(filepath.Join(dir, ".", "plain"), "absent", plain); err == nil {
		t.Error("an output may replace an input")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("checking left files behind: %v, %v", entries, err)
	}
	if os.Geteuid() == 0 {
		return // may write anywhere
	}
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	if err := CheckOutputFile(plain); !errors.Is(err, os.ErrPermission) {
		t.Errorf("read-only folder: %v", err)
	}
}

func TestFromEnv(t *testing.T) {
	for _, test := range []struct {
		variable, arg string
		code          int
		stderr        string
	}{
		{"", "", 1, "oi-test: 128\n"},
		{"7", "", 1, "oi-test: 7\n"},
		{"7", "--size=9", 1, "oi-test: 9\n"},
		{"seven", "", 2, "oi-test: $OI_SIZE: "},
	} {
		var size int
		c := testCommand(func(context.Context, *Env) error { return fmt.Errorf("%d", size) })
		c.Flags = func(fs *FlagSet) {
			fs.IntVar(&size, "size", 128, "make pictures of `N` pixels")
			FromEnv(fs, "size", "OI_SIZE")
		}
		env, stderr := testEnv(io.Discard)
		env.Getenv = func(name string) string { return map[string]string{"OI_SIZE": test.variable}[name] }
		var args []string
		if test.arg != "" {
			args = append(args, test.arg)
		}
		if code := c.Execute(t.Context(), env, args); code != test.code || !strings.HasPrefix(stderr.String(), test.stderr) {
			t.Errorf("%+v: %d %q", test, code, stderr)
		}
	}
}

func TestWriteCancelled(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	ctx, cancel := context.WithCancel(t.Context())
	o := &outputFile{ctx: ctx, file: w}
	go cancel()
	for range 2 {
		if _, err := o.Write(make([]byte, 4<<20)); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
}

func TestWriteAfterCancel(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o := &outputFile{ctx: ctx, file: file}
	if n, err := o.Write([]byte("last words")); n != 10 || err != nil {
		t.Errorf("%d, %v: what is said after an interrupt must be written", n, err)
	}
}

func TestOverwrites(t *testing.T) {
	open := func(name string) *os.File {
		file, err := os.OpenFile(filepath.Join(t.TempDir(), name), os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { file.Close() })
		return file
	}
	out, other := open("out"), open("other")
	again, err := os.Open(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	env := &Env{Stdout: &outputFile{file: out}}
	for name, test := range map[string]struct {
		r    io.Reader
		want bool
	}{
		"same file": {again, true}, "same file as standard input": {newInterruptible(t.Context(), again), true},
		"other file": {other, false}, "no file": {strings.NewReader(""), false},
	} {
		if got := env.Overwrites(test.r); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// A stage that has counted says so in one line, however it ended.
func TestSummary(t *testing.T) {
	for _, test := range []struct {
		err   error
		quiet bool
		want  string
	}{
		{nil, false, "oi-test: 3 in, 2 out\n"},
		{nil, true, ""},
		{ErrDownstreamGone, false, "oi-test: 3 in, 2 out\n"},
		{errors.New("disk full"), false, "oi-test: 3 in, 2 out\noi-test: disk full\n"},
		{context.Canceled, false, "oi-test: interrupted after 3 in, 2 out\n"},
		{WithHint(context.Canceled, "go on"), false, "oi-test: interrupted after 3 in, 2 out\noi-test: hint: go on\n"},
		{context.Canceled, true, "oi-test: interrupted\n"},
	} {
		env, stderr := testEnv(io.Discard)
		args := []string{"-q"}[:map[bool]int{true: 1}[test.quiet]]
		testCommand(func(_ context.Context, env *Env) error {
			env.Summary = "3 in, 2 out"
			return test.err
		}).Execute(t.Context(), env, args)
		if stderr.String() != test.want {
			t.Errorf("%v: %q, want %q", test.err, stderr, test.want)
		}
	}
}

// After an interrupt of all stages nobody blames the one before; other
// failures are still told.
func TestAfterInterrupt(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{BlameUpstream(errors.New("cut")), "oi-test: interrupted\n"},
		{errors.Join(fmt.Errorf("x: %w", BlameUpstream(errors.New("cut"))), nil), "oi-test: interrupted\n"},
		{WithHint(BlameUpstream(errors.New("cut")), "go on"), "oi-test: interrupted\noi-test: hint: go on\n"},
		{ErrDownstreamGone, "oi-test: interrupted\n"}, // for the same reason
		{errors.Join(ErrDownstreamGone, errors.New("disk full")), "oi-test: disk full\n"},
		{errors.New("disk full"), "oi-test: disk full\n"},
	} {
		env, stderr := testEnv(io.Discard)
		env.Name = "oi-test"
		testCommand(nil).report(env, afterInterrupt(test.err))
		if stderr.String() != test.want {
			t.Errorf("%v: %q, want %q", test.err, stderr, test.want)
		}
	}
}

// A line that is written where a longer one stands, such as another stage's
// progress bar, leaves nothing of that; a file has lines alone.
func TestErasesLine(t *testing.T) {
	for terminal, want := range map[bool]string{false: "a\n", true: "\x1b[Ka\n"} {
		var b bytes.Buffer
		if n, err := (&lockedWriter{w: &b, terminal: terminal}).Write([]byte("a\n")); n != 2 || err != nil || b.String() != want {
			t.Errorf("%v: %d, %v, %q", terminal, n, err, b.String())
		}
	}
}
