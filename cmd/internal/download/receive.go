package download

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/opensandwich/oi/cmd/internal/leftover"
)

// receive receives a response's body, when have bytes have arrived before.
func (t *transfer) receive(response *http.Response, have int64, body io.Reader) error {
	said := sidecarOf(response)
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusPartialContent:
		if from, _, ok := contentRange(response.Header.Get("Content-Range")); !ok || from != have || !said.matches(t.partial.sidecar) {
			// It answers something else than it was asked.
			return t.restart(sidecar{Size: -1}, errors.New("the server sends another part than it was asked for"))
		}
		if said.Size < 0 {
			said.Size = t.partial.sidecar.Size // it was said before, and this may be less than the rest
		}
	case http.StatusRequestedRangeNotSatisfiable:
		return t.finishArrived(have)
	default:
		return t.statusError(response)
	}
	if isWebPage(response) {
		return t.refuse(errors.New("the server answers with a web page"))
	}
	if coding := response.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		return t.refuse(fmt.Errorf("the server sends it compressed (%s), although that was not asked for", coding))
	}
	if err := t.checkSize(said.Size); err != nil {
		return err
	}
	if have == 0 || response.StatusCode == http.StatusOK && !said.matches(t.partial.sidecar) {
		if err := t.restart(said, nil); err != nil {
			return err
		}
	}
	from := int64(0)
	if response.StatusCode == http.StatusPartialContent {
		from = have
	}
	t.announce(said.Size - from)
	t.inFlight.begin(said.Size)
	t.inFlight.advance(from)
	if err := t.rehash(from, said.checksums); err != nil {
		return err
	}
	if err := t.copy(body, said.Size); err != nil {
		return err
	}
	return t.finish(said.checksums)
}

// finishArrived finishes a file of which have bytes have arrived, and the
// server says that there are no more.
func (t *transfer) finishArrived(have int64) error {
	if t.partial.sidecar.Size != have || have == 0 {
		return t.restart(sidecar{Size: -1}, errors.New("the server has less of the file than has arrived"))
	}
	// All had arrived when a process ended that was about to say so.
	t.inFlight.begin(have)
	t.inFlight.advance(have)
	if err := t.rehash(have, t.partial.sidecar.checksums); err != nil {
		return err
	}
	return t.finish(t.partial.sidecar.checksums)
}

// statusError is what a response without the file means.
func (t *transfer) statusError(response *http.Response) error {
	err := fmt.Errorf("the server answers %s", response.Status)
	switch code := response.StatusCode; {
	case code == http.StatusForbidden, code == http.StatusNotFound:
		// The official server answers 403 for what does not exist.
		return finalError{&MissingError{t.path, t.client.String(), err}}
	case code == http.StatusNetworkAuthenticationRequired:
		return t.refuse(err)
	case code >= 500, code == http.StatusTooManyRequests, code == http.StatusRequestTimeout:
		return err
	}
	return finalError{err}
}

// announce says once how much there is to download, if that is much.
func (t *transfer) announce(left int64) {
	if left > announceFrom && !t.announced && t.client.o.Announce != nil {
		t.announced = true
		t.client.o.Announce(t.path, left)
	}
}

// restart empties the partial file, of which s is the sidecar then. cause is
// why, nil if it is a new one.
func (t *transfer) restart(s sidecar, cause error) error {
	if t.confirmed, t.hasher = 0, nil; t.inFlight.wasRead() {
		return finalError{ErrReplaced}
	}
	t.resumed = false
	if err := t.partial.restart(s); err != nil {
		return finalError{err}
	}
	return cause
}

// rehash takes the checksums of the have bytes that arrived before, those that
// are needed in addition to what the server says.
func (t *transfer) rehash(have int64, said checksums) error {
	withMD5 := t.client.needsMD5(t.path, said)
	if t.hasher != nil && t.confirmed == have && (t.hasher.md5 != nil || !withMD5) {
		return nil
	}
	t.hasher, t.confirmed, t.resumed = newHasher(withMD5), 0, t.resumed || have > 0
	n, err := io.Copy(t.hasher, contextReader{t.ctx, io.NewSectionReader(t.partial.file, 0, have)})
	if err == nil && n < have {
		err = errShort
	}
	if err != nil {
		return finalError{err}
	}
	t.confirmed = have
	return nil
}

