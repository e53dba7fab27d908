package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// FlagSet is the set a command registers its flags on.
type FlagSet = pflag.FlagSet

// A Command is one binary.
type Command struct {
	Name string // "oi-crop"
	// Help is the text of --help, as parseHelp reads it, and HelpParts are
	// texts that {{name}} stands for there.
	Help      string
	HelpParts map[string]string
	// Flags registers the command's flags.
	Flags func(*FlagSet)
	// Run does the work. It returns when ctx is cancelled.
	Run func(ctx context.Context, env *Env) error
	// Input is what a command that reads records takes, in words: a
	// terminal as standard input, with no FILE to read from, is then an
	// error of usage instead of a wait.
	Input string
	// InputUnused, if set, says that the flags ask for something that reads
	// no input, so that a terminal will do.
	InputUnused func() bool
	// MinArgs is the number of arguments that must be given, and ArgName
	// what they are called. NoMinArgs, if set, says that the flags ask for
	// something that needs none of them.
	MinArgs   int
	ArgName   string
	NoMinArgs func() bool
	// Instead says how to ask for what other programs have a flag for, and
	// this one has none.
	Instead []Instead
	// Files is how the names of the files end that the arguments may be,
	// without the dot, for completion, and FirstFiles the same for the
	// first argument where that is of another kind.
	Files, FirstFiles []string
}

// Exit codes.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 128 // plus the signal's number
)

// signalDelay is how much later than the stage before a command may be told to
// stop: whoever stops a pipe may do so stage by stage, and the system wakes one
// process after the other.
const signalDelay = 200 * time.Millisecond

// Main runs the command as the process and exits.
func Main(c *Command) {
	// net/http writes of servers that send bytes nobody asked for.
	log.SetOutput(io.Discard)
	os.Exit(c.process())
}

// process connects the command to the process's own streams and signals.
func (c *Command) process() int {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM)
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // the write returns EPIPE instead, and defers run
	if !signal.Ignored(syscall.SIGINT) {                    // as it is for a script's background jobs
		signal.Notify(signals, syscall.SIGINT)
	}
	var caught atomic.Int32
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		for s := range signals {
			number := s.(syscall.Signal)
			if !caught.CompareAndSwap(0, int32(number)) {
				os.Exit(exitInterrupted + int(number)) // asked twice: leave at once
			}
			cancel(fmt.Errorf("%w: %s", context.Canceled, number))
		}
	}()

	widenPipe(os.Stdin)
	widenPipe(os.Stdout)
	stdout := &outputFile{ctx: ctx, file: os.Stdout}
	env := &Env{
		Stdin:         newInterruptible(ctx, os.Stdin),
		Stdout:        stdout,
		Stderr:        &lockedWriter{w: os.Stderr, terminal: erases(os.Stderr) && os.Getenv("TERM") != "dumb"},
		StdinTTY:      term.IsTerminal(int(os.Stdin.Fd())),
		StdoutTTY:     term.IsTerminal(int(os.Stdout.Fd())),
		StderrTTY:     term.IsTerminal(int(os.Stderr.Fd())),
		StdoutColumns: columns(os.Stdout),
		StderrColumns: columns(os.Stderr),
		Getenv:        os.Getenv,
		Now:           time.Now,
		ctx:           ctx,
	}
	env.Name, env.Version = c.Name, version()
	err := c.execute(ctx, env, os.Args[1:])
	// A signal to all of a pipe may end the stage before sooner than it is
	// heard of here.
	if blamesUpstream(err) {
		select {
		case <-ctx.Done():
		case <-time.After(signalDelay):
		}
	}
	signal.Stop(signals)
	close(signals)
	<-heard
	if caught.Load() != 0 {
		err = afterInterrupt(err)
	}
	code := c.report(env, err)
	if err := os.Stdout.Close(); err != nil && code == exitOK && !stdout.gone() {
		env.Warnf("close standard output: %v", err)
		code = exitFailed
	}
	if s := caught.Load(); s != 0 && code != exitUsage {
		return exitInterrupted + int(s)
	}
	return code
}

