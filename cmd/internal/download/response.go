package download

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// condition is the If-Range that tells the server which file the bytes are of
// that have arrived, or "".
func (s sidecar) condition() string {
	if s.ETag != "" && !strings.HasPrefix(s.ETag, "W/") {
		return s.ETag
	}
	return s.Modified
}

// sidecarOf is what a response says of the whole file.
func sidecarOf(response *http.Response) sidecar {
	s := sidecar{
		ETag: response.Header.Get("ETag"), Modified: response.Header.Get("Last-Modified"),
		Size: response.ContentLength, checksums: serverChecksums(response.Header),
	}
	if response.StatusCode == http.StatusPartialContent {
		_, s.Size, _ = contentRange(response.Header.Get("Content-Range"))
	}
	return s
}

// contentRange reads "bytes from-to/size"; size is -1 if it is not said.
func contentRange(text string) (from, size int64, ok bool) {
	text, ok = strings.CutPrefix(text, "bytes ")
	span, total, ok2 := strings.Cut(text, "/")
	first, _, ok3 := strings.Cut(span, "-")
	from, err := strconv.ParseInt(first, 10, 64)
	if !ok || !ok2 || !ok3 || err != nil {
		return 0, -1, false
	}
	if size, err = strconv.ParseInt(total, 10, 64); err != nil {
		size = -1
	}
	return from, size, true
}

// matches reports whether two sidecars can be of one file: what both say is the
// same.
func (s sidecar) matches(o sidecar) bool {
	both := func(a, b string) bool { return a == "" || b == "" || a == b }
	return both(s.ETag, o.ETag) && both(s.MD5, o.MD5) && both(s.CRC32C, o.CRC32C) && both(s.Modified, o.Modified) &&
		(s.Size < 0 || o.Size < 0 || s.Size == o.Size)
}

// isWebPage reports whether the answer is a page, such as one to log in.
func isWebPage(response *http.Response) bool {
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	return kind == "text/html"
}

// An idleReader is a body whose server may not fall silent.
type idleReader struct {
	r      io.Reader
	idle   time.Duration
	cancel context.CancelCauseFunc
}

func (r *idleReader) Read(p []byte) (int, error) {
	timer := time.AfterFunc(r.idle, func() {
		r.cancel(fmt.Errorf("the server has sent nothing for %s", r.idle))
	})
	defer timer.Stop()
	return r.r.Read(p)
}
