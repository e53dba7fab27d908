// Package googhash reads the header x-goog-hash, by which Google's servers give
// the checksums of a whole file.
package googhash

import (
	"crypto/md5" // the server's checksum, against damage only
	"encoding/base64"
	"hash/crc32"
	"strings"
)

// Parse reads the values of the headers x-goog-hash: crc32c=BASE64,md5=BASE64,
// in one header or several. A checksum that is not given, or not one, is nil;
// of several the last counts.
func Parse(values []string) (md5Sum, crc32c []byte) {
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") {
			kind, text, _ := strings.Cut(strings.TrimSpace(part), "=")
			sum, err := base64.StdEncoding.DecodeString(text)
			switch {
			case err != nil:
			case kind == "md5" && len(sum) == md5.Size:
				md5Sum = sum
			case kind == "crc32c" && len(sum) == crc32.Size:
				crc32c = sum
			}
		}
	}
	return md5Sum, crc32c
}