// columns returns the width of the terminal that file is, 0 where it is none or
// does not tell.
func columns(file *os.File) int {
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// Execute parses args, runs the command in env and returns the exit code.
// Errors are printed to env.Stderr.
func (c *Command) Execute(ctx context.Context, env *Env, args []string) int {
	env.Name, env.Version = c.Name, version()
	return c.report(env, c.execute(ctx, env, args))
}

func (c *Command) execute(ctx context.Context, env *Env, args []string) error {
	flags, common := c.flagSet()
	if err := c.parse(flags, args); err != nil {
		return err
	}
	if err := fromEnvironment(flags, env.Getenv); err != nil {
		return err
	}
	env.Args, env.Quiet, env.Verbose = flags.Args(), common.quiet, common.verbose
	switch {
	case common.help:
		return c.writeHelp(env.Stdout, flags, longHelp, textWidth(env.StdoutColumns))
	case common.short:
		return c.writeHelp(env.Stdout, flags, shortHelp, textWidth(env.StdoutColumns))
	case common.version:
		_, err := fmt.Fprintf(env.Stdout, "%s %s\n", c.Name, fullVersion())
		return err
	case common.generate != "":
		return c.generate(env.Stdout, flags, common.generate)
	case len(env.Args) < c.minArgs():
		return c.missing(env, "no "+c.ArgName+" given")
	case c.waitsForTerminal(env):
		return c.missing(env, "no input: it takes "+c.Input+" from a pipe or a FILE, and standard input is a terminal")
	}
	return c.Run(ctx, env)
}

// waitsForTerminal says that the command would wait for records that nobody
// can type.
func (c *Command) waitsForTerminal(env *Env) bool {
	if c.Input == "" || !env.StdinTTY || c.InputUnused != nil && c.InputUnused() {
		return false
	}
	least := c.minArgs()
	return len(env.Args) == least || slices.Contains(env.Args[least:], "-")
}

// minArgs is the number of arguments that must be given with the flags.
func (c *Command) minArgs() int {
	if c.NoMinArgs != nil && c.NoMinArgs() {
		return 0
	}
	return c.MinArgs
}

// report prints the error, if there is something to say, and turns it into
// an exit code.
func (c *Command) report(env *Env, err error) int {
	interrupted := errors.Is(err, context.Canceled) && !errors.Is(err, errPrinted)
	if env.Summary != "" && !interrupted {
		env.Infof("%s", env.Summary)
	}
	switch {
	case err == nil, onlyGone(err):
		return exitOK
	case errors.Is(err, errPrinted):
	case interrupted:
		after := ""
		if env.Summary != "" && !env.Quiet {
			after = " after " + env.Summary
		}
		env.Warnf("interrupted%s", after)
		if hint := hintOf(err); hint != "" {
			env.Warnf("hint: %s", hint)
		}
		return exitInterrupted + int(syscall.SIGINT)
	default:
		said := map[[2]string]bool{} // a full disk fails a write, and the flush after it
		for _, e := range joined(err) {
			hint := hintOf(e)
			line := [2]string{e.Error(), hint}
			if onlyGone(e) || said[line] {
				continue
			}
			said[line] = true
			env.Warnf("%v", e)
			if hint != "" {
				env.Warnf("hint: %s", hint)
			}
		}
	}
	var usage *usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailed
}

type commonFlags struct {
	help, short, version, quiet, verbose bool
	generate                             string
}

// flagSet returns the command's flags followed by those all commands share.
func (c *Command) flagSet() (*FlagSet, *commonFlags) {
	set := pflag.NewFlagSet(c.Name, pflag.ContinueOnError)
	set.SortFlags = false
	set.SetOutput(io.Discard)
	set.Usage = func() {}
	if c.Flags != nil {
		c.Flags(set)
	}
	common := &commonFlags{}
	set.BoolVarP(&common.quiet, "quiet", "q", false, "say nothing but warnings and errors")
	set.BoolVarP(&common.verbose, "verbose", "v", false, "say more, such as each record that is skipped and why")
	set.BoolVarP(&common.short, "h", "h", false, "show short help")
	set.BoolVar(&common.help, "help", false, "show long help")
	set.BoolVar(&common.version, "version", false, "show the version")
	set.StringVar(&common.generate, "generate", "", "print a man page, the completions of a shell or doc.go: `man|bash|zsh|fish|doc`")
	set.Lookup("h").Hidden = true
	return set, common
}

func fromEnvironment(fs *FlagSet, getenv func(string) string) error {
	var errs []error
	fs.VisitAll(func(f *pflag.Flag) {
		names := f.Annotations[variable]
		if f.Changed || len(names) == 0 {
			return
		}
		if value := getenv(names[0]); value != "" {
			if err := fs.Set(f.Name, value); err != nil {
				errs = append(errs, Usagef("$%s: %w", names[0], err))
			}
		}
	})
	return errors.Join(errs...)
}

// lockedWriter lets goroutines write whole lines.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
	// terminal says that w is one that can erase. The last stage of a pipe
	// may have a progress bar on the line where the cursor stands.
	terminal bool
}

// eraseLine erases a terminal's line from the cursor to its end.
const eraseLine = "\x1b[K"

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.terminal {
		return l.w.Write(p)
	}
	// In one call, so that nobody else's text comes in between.
	n, err := l.w.Write(append([]byte(eraseLine), p...))
	return max(0, n-len(eraseLine)), err
}
