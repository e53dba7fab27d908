package cli

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// A command that is told to stop and fails at once, as when the stage before it
// was told so too and is gone already, was interrupted.
func TestSignalBeforeFailure(t *testing.T) {
	const child = "OI_TEST_SIGNAL"
	if os.Getenv(child) != "" {
		os.Args = os.Args[:1]
		Main(testCommand(func(context.Context, *Env) error {
			runtime.LockOSThread()
			if err := unix.Tgkill(os.Getpid(), unix.Gettid(), unix.SIGTERM); err != nil {
				return Usagef("no signal: %w", err)
			}
			return errors.New("the stage before failed")
		}))
	}
	for range 20 {
		endsTerminated(t, child)
	}
}

// The system hands a signal for the process to one of its threads, which has
// to be woken for it: another may find out before that the stage before is gone.
func TestSignalOnItsWay(t *testing.T) {
	const child = "OI_TEST_SIGNAL_ON_ITS_WAY"
	if os.Getenv(child) != "" {
		os.Args = os.Args[:1]
		Main(testCommand(func(context.Context, *Env) error {
			failed := make(chan error)
			go func() {
				runtime.LockOSThread() // the first thread, which gets it, waits
				if err := unix.Kill(os.Getpid(), unix.SIGTERM); err != nil {
					failed <- Usagef("no signal: %w", err)
				}
				failed <- BlameUpstream(errors.New("the stage before failed"))
			}()
			return <-failed
		}))
	}
	for range 20 {
		endsTerminated(t, child)
	}
}

// endsTerminated runs the test again, as a command that is told to stop.
func endsTerminated(t *testing.T, child string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), child+"=1")
	err := cmd.Run()
	if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 143 {
		t.Fatalf("got %v, want 143", err)
	}
}
