package stream

import (
	"fmt"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/record"
)

// A sharedPhoto gives items that name another one's photo by fetched.bytes_of
// the bytes of it, so that nobody else need know of this. They must follow the
// item with the bytes directly.
type sharedPhoto struct {
	key    string // of the item with the bytes, "" if there is none
	sha256 string
	bytes  []byte
}

// take looks at the next record.
func (s *sharedPhoto) take(r record.Record) error {
	item, ok := r.(*record.Item)
	if !ok || item.Fetched == nil {
		*s = sharedPhoto{}
		return nil
	}
	f := item.Fetched
	switch {
	case f.BytesOf == "" && f.Bytes == nil:
		*s = sharedPhoto{}
	case f.BytesOf == "":
		*s = sharedPhoto{item.Key, f.SHA256, f.Bytes}
	case f.Bytes != nil:
		return fmt.Errorf("record %s has a photo of its own and names that of %s (fetched.bytes_of)", item.Key, f.BytesOf)
	case f.BytesOf != s.key:
		return cli.WithHint(fmt.Errorf("the photo of record %s is that of %s (fetched.bytes_of), which does not come directly before it", item.Key, f.BytesOf),
			"what oi-fetch --share-bytes writes must be read as it is, by oi-crop in the same pipe; without the flag every record carries its photo")
	case f.SHA256 != s.sha256:
		return fmt.Errorf("the photo of record %s is said to be that of %s (fetched.bytes_of), which has another SHA-256", item.Key, f.BytesOf)
	default:
		f.Bytes, f.BytesOf = s.bytes, ""
	}
	return nil
}
