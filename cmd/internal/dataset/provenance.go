package dataset

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"slices"

	"github.com/opensandwich/oi/record"
)

// DataVersion is the version of what a Digest covers. Version 1, that of
// reports that name none, did not cover the pixels.
const DataVersion = 2

// A Digest identifies the data that a model came from, by SHA-256 in
// hexadecimal. None of it depends on the order of the stream.
type Digest struct {
	// Data covers all of it: the items of every set and the arguments of
	// the oi-boxes stages that asked for them.
	Data string
	Sets map[string]string // the items of a set: their keys, labels, pictures and pixels
}

// Digest returns the digest of some of the entries, of the variants that were
// trained on, if any, and of the trail.
func (c *Collection) Digest(entries Entries, variants *Variants, trail []record.Stage) (Digest, error) {
	sets := map[string]Entries{}
	for _, row := range entries.list {
		set := c.rows.set(row)
		sets[set] = Entries{entries.rows, append(sets[set].list, row)}
	}
	trained := variants != nil && variants.n > 0
	if _, ok := sets[Train]; trained && !ok {
		sets[Train] = Entries{}
	}
	d := Digest{Sets: map[string]string{}}
	all := sha256.New() // whose Write never fails
	for _, set := range slices.Sorted(maps.Keys(sets)) {
		// That is the order of their lines: no character comes before the
		// quotation mark that ends a key.
		sets[set].sort(c.compareKeys)
		h := sha256.New()
		var line []byte
		for _, e := range sets[set].All() {
			picture, pixels, err := c.Hashes(e)
			if err != nil {
				return Digest{}, err
			}
			line = fmt.Appendf(line[:0], "item %q %q %x %x\n", e.Key, e.Label, picture, pixels)
			h.Write(line)
		}
		if set == Train && trained { // in their order after the items
			fmt.Fprintf(h, "variants %d %x\n", variants.n, variants.hash.Sum(nil))
		}
		sum := h.Sum(nil)
		d.Sets[set] = hex.EncodeToString(sum)
		fmt.Fprintf(all, "set %q %x\n", set, sum)
	}
	var queries [][]byte
	for _, stage := range Query(trail) {
		query := []byte("query\n")
		for _, name := range slices.Sorted(maps.Keys(stage.Args)) {
			query = fmt.Appendf(query, "%q %q\n", name, stage.Args[name])
		}
		queries = append(queries, query)
	}
	slices.SortFunc(queries, bytes.Compare)
	all.Write(bytes.Join(queries, nil))
	d.Data = hex.EncodeToString(all.Sum(nil))
	return d, nil
}

// Variants is the pictures that oi-augment made of train items, in the order in
// which they were trained on.
type Variants struct {
	hash hash.Hash // whose Write never fails
	n    int64
}

// NewVariants returns an empty list.
func NewVariants() *Variants { return &Variants{hash: sha256.New()} }

// Add takes a variant, which has a label, and a tensor or an embedding.
func (v *Variants) Add(item *record.Item) {
	v.n++
	pixels := TensorOf(item)
	fmt.Fprintf(v.hash, "%q %q %d %d %x\n", KeyOf(item), item.Label.Name, item.Augment.Epoch, item.Augment.Copy, pixels[:])
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
