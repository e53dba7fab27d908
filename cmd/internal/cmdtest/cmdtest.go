// Package cmdtest runs commands in the test's own process, and writes and reads
// the streams between them. Real pipes of real processes are in package
// pipetest.
package cmdtest

import (
	"bytes"
	"context"
	"io"
	"sync"
	"time"

	"github.com/opensandwich/oi/cmd/internal/cli"
)

// Env is what a command sees of the world: the streams given, no environment
// variables, and the system's clock. None of the streams is a terminal.
func Env(stdin io.Reader, stdout, stderr io.Writer) *cli.Env {
	return &cli.Env{Stdin: stdin, Stdout: stdout, Stderr: stderr, Getenv: func(string) string { return "" }, Now: time.Now}
}

// Run runs a command and returns its exit code and what it wrote.
func Run(ctx context.Context, command *cli.Command, stdin []byte, args ...string) (code int, stdout []byte, stderr string) {
	var out bytes.Buffer
	var messages lockedBuffer
	code = command.Execute(ctx, Env(bytes.NewReader(stdin), &out, &messages), args)
	return code, out.Bytes(), messages.String()
}

// A lockedBuffer takes messages that several goroutines write at the same time.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// FailAfter returns a standard output that takes n bytes and then fails with
// err, for example with [cli.ErrDownstreamGone].
func FailAfter(n int, err error) io.Writer { return &failing{n, err} }

type failing struct {
	left int
	err  error
}

func (f *failing) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, f.err
	}
	return len(p), nil
}
