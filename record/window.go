package record

import (
	"encoding/binary"
	"io"
)

const (
	// windowSize is what a Linux pipe holds unless somebody changes that.
	windowSize = 64 << 10
	// windowSlack is room beyond a large value for the keys that follow it.
	windowSlack = 4 << 10
	// firstGrowth is how much is set aside on a claimed length alone.
	// Beyond it the window at most doubles, each time it is full.
	firstGrowth = 1 << 20
	// maxEmptyReads is how many reads may return neither bytes nor an
	// error.
	maxEmptyReads = 100
)

// A window holds the bytes of the record that is being read, in one piece,
// and what was read ahead. It grows as bytes arrive, never because a header
// claims them.
type window struct {
	r     io.Reader
	buf   []byte
	start int   // index of the current record's first byte
	pos   int   // index of the next byte to look at
	base  int64 // stream offset of buf[0]
	err   error // what the last read returned

	aliased bool   // a record handed out shares buf: write to it no more
	spare   []byte // a window of the usual size that is free again
	stack   []level
	work    int64 // grows with the time that walking and checking takes
}

// newWindow returns a window over r.
func newWindow(r io.Reader) *window { return &window{r: r} }

// newFixedWindow returns a window over bytes in memory.
func newFixedWindow(b []byte) *window { return &window{buf: b, err: io.EOF} }

// offset returns the stream offset of the next byte.
func (w *window) offset() int64 { return w.base + int64(w.pos) }

// begin gives up all bytes before pos; the next record starts there.
func (w *window) begin() {
	rest := w.buf[w.pos:]
	switch {
	case w.aliased:
		w.move(w.small(len(rest)), w.pos)
		w.aliased = false
	case len(rest) == 0 && cap(w.buf) > 4*windowSize:
		w.move(w.small(0), w.pos) // one large record must not hold memory for ever
	case len(rest) == 0:
		w.move(w.buf[:0], w.pos)
	}
	w.start = w.pos
}

// small returns an empty buffer for n bytes of read-ahead.
func (w *window) small(n int) []byte {
	if s := w.spare; s != nil && n < cap(s) {
		w.spare = nil
		return s[:0]
	}
	return make([]byte, 0, max(windowSize, n+windowSlack))
}

// move carries the bytes from index from on over to the front of to, which
// becomes the buffer. to may be the buffer itself.
func (w *window) move(to []byte, from int) {
	n := copy(to[:cap(to)], w.buf[from:])
	w.buf = to[:n]
	w.base += int64(from)
	w.pos -= from
	w.start -= from
}

// need makes at least n bytes available at pos. At the end of input it
// returns io.ErrUnexpectedEOF.
func (w *window) need(n int) error {
	for empty := 0; len(w.buf)-w.pos < n; {
		if w.err == io.EOF {
			return io.ErrUnexpectedEOF
		}
		if w.err != nil {
			return w.err
		}
		w.makeRoom(n)
		var got int
		got, w.err = w.r.Read(w.buf[len(w.buf):cap(w.buf)])
		w.buf = w.buf[:len(w.buf)+got]
		if got > 0 {
			empty = 0
		} else if empty++; w.err == nil && empty >= maxEmptyReads {
			w.err = io.ErrNoProgress
		}
	}
	return nil
}

// makeRoom makes room to read into, on the way to n bytes at pos.
func (w *window) makeRoom(n int) {
	arrived := len(w.buf) - w.start
	want := w.pos - w.start + n
	if len(w.buf) < cap(w.buf) && cap(w.buf)-w.start >= min(want, firstGrowth) {
		return
	}
	if want <= cap(w.buf) && arrived <= cap(w.buf)/2 {
		w.move(w.buf[:0], w.start)
		return
	}
	size := min(max(want+windowSlack, 2*arrived), max(2*arrived, firstGrowth))
	old := w.buf
	w.move(make([]byte, 0, max(size, windowSize)), w.start)
	if cap(old) == windowSize {
		w.spare = old[:0]
	}
}

// wholeRecord returns the index at which the record begins whose trailer ends at
// index end, or 0 if there is none at from or later. Only its trailer is looked
// at.
func (w *window) wholeRecord(from, end int) int {
	trailer := end - trailerSize
	if trailer < from {
		return 0
	}
	begin := trailer - int(binary.BigEndian.Uint32(w.buf[trailer+2:]))
	if begin < from || begin >= trailer {
		return 0
	}
	body := w.buf[begin:trailer]
	w.work += int64(len(body)) / 64 // as in frame
	if checkTrailer(w.buf[trailer:end], body) != nil {
		return 0
	}
	return begin
}
