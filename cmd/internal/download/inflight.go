package download

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
)

// An InFlight is a file that is being downloaded. What has arrived can be read;
// reading further waits.
type InFlight struct {
	file *os.File
	path string
	stop context.CancelCauseFunc
	gone chan struct{} // closed when the download has ended

	mu    sync.Mutex
	moved *sync.Cond
	have  int64 // bytes that can be read
	seen  int64 // bytes that have been
	size  int64 // in all, -1 where nobody knows
	said  bool  // size is what the server says
	done  bool
	err   error // why it ended, if not well
}

func newInFlight(file *os.File, path string, stop context.CancelCauseFunc) *InFlight {
	a := &InFlight{file: file, path: path, stop: stop, size: -1, gone: make(chan struct{})}
	a.moved = sync.NewCond(&a.mu)
	return a
}

// begin says how large the file will be.
func (a *InFlight) begin(size int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.size, a.said = size, true
	a.moved.Broadcast()
}

// advance makes the bytes before have readable.
func (a *InFlight) advance(have int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.have = max(a.have, have)
	a.moved.Broadcast()
}

// end says that the file is whole, or why it is not.
func (a *InFlight) end(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.done {
		a.done, a.err = true, err
	}
	a.moved.Broadcast()
}

// Size waits until the server has said what it sends, and returns
// the size of the file in bytes, -1 where it does not say.
func (a *InFlight) Size() (int64, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for !a.said && !a.done {
		a.moved.Wait()
	}
	return a.size, a.err
}

// Whole waits until all is there, and returns why it will not be.
func (a *InFlight) Whole() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for !a.done {
		a.moved.Wait()
	}
	return a.err
}

// Available waits until there is something after offset, and returns how much
// can be read, and whether that is all.
func (a *InFlight) Available(offset int64) (have int64, done bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.have <= offset && !a.done {
		a.moved.Wait()
	}
	return a.have, a.done
}

// Failed reports whether the file will not come.
func (a *InFlight) Failed() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.err != nil
}

// ReadAt waits for what it is to read.
func (a *InFlight) ReadAt(p []byte, offset int64) (int, error) {
	a.mu.Lock()
	for a.have < offset+int64(len(p)) && !a.done {
		a.moved.Wait()
	}
	have, err := a.have, a.err
	a.seen = max(a.seen, min(have, offset+int64(len(p))))
	a.mu.Unlock()
	if err != nil {
		return 0, err
	}
	n := max(min(int64(len(p)), have-offset), 0)
	read, err := a.file.ReadAt(p[:n], offset)
	if err == nil && n < int64(len(p)) {
		err = io.EOF
	}
	return read, err
}

// readAfter reports whether bytes from offset on have been read.
func (a *InFlight) readAfter(offset int64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.seen > offset {
		return true
	}
	a.have = min(a.have, offset)
	return false
}

func (a *InFlight) read() bool { return a.readAfter(0) }

var errLeft = errors.New("nobody waits for the file any more")

// Abandon ends the download if it is still on its way. What has arrived is kept
// for the next time. It returns what is wrong with the download, or nil.
func (a *InFlight) Abandon() error { return a.giveUp(errLeft) }

// Reject ends the download of a file in which its reader found err. Nothing of
// it is kept, unless it is whole by now. It returns what is wrong with the
// download, or nil.
func (a *InFlight) Reject(err error) error { return a.giveUp(&RefusedError{a.path, err}) }

// giveUp ends the download, and returns the *RefusedError that it ended with, if
// it did.
func (a *InFlight) giveUp(cause error) error {
	err := a.leave(cause)
	var refused *RefusedError
	if errors.As(err, &refused) {
		return err
	}
	return nil
}

// leave ends the download if it is still on its way, and returns why it ended, or
// nil if it is whole. What has arrived is kept for the next time, unless the cause
// is a *RefusedError.
func (a *InFlight) leave(cause error) error {
	a.stop(cause)
	<-a.gone
	return a.Whole()
}
