package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

const (
	magic = "oi-rec1\n"

	// The trailer is a MessagePack ext value of 16 bytes, so that a reader
	// that knows nothing of it can step over it.
	trailerSize = 18
	trailerCode = 0xd8 // fixext 16
	trailerType = 0x6f
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendTrailer appends the trailer of a map of size bytes.
func appendTrailer(dst []byte, size int, sum uint32) []byte {
	dst = append(dst, trailerCode, trailerType)
	dst = binary.BigEndian.AppendUint32(dst, uint32(size))
	dst = binary.BigEndian.AppendUint32(dst, sum)
	return append(dst, magic...)
}

// countTrailers returns the number of records that b consists of. Only the
// trailers are looked at.
func countTrailers(b []byte) (n int64, err error) {
	for rest := len(b); rest > 0; n++ {
		body := rest - trailerSize
		if body < 0 || string(b[rest-len(magic):rest]) != magic {
			return 0, errNotWhole
		}
		if rest = body - int(binary.BigEndian.Uint32(b[body+2:])); rest < 0 || rest >= body {
			return 0, errNotWhole
		}
	}
	return n, nil
}

var errNotWhole = errors.New("the bytes are not those of whole records")

// checkTrailer checks the trailer t of a record whose map is body: its form,
// the length and the CRC-32C.
func checkTrailer(t, body []byte) error {
	if t[0] != trailerCode || t[1] != trailerType || string(t[10:]) != magic {
		return errors.New("no trailer after the record's map")
	}
	if n := binary.BigEndian.Uint32(t[2:]); int64(n) != int64(len(body)) {
		return fmt.Errorf("the trailer says %d bytes, the record has %d", n, len(body))
	}
	if sum := binary.BigEndian.Uint32(t[6:]); sum != crc32.Checksum(body, castagnoli) {
		return errors.New("the record's checksum is wrong")
	}
	return nil
}
