package dataset

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/opensandwich/oi/record"
)

// Hash identifies the data a model came from: the SHA-256, in hexadecimal,
// over every entry's key, label, set and picture, in an order that does not
// depend on the stream's, and over the arguments of the oi-boxes stages that
// asked for them.
func Hash(entries []Entry, trail []record.Stage) string {
	lines := make([][]byte, 0, len(entries))
	for _, e := range entries {
		lines = append(lines, fmt.Appendf(nil, "item %q %q %q %x\n", e.Key, e.Label, e.Set, e.Picture))
	}
	slices.SortFunc(lines, bytes.Compare)
	h := sha256.New() // whose Write never fails
	for _, line := range lines {
		h.Write(line)
	}
	for _, stage := range Query(trail) {
		h.Write([]byte("query\n"))
		for _, name := range slices.Sorted(maps.Keys(stage.Args)) {
			fmt.Fprintf(h, "%q %q\n", name, stage.Args[name])
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Query returns the stages of the trail that chose the items.
func Query(trail []record.Stage) []record.Stage {
	var query []record.Stage
	for _, stage := range trail {
		if stage.Tool == "oi-boxes" {
			query = append(query, stage)
		}
	}
	return query
}

// prefix is how much of a picture's hash a model remembers. Among a million
// pictures the chance that any stranger is taken for one is below 1e-7 per
// million strangers.
const prefix = 8

// EncodePictures writes the pictures of the entries of a set as a short text:
// base64 of the sorted first 8 bytes of their hashes.
func EncodePictures(entries []Entry, set string) string {
	var all [][prefix]byte
	for _, e := range entries {
		if e.Set == set && e.Picture != (Picture{}) {
			all = append(all, [prefix]byte(e.Picture[:prefix]))
		}
	}
	slices.SortFunc(all, func(a, b [prefix]byte) int { return bytes.Compare(a[:], b[:]) })
	all = slices.Compact(all)
	packed := make([]byte, 0, prefix*len(all))
	for _, p := range all {
		packed = append(packed, p[:]...)
	}
	return base64.StdEncoding.EncodeToString(packed)
}

// A Known is the pictures that a model remembers.
type Known struct{ prefixes map[[prefix]byte]struct{} }

// DecodePictures reads what EncodePictures wrote.
func DecodePictures(text string) (Known, error) {
	packed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return Known{}, fmt.Errorf("list of pictures: %w", err)
	}
	if len(packed)%prefix != 0 {
		return Known{}, fmt.Errorf("list of pictures: %w", io.ErrUnexpectedEOF)
	}
	known := Known{make(map[[prefix]byte]struct{}, len(packed)/prefix)}
	for ; len(packed) > 0; packed = packed[prefix:] {
		known.prefixes[[prefix]byte(packed)] = struct{}{}
	}
	return known, nil
}

// Len returns the number of pictures.
func (k Known) Len() int { return len(k.prefixes) }

// Has reports whether p is among the pictures.
func (k Known) Has(p Picture) bool {
	if p == (Picture{}) {
		return false
	}
	_, ok := k.prefixes[[prefix]byte(p[:prefix])]
	return ok
}
