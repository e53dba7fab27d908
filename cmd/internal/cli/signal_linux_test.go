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
		cmd := exec.Command(os.Args[0], "-test.run=^TestSignalBeforeFailure$")
		cmd.Env = append(os.Environ(), child+"=1")
		err := cmd.Run()
		if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 143 {
			t.Fatalf("got %v, want 143", err)
		}
	}
}
