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
	file    *os.File
	path    string
	stop    context.CancelCauseFunc
	stopped chan struct{} // closed when the download has ended

	mu      sync.Mutex
	changed *sync.Cond
	have    int64 // bytes that can be read
	read    int64 // bytes that have been
	size    int64 // in all, -1 where nobody knows
	sized   bool  // the server has answered, and size is what it says
	done    bool
	err     error // why it ended, if not well
}

func newInFlight(file *os.File, path string, stop context.CancelCauseFunc) *InFlight {
	f := &InFlight{file: file, path: path, stop: stop, size: -1, stopped: make(chan struct{})}
	f.changed = sync.NewCond(&f.mu)
	return f
}

// begin says how large the file will be.
func (f *InFlight) begin(size int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.size, f.sized = size, true
	f.changed.Broadcast()
}

// advance makes the bytes before have readable.
func (f *InFlight) advance(have int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.have = max(f.have, have)
	f.changed.Broadcast()
}

// end says that the file is whole, or why it is not.
func (f *InFlight) end(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.done {
		f.done, f.err = true, err
	}
	f.changed.Broadcast()
}

// Size waits until the server has said what it sends, and returns
// the size of the file in bytes, -1 where it does not say.
func (f *InFlight) Size() (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for !f.sized && !f.done {
		f.changed.Wait()
	}
	return f.size, f.err
}

// Whole waits until all is there, and returns why it will not be.
func (f *InFlight) Whole() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for !f.done {
		f.changed.Wait()
	}
	return f.err
}

// Available waits until there is something after offset, and returns how much
// can be read, and whether that is all.
func (f *InFlight) Available(offset int64) (have int64, done bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.have <= offset && !f.done {
		f.changed.Wait()
	}
	return f.have, f.done
}

// Failed reports whether the file will not come.
func (f *InFlight) Failed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err != nil
}

// ReadAt waits for what it is to read.
func (f *InFlight) ReadAt(p []byte, offset int64) (int, error) {
	f.mu.Lock()
	for f.have < offset+int64(len(p)) && !f.done {
		f.changed.Wait()
	}
	have, err := f.have, f.err
	f.read = max(f.read, min(have, offset+int64(len(p))))
	f.mu.Unlock()
	if err != nil {
		return 0, err
	}
	n := max(min(int64(len(p)), have-offset), 0)
	read, err := f.file.ReadAt(p[:n], offset)
	if err == nil && n < int64(len(p)) {
		err = io.EOF
	}
	return read, err
}

// wasReadAfter reports whether bytes from offset on have been read. Where not,
// they cannot be read any more, as others may come in their place.
func (f *InFlight) wasReadAfter(offset int64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.read > offset {
		return true
	}
	f.have = min(f.have, offset)
	return false
}

func (f *InFlight) wasRead() bool { return f.wasReadAfter(0) }

var errAbandoned = errors.New("nobody waits for the file any more")

// Abandon ends the download if it is still on its way. What has arrived is kept
// for the next time. It returns what is wrong with the download, or nil.
func (f *InFlight) Abandon() error { return f.cancel(errAbandoned) }

// Reject ends the download of a file in which its reader found err. Nothing of
// it is kept, unless it is whole by now. It returns what is wrong with the
// download, or nil.
func (f *InFlight) Reject(err error) error { return f.cancel(&RefusedError{f.path, err}) }

// cancel ends the download, and returns the *RefusedError that it ended with,
// if it did. What has arrived is kept for the next time, unless the cause is a
// *RefusedError.
func (f *InFlight) cancel(cause error) error {
	f.stop(cause)
	<-f.stopped
	err := f.Whole()
	var refused *RefusedError
	if errors.As(err, &refused) {
		return err
	}
	return nil
}
