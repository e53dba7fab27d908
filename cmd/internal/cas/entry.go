package cas

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/opensandwich/oi/cmd/internal/posixfile"
)

// An Entry is what a request was answered with.
type Entry struct {
	Key       string `json:"key"`
	SHA256    string `json:"sha256"` // of the bytes, lower-case hex
	Size      int64  `json:"size"`   // bytes
	MediaType string `json:"media_type"`
	Source    string `json:"source"`
	URL       string `json:"url"`
	// Check names the check that the bytes have passed.
	Check string `json:"check"`
	// CheckVersion grows when the check of that name becomes stricter; 0
	// stands for the first.
	CheckVersion int `json:"check_version,omitempty"`
	// Robots is what the server wants no robot to do with the bytes.
	Robots string `json:"robots,omitempty"`
	// Earlier are the sources that were asked before this one.
	Earlier []Attempt `json:"earlier,omitempty"`
}

// An Attempt is a source that did not give the bytes.
type Attempt struct {
	Source string `json:"source"`
	URL    string `json:"url,omitempty"`
	Reason string `json:"reason"`
	Status int    `json:"status,omitempty"`
}

// readEntry reads an answer file. One that is damaged is ErrMiss.
func readEntry(path string) (Entry, error) {
	f, err := posixfile.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Entry{}, ErrMiss
	}
	if err != nil {
		return Entry{}, fmt.Errorf("read cache: %w", err)
	}
	defer f.Close() // only read from
	var n int
	buf := make([]byte, usualEntry)
	if n, err = f.ReadAt(buf, 0); err == nil { // there is more
		buf = make([]byte, maxEntry)
		n, err = f.ReadAt(buf, 0)
	}
	if err == nil {
		return Entry{}, ErrMiss // too long
	}
	if !errors.Is(err, io.EOF) {
		return Entry{}, fmt.Errorf("read cache: %w", err)
	}
	e, ok := parseEntry(buf[:n])
	if !ok {
		return Entry{}, ErrMiss
	}
	return e, nil
}

func parseEntry(data []byte) (Entry, bool) {
	var e Entry
	if json.Unmarshal(data, &e) != nil || !validDigest(e.SHA256) || e.Size < 0 {
		return Entry{}, false
	}
	return e, true
}

// Update replaces the answer to e.Key; its bytes must be in the cache already.
func (c *Cache) Update(e Entry) error {
	data, err := json.Marshal(e)
	if err != nil {
		return writeError(err)
	}
	f, err := c.createTemp("a")
	if err != nil {
		return writeError(err)
	}
	_, err = f.Write(append(data, '\n'))
	if err = errors.Join(err, f.Close()); err == nil {
		err = rename(f.Name(), c.answerPath(e.Key))
	}
	if err != nil {
		return writeError(errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}
