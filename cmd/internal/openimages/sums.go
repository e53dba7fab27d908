package openimages

import (
	"crypto/md5" //nolint:gosec // the publisher's checksum, against damage only
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/crc32"
	"net/http"
	"strings"
	"sync"
)

// sums are what a server says of a whole file: hex, or "".
type sums struct {
	MD5    string `json:"md5,omitempty"`
	CRC32C string `json:"crc32c,omitempty"`
}

// serverSums reads x-goog-hash: crc32c=base64,md5=base64, in one header or
// several.
func serverSums(header http.Header) (s sums) {
	for _, line := range header.Values("X-Goog-Hash") {
		for part := range strings.SplitSeq(line, ",") {
			kind, text, _ := strings.Cut(strings.TrimSpace(part), "=")
			sum, err := base64.StdEncoding.DecodeString(text)
			switch {
			case err != nil:
			case kind == "md5" && len(sum) == md5.Size:
				s.MD5 = hex.EncodeToString(sum)
			case kind == "crc32c" && len(sum) == crc32.Size:
				s.CRC32C = hex.EncodeToString(sum)
			}
		}
	}
	return s
}

// A summer takes the sums of what arrives. MD5 takes longer than all else that
// a download does, so it is taken of one block while the next one is on its way.
type summer struct {
	md5    hash.Hash
	crc32c hash.Hash32
	block  []byte
	busy   sync.WaitGroup // with block
}

func newSummer() *summer { return &summer{md5: md5.New(), crc32c: crc32.New(castagnoli)} } //nolint:gosec // as above

func (s *summer) Write(p []byte) (int, error) {
	s.busy.Wait()
	s.block = append(s.block[:0], p...)
	s.busy.Go(func() {
		// Neither returns an error.
		_, _ = s.md5.Write(s.block)
		_, _ = s.crc32c.Write(s.block)
	})
	return len(p), nil
}

func (s *summer) sums() sums {
	s.busy.Wait()
	return sums{hex.EncodeToString(s.md5.Sum(nil)), hex.EncodeToString(s.crc32c.Sum(nil))}
}

// check compares what has arrived with what the server says, if it says
// anything, and with the catalogue. A file that arrived as the server has it, yet
// is not the one in the catalogue, has been replaced by its publisher: that is
// said aloud, but is no damage.
func (s *HTTPSource) check(path string, got, sent sums) error {
	switch {
	case sent.MD5 != "" && sent.MD5 != got.MD5:
		return fmt.Errorf("%s arrived damaged: its MD5 is %s, the server says %s", path, got.MD5, sent.MD5)
	case sent.CRC32C != "" && sent.CRC32C != got.CRC32C:
		return fmt.Errorf("%s arrived damaged: its CRC-32C is %s, the server says %s", path, got.CRC32C, sent.CRC32C)
	}
	known := s.known[path].MD5
	switch {
	case known == "" || known == got.MD5:
		return nil
	case sent == sums{}:
		return fmt.Errorf("%s is not the official file: its MD5 is %s, expected %s", path, got.MD5, known)
	case s.o.Warn != nil:
		s.o.Warn(fmt.Sprintf("%s has been replaced by its publisher since this program was made: its MD5 is %s, it was %s", path, got.MD5, known))
	}
	return nil
}
