package openimages

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"sync"
)

// An arrival is a file that is being downloaded. What has arrived can be read;
// who reads further waits.
type arrival struct {
	file *os.File
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

func newArrival(file *os.File, stop context.CancelCauseFunc) *arrival {
	a := &arrival{file: file, stop: stop, size: -1, gone: make(chan struct{})}
	a.moved = sync.NewCond(&a.mu)
	return a
}

// begin says how large the file will be.
func (a *arrival) begin(size int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.size, a.said = size, true
	a.moved.Broadcast()
}

// advance makes the bytes before have readable.
func (a *arrival) advance(have int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.have = max(a.have, have)
	a.moved.Broadcast()
}

// end says that the file is whole, or why it is not.
func (a *arrival) end(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.done {
		a.done, a.err = true, err
	}
	a.moved.Broadcast()
}

// begun waits until the server has said what it sends, and returns the size.
func (a *arrival) begun() (int64, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for !a.said && !a.done {
		a.moved.Wait()
	}
	return a.size, a.err
}

// whole waits until all is there.
func (a *arrival) whole() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for !a.done {
		a.moved.Wait()
	}
	return a.err
}

// wait waits until there is something behind offset, and returns how much can be
// read, and whether that is all.
func (a *arrival) wait(offset int64) (have int64, done bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.have <= offset && !a.done {
		a.moved.Wait()
	}
	return a.have, a.done
}

// failed reports whether the file will not come.
func (a *arrival) failed() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.err != nil
}

// An arrivalReader reads on from a place, and waits only where nothing is there.
type arrivalReader struct {
	a      *arrival
	offset int64
}

func (r *arrivalReader) Read(p []byte) (int, error) {
	have, _ := r.a.wait(r.offset)
	n, err := r.a.ReadAt(p[:max(min(int64(len(p)), have-r.offset), min(1, int64(len(p))))], r.offset)
	r.offset += int64(n)
	return n, err
}

// lastLine returns where the last line end between from and limit is, or 0.
func (a *arrival) lastLine(from, limit int64) int64 {
	buf := make([]byte, 4<<10)
	for to := limit; to > from; to -= int64(len(buf)) {
		part := buf[:min(int64(len(buf)), to-from)]
		begin := to - int64(len(part))
		if n, _ := a.ReadAt(part, begin); n < len(part) {
			return 0 // who reads the block will say why
		}
		if nl := bytes.LastIndexByte(part, '\n'); nl >= 0 {
			return begin + int64(nl)
		}
	}
	return 0
}

// ReadAt waits for what it is to read.
func (a *arrival) ReadAt(p []byte, offset int64) (int, error) {
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

// readBehind reports whether somebody has read bytes from offset on.
func (a *arrival) readBehind(offset int64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.seen > offset {
		return true
	}
	a.have = min(a.have, offset)
	return false
}

func (a *arrival) read() bool { return a.readBehind(0) }

var errLeft = errors.New("nobody waits for the file any more")

// giveUp ends the download of a file that is not read on because of err, and
// returns what is wrong with the download, or nil. A file that is no list, or
// ends within a row, is not kept.
func (a *arrival) giveUp(path string, err error) error {
	cause := errLeft
	var row *RowError
	if errors.As(err, &row) {
		cause = &RefusedError{path, err}
	}
	err = a.leave(cause)
	var refused *RefusedError
	if errors.As(err, &refused) {
		return err
	}
	return nil
}

// leave ends the download if it is still on its way, and returns why it ended, or
// nil if it is whole. What has arrived is kept for the next time, unless the cause
// is a *RefusedError.
func (a *arrival) leave(cause error) error {
	a.stop(cause)
	<-a.gone
	return a.whole()
}
