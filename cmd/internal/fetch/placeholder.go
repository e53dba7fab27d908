package fetch

import (
	"path"
	"strings"
)

// The picture that Flickr sends, with status 200, for a photo that was taken
// down: PNG, 500x374, one channel. It is recognised by size and hash, never by
// its single channel, which real photos have too.
const (
	placeholderSize   = 2051
	placeholderSHA256 = "6f38049c08670c05cf14fc02d1fbcc84d80fc91f8178c86c7cecb588cc1b6f88"
)

// isPlaceholderPath recognises the placeholder by where it is served from,
// such as /pw/images/en-us/photo_unavailable.png and its larger sisters.
func isPlaceholderPath(p string) bool {
	return strings.HasPrefix(path.Base(p), "photo_unavailable")
}
