package download

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"
)

// Of a file with an UnendedError one cannot see whether it is whole: it may
// have been cut on its way, with a Content-Length that does not show it. Only
// the server knows, so it is asked: when the file arrives, and each time that
// it is opened.

// askTime is how long a server may take to say how large a file is.
const askTime = 5 * time.Second

// largerNow returns the size that the server says a file has by now, if that is
// more than the size bytes which have arrived. Who answers with less need not
// be the server.
func (c *Client) largerNow(ctx context.Context, path string, size int64) (now int64, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	request, err := c.request(ctx, c.address(path))
	if err != nil {
		return 0, false
	}
	request.Header.Set("Range", fmt.Sprintf("bytes=%d-", size))
	response, err := c.client.Do(request)
	if err != nil {
		return 0, false
	}
	defer response.Body.Close() // nothing of it is wanted
	switch {
	case isWebPage(response):
	case response.StatusCode == http.StatusOK:
		now = response.ContentLength
	case response.StatusCode == http.StatusPartialContent:
		_, now, _ = contentRange(response.Header.Get("Content-Range"))
	}
	return now, now > size
}

// askAgain returns a *DamagedError if the file in the cache goes on at the
// server. It is closed and removed then.
func (c *Client) askAgain(ctx context.Context, path string, file *os.File, unended *UnendedError) error {
	if _, asked := c.unended.LoadOrStore(path, true); asked {
		return nil
	}
	info, err := file.Stat()
	if err != nil {
		return errors.Join(err, file.Close())
	}
	now, larger := c.largerNow(ctx, path, info.Size())
	if !larger {
		return nil
	}
	err = &DamagedError{path, file.Name(), fmt.Errorf("it has %d bytes, and %w; the server has %d", info.Size(), unended, now)}
	if same(file, file.Name()) { // and not replaced by another process
		err = errors.Join(err, c.remove(path))
	}
	return errors.Join(err, file.Close())
}

// same reports whether an open file is still the one of that name.
func same(file *os.File, name string) bool {
	opened, err := file.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(name)
	return err == nil && os.SameFile(opened, named)
}
