package cas

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"

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

// A footer follows the bytes in a file: their entry as JSON, its length as four
// bytes, the highest first, and footerMagic, which says that there is one.
const (
	footerMagic = "oip1"
	footerEnd   = 4 + len(footerMagic) // bytes after the JSON
)

// footer returns the footer that says e.
func footer(e Entry) ([]byte, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	return append(binary.BigEndian.AppendUint32(text, uint32(len(text))), footerMagic...), nil
}

// readFooter reads the footer of a file of size bytes. Where there is none, or
// it does not fit the size, that is ErrMiss.
func readFooter(f io.ReaderAt, size int64) (Entry, error) {
	tail := make([]byte, min(size, usualEntry))
	if err := readTail(f, size, tail); err != nil {
		return Entry{}, err
	}
	n, ok := footerLen(tail)
	if !ok || int64(n) > size {
		return Entry{}, ErrMiss
	}
	if n > len(tail) {
		tail = make([]byte, n)
		if err := readTail(f, size, tail); err != nil {
			return Entry{}, err
		}
		if again, ok := footerLen(tail); !ok || again != n {
			return Entry{}, ErrMiss // it is being written to
		}
	}
	e, ok := parseEntry(tail[len(tail)-n : len(tail)-footerEnd])
	if !ok || e.Size != size-int64(n) {
		return Entry{}, ErrMiss
	}
	return e, nil
}

// readTail reads the last bytes of a file.
func readTail(f io.ReaderAt, size int64, tail []byte) error {
	if n, err := f.ReadAt(tail, size-int64(len(tail))); n < len(tail) {
		return missOr(err)
	}
	return nil
}

// footerLen is the length of the footer that a file ends with.
func footerLen(tail []byte) (n int, ok bool) {
	at := len(tail) - footerEnd
	if at < 0 || string(tail[at+4:]) != footerMagic {
		return 0, false
	}
	text := binary.BigEndian.Uint32(tail[at:])
	return int(text) + footerEnd, text <= maxEntry
}

// readAnswer reads an answer file of the earlier layout. One that is damaged is
// ErrMiss.
func readAnswer(path string) (Entry, error) {
	f, err := posixfile.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Entry{}, ErrMiss
	}
	if err != nil {
		return Entry{}, fmt.Errorf("read cache: %w", err)
	}
	defer f.Close() // only read from
	buf := make([]byte, maxEntry)
	n, err := f.ReadAt(buf, 0)
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
