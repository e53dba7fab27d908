package cli

import (
	"context"
	"io"
	"os"
)

// interruptible reads ahead in a goroutine of its own, because a read of a
// pipe cannot be cancelled: when ctx ends, the reader gets its error at once.
type interruptible struct {
	ctx    context.Context
	src    io.Reader
	chunks chan chunk
	free   chan []byte
	now    chunk
	rest   []byte
}

type chunk struct {
	data []byte // whole buffer
	n    int
	err  error
}

const (
	readAhead = 4
	chunkSize = 256 << 10
)

func newInterruptible(ctx context.Context, src io.Reader) *interruptible {
	return &interruptible{ctx: ctx, src: src}
}

func (r *interruptible) Read(p []byte) (int, error) {
	if r.chunks == nil {
		r.start()
	}
	for len(r.rest) == 0 {
		if r.now.err != nil {
			return 0, r.now.err
		}
		if r.now.data != nil {
			r.free <- r.now.data
			r.now.data = nil
		}
		select {
		case <-r.ctx.Done():
			return 0, context.Cause(r.ctx)
		case r.now = <-r.chunks:
			r.rest = r.now.data[:r.now.n]
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (r *interruptible) start() {
	r.chunks = make(chan chunk, readAhead)
	r.free = make(chan []byte, readAhead)
	for range readAhead {
		r.free <- make([]byte, chunkSize)
	}
	go func() {
		for buf := range r.free {
			n, err := r.src.Read(buf)
			r.chunks <- chunk{buf, n, err}
			if err != nil {
				return
			}
		}
	}()
}

// Open opens a file for reading. As with standard input, waiting for the
// writer of a named pipe ends with the command.
func (e *Env) Open(name string) (io.ReadCloser, error) {
	info, err := os.Stat(name)
	if e.ctx == nil || err != nil || info.Mode().IsRegular() || info.IsDir() {
		return os.Open(name)
	}
	type result struct {
		file *os.File
		err  error
	}
	opened := make(chan result, 1)
	go func() { // it stays behind if nobody ever opens the other end
		file, err := os.Open(name)
		opened <- result{file, err}
	}()
	select {
	case <-e.ctx.Done():
		return nil, context.Cause(e.ctx)
	case r := <-opened:
		if r.err != nil {
			return nil, r.err
		}
		return &pipe{newInterruptible(e.ctx, r.file), r.file}, nil
	}
}

// A pipe is a file whose reads can be interrupted.
type pipe struct {
	*interruptible
	io.Closer
}
