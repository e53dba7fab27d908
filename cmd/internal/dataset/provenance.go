package dataset

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
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
