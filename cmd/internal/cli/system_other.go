//go:build !windows

package cli

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/term"
)

// readerGone reports whether err is that of a write to a pipe that nobody reads
// any more.
func readerGone(err error) bool { return errors.Is(err, syscall.EPIPE) }

// erases reports whether file is a terminal, on which escape sequences work.
func erases(file *os.File) bool { return term.IsTerminal(int(file.Fd())) }
