package download

import (
	"cmp"
	"crypto/md5" // the publisher's checksum, against damage only
	"encoding/hex"
	"fmt"
	"hash"
	"hash/crc32"
	"net/http"
	"sync"

	"github.com/opensandwich/oi/cmd/internal/googhash"
)

// castagnoli is the polynomial of CRC-32C.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksums are what a server says of a whole file: hex, or "".
type checksums struct {
	MD5    string `json:"md5,omitempty"`
	CRC32C string `json:"crc32c,omitempty"`
}

// serverChecksums is what the headers of a response say.
func serverChecksums(header http.Header) checksums {
	md5Sum, crc32c := googhash.Parse(header.Values("X-Goog-Hash"))
	return checksums{MD5: hex.EncodeToString(md5Sum), CRC32C: hex.EncodeToString(crc32c)}
}

// A hasher takes the checksums of what arrives. MD5 takes longer than all else
// that a download does, so it is only taken if asked for, and of one block
// while the next one is on its way.
type hasher struct {
	md5    hash.Hash // or nil
	crc32c hash.Hash32
	block  []byte
	busy   sync.WaitGroup // with block
}

func newHasher(withMD5 bool) *hasher {
	h := &hasher{crc32c: crc32.New(castagnoli)}
	if withMD5 {
		h.md5 = md5.New() // as above
	}
	return h
}

func (h *hasher) Write(p []byte) (int, error) {
	if h.md5 == nil {
		return h.crc32c.Write(p)
	}
	h.busy.Wait()
	h.block = append(h.block[:0], p...)
	h.busy.Go(func() {
		// Neither returns an error.
		_, _ = h.md5.Write(h.block)
		_, _ = h.crc32c.Write(h.block)
	})
	return len(p), nil
}

func (h *hasher) checksums() checksums {
	h.busy.Wait()
	got := checksums{CRC32C: hex.EncodeToString(h.crc32c.Sum(nil))}
	if h.md5 != nil {
		got.MD5 = hex.EncodeToString(h.md5.Sum(nil))
	}
	return got
}

// needsMD5 reports whether a file's MD5 has to be taken. Where the server tells
// both checksums of it, its CRC-32C shows that it arrived as the server has it,
// and its MD5 which file the server has.
func (c *Client) needsMD5(path string, sent checksums) bool {
	return sent.CRC32C == "" || sent.MD5 == "" && c.expected(path).MD5 != ""
}

// compareChecksums compares what has arrived, size bytes, with what the server
// says, if it says anything, and with the catalogue. got has an MD5 where
// needsMD5 asks for it. A file that arrived as the server has it, yet is not
// the one in the catalogue, has been replaced by its publisher, and is no
// damage: replaced says what is different.
func (c *Client) compareChecksums(path string, size int64, got, sent checksums) (replaced string, err error) {
	switch {
	case sent.MD5 != "" && got.MD5 != "" && sent.MD5 != got.MD5:
		return "", fmt.Errorf("%s arrived damaged: its MD5 is %s, the server says %s", path, got.MD5, sent.MD5)
	case sent.CRC32C != "" && sent.CRC32C != got.CRC32C:
		return "", fmt.Errorf("%s arrived damaged: its CRC-32C is %s, the server says %s", path, got.CRC32C, sent.CRC32C)
	}
	known, is := c.expected(path), cmp.Or(got.MD5, sent.MD5)
	different := func(property string, is, was any) (string, error) {
		if sent == (checksums{}) {
			return "", fmt.Errorf("%s is not the official file: its %s is %v, expected %v", path, property, is, was)
		}
		return fmt.Sprintf("its %s is %v, it was %v", property, is, was), nil
	}
	switch {
	case known.MD5 != "" && known.MD5 != is:
		return different("MD5", is, known.MD5)
	case known.MD5 == "" && known.Size > 0 && known.Size != size:
		return different("size", size, known.Size)
	}
	return "", nil
}