// contextReader stops with its context.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := context.Cause(c.ctx); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// copy appends the body, of a file of size bytes, to what is confirmed. Where
// the partial file has more than that, because the server sends the file from
// its beginning again, the two must be the same.
func (t *transfer) copy(body io.Reader, size int64) error {
	if t.block == nil {
		t.block = make([]byte, blockSize)
	}
	have, err := t.partial.size()
	if err != nil {
		return finalError{err}
	}
	for ended := false; !ended; {
		n, err := body.Read(t.block)
		switch err {
		case nil:
		case io.EOF:
			ended = true
		case io.ErrUnexpectedEOF:
			err = errShort
			fallthrough
		default:
			if n == 0 {
				return err
			} // else it comes again
		}
		if have, err = t.append(t.block[:n], have); err != nil {
			return err
		}
		t.progress(size, false)
	}
	t.progress(size, true)
	if size >= 0 && t.confirmed != size {
		return errShort
	}
	if t.confirmed == 0 {
		return t.refuse(errors.New("the server answers with an empty file"))
	}
	if t.confirmed < have { // the server has less than there was
		return t.restart(sidecar{Size: -1}, errShort)
	}
	return nil
}

// checkSize refuses a file of size bytes, or of which so many have arrived, that
// is too large.
func (t *transfer) checkSize(size int64) error {
	most := t.client.o.MaxBytes
	if most <= 0 || size <= most {
		return nil
	}
	return errors.Join(t.refuse(fmt.Errorf("the server sends %d bytes or more, and the file may have %d", size, most)), t.partial.remove())
}

// append writes a block that arrives after what is confirmed, and returns how
// many bytes of the partial file are right.
func (t *transfer) append(block []byte, have int64) (_ int64, err error) {
	if t.confirmed < have {
		if have, err = t.compare(block, have); err != nil {
			return have, err
		}
	}
	if err := t.checkSize(t.confirmed + int64(len(block))); err != nil {
		return have, err
	}
	if end := t.confirmed + int64(len(block)); end > have {
		added := block[max(have-t.confirmed, 0):]
		if _, err := t.partial.file.WriteAt(added, end-int64(len(added))); err != nil {
			return have, finalError{err}
		}
		have = end
	}
	_, _ = t.hasher.Write(block) // never fails
	t.confirmed += int64(len(block))
	t.inFlight.advance(t.confirmed)
	return have, nil
}

func (t *transfer) progress(size int64, last bool) {
	if t.client.o.Progress != nil && (last || t.confirmed >= t.reported+progressInterval) {
		t.reported = t.confirmed
		t.client.o.Progress(t.path, t.confirmed, size)
	}
}

// compare compares a block that arrives after what is confirmed with what
// arrived there before, and returns how many bytes of the partial file are
// right.
func (t *transfer) compare(block []byte, have int64) (int64, error) {
	t.resumed = true
	block = block[:min(int64(len(block)), have-t.confirmed)]
	if cap(t.arrived) < len(block) {
		t.arrived = make([]byte, blockSize)
	}
	arrived := t.arrived[:len(block)]
	if n, err := t.partial.file.ReadAt(arrived, t.confirmed); n < len(arrived) {
		return have, finalError{cmp.Or(err, io.ErrUnexpectedEOF)}
	}
	if bytes.Equal(arrived, block) {
		return have, nil
	}
	if t.inFlight.wasReadAfter(t.confirmed) {
		return have, finalError{ErrReplaced}
	}
	if err := t.partial.file.Truncate(t.confirmed); err != nil {
		return have, finalError{err}
	}
	return t.confirmed, nil
}

// finish verifies the file and puts it in its place.
func (t *transfer) finish(said checksums) error {
	got := t.hasher.checksums()
	replaced, err := t.client.compareChecksums(t.path, t.confirmed, got, said)
	if err == nil {
		err = t.client.expected(t.path).verify(t.ctx, t.partial.file, t.confirmed)
	}
	var unended *UnendedError
	switch {
	case err == nil:
	case errors.As(err, &unended):
		if size, larger := t.client.largerNow(t.ctx, t.path, t.confirmed); larger {
			t.partial.sidecar.Size = -1 // what it said was wrong
			return fmt.Errorf("%d bytes have arrived, and %w; the server has %d", t.confirmed, err, size)
		}
		t.client.unended.Store(t.path, true)
		t.warn("%s: %v; if that is not how the server has it, the file may be cut", t.public, err)
	case context.Cause(t.ctx) != nil:
		return err
	case t.resumed && !t.inFlight.wasRead():
		// What came before may be to blame. It is not used again.
		return t.restart(sidecar{Size: -1}, &RefusedError{t.path, err})
	default:
		return errors.Join(t.refuse(err), t.partial.remove())
	}
	if replaced != "" {
		t.warn("%s has been replaced by its publisher since this program was made: %s", t.path, replaced)
		err = t.client.writeReplacement(t.path, sidecar{Size: t.confirmed, checksums: got})
	} else {
		err = leftover.Remove(t.client.replacementName(t.path))
	}
	if err != nil {
		return finalError{err}
	}
	if err := t.partial.finish(); err != nil {
		return finalError{err}
	}
	return nil
}

func (t *transfer) warn(format string, args ...any) {
	if t.client.o.Warn != nil {
		t.client.o.Warn(fmt.Sprintf(format, args...))
	}
}
