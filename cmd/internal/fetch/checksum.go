package fetch

import (
	"crypto/md5" // the data set and the servers give MD5
	"encoding/base64"
	"hash"
	"net/http"

	"github.com/opensandwich/oi/cmd/internal/googhash"
)

// checksums compares a body with what the server and the image list say of it.
type checksums struct {
	hash     hash.Hash // nil if nobody says anything
	promised []byte    // by the server for this body; nil if it does not say
}

func newChecksums(photo *serverPhoto, h http.Header) *checksums {
	s := &checksums{}
	s.promised, _ = googhash.Parse(h.Values("X-Goog-Hash"))
	if s.promised != nil || photo.md5 != "" {
		s.hash = md5.New()
	}
	return s
}

func (s *checksums) write(p []byte) {
	if s.hash != nil {
		s.hash.Write(p)
	}
}

// restart forgets what was written.
func (s *checksums) restart() {
	if s.hash != nil {
		s.hash.Reset()
	}
}

// checkTransfer checks that the bytes are those that the server meant to send.
func (s *checksums) checkTransfer() error {
	if s.promised == nil || string(s.hash.Sum(nil)) == string(s.promised) {
		return nil
	}
	fe := fetchErrorf(BadChecksum, "the bytes do not have the MD5 that the server gives for them")
	fe.retryable = true
	return fe
}

// checkOriginal compares a photo with what the image list says of its original.
// The boxes were drawn on that one: a photo that its owner has replaced, turned
// or cropped since would have them in the wrong place, so it is a failure.
func (s *checksums) checkOriginal(photo *serverPhoto, size int64) error {
	if photo.md5 != "" {
		sum, err := base64.StdEncoding.DecodeString(photo.md5)
		if err != nil || len(sum) != md5.Size {
			return fetchErrorf(MD5Mismatch, "original_md5 %.40q is not the base64 of 16 bytes", photo.md5)
		}
		if got := s.hash.Sum(nil); string(got) != string(sum) {
			return fetchErrorf(MD5Mismatch, "MD5 %s, but the annotated original had %s", base64.StdEncoding.EncodeToString(got), photo.md5)
		}
	}
	if photo.size != 0 && size != photo.size {
		return fetchErrorf(SizeMismatch, "%d bytes, but the annotated original had %d", size, photo.size)
	}
	return nil
}
