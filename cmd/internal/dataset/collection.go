package dataset

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/opensandwich/oi/record"
)

// An Entry is what is kept in memory of each item, whatever its size.
type Entry struct {
	Key     string
	Label   string
	Set     string  // train, val or test
	Picture Picture // the photo's file
	Pixels  Picture // a variant's are those it was drawn from
	Photo   Photo   // among the collection's
	Number  int     // in the spool, -1 for an item that is not kept
}

// A Collection takes the items of a stream, all of one size, and divides them
// into sets once the last one has come.
type Collection struct {
	Spool   *Spool
	Photos  Photos
	Entries []Entry

	// Embeddings says that an item may have an embedding in place of a
	// tensor. It must be set before the first item is added.
	Embeddings bool

	// Dropped counts items that repeat another one.
	Dropped int
	// LeftOut counts those that were removed.
	LeftOut LeftOut

	contradicting int // of those dropped, by label or set

	size    Size
	repeats *Repeats
	rule    rule               // of the segment that is being read
	origins []origin           // of the entries, until they are divided
	authors map[uint64]string  // by their hashes
	by      map[Photo][]uint64 // the authors that items name for a photo
	strings map[string]string
}

// NewCollection returns an empty collection. It keeps its items in spool.
func NewCollection(spool *Spool, repeats RepeatPolicy) *Collection {
	return &Collection{Spool: spool, repeats: NewRepeats(repeats), LeftOut: LeftOut{}, authors: map[uint64]string{}, by: map[Photo][]uint64{}, strings: map[string]string{}}
}

// Size returns the size of the pictures.
func (c *Collection) Size() Size { return c.size }

// Begin takes note of a segment that begins in the number-th of the input's
// files, whose name is file.
func (c *Collection) Begin(h *record.Header, file string, number int) (err error) {
	c.repeats.Begin(file, number)
	c.rule, err = ruleOf(h.Stages)
	return err
}

// Add checks an item, gives it a key if it has none, and keeps it. An item that
// repeats another one is an error or dropped.
func (c *Collection) Add(item *record.Item) error {
	entry, err := c.Check(item)
	if err != nil {
		return err
	}
	at := len(c.Entries)
	repeat, err := c.repeats.Add(item)
	if err != nil {
		return err
	}
	if repeat != nil {
		at = repeat.Of
		c.Dropped++
		if other := c.Entries[at]; other.Label != entry.Label || c.origins[at].set != item.Set {
			c.contradicting++
			set, label := item.Set, entry.Label
			if repeat.Better {
				set, label = c.origins[at].set, other.Label
			}
			c.LeftOut.Add(Repeated, set, label, 1)
		}
		if !repeat.Better {
			return nil
		}
	}
	if entry.Number, err = c.Spool.Add(item); err != nil {
		return err
	}
	origin := origin{id: item.ID, subset: item.Subset, set: item.Set, rule: c.rule}
	if repeat != nil {
		c.Entries[at], c.origins[at] = entry, origin
		return nil
	}
	c.Entries, c.origins = append(c.Entries, entry), append(c.origins, origin)
	return nil
}

// Check checks that an item can be used together with those before it, gives it
// a key if it has none, and returns its entry, without keeping it.
func (c *Collection) Check(item *record.Item) (Entry, error) {
	size, err := c.sizeOf(item)
	if err != nil {
		return Entry{}, err
	}
	if c.size == (Size{}) {
		c.size = size
	}
	if size != c.size {
		return Entry{}, &Problem{
			fmt.Sprintf("item %s is %v pixels, those before it are %v", KeyOf(item), size, c.size),
			"cut all of them with the same oi-crop --size",
		}
	}
	if item.Label == nil || item.Label.Name == "" {
		return Entry{}, &Problem{fmt.Sprintf("item %s has no label", KeyOf(item)), `want "label": {"name": ...} on every item, as oi-boxes gives it`}
	}
	set, err := knownSet(item)
	if err != nil {
		return Entry{}, err
	}
	item.Key = KeyOf(item)
	entry := Entry{
		Key: item.Key, Label: c.intern(item.Label.Name), Set: set,
		Picture: FileOf(item), Pixels: PixelsOf(item), Number: -1,
	}
	if entry.Picture == (Picture{}) {
		entry.Picture = entry.Pixels // as PictureOf does
	}
	entry.Photo = c.Photos.Add(item.ID, entry.Picture)
	if author := AuthorOf(item); author != "" {
		hash := hash64(author)
		c.authors[hash] = author
		if !slices.Contains(c.by[entry.Photo], hash) {
			c.by[entry.Photo] = append(c.by[entry.Photo], hash)
		}
	}
	return entry, nil
}

// sizeOf returns the size of the picture that the item is or stands for.
func (c *Collection) sizeOf(item *record.Item) (Size, error) {
	if e := item.Embedding; c.Embeddings && item.Tensor == nil && e != nil {
		return Size{e.Side, e.Side}, nil
	}
	return SizeOf(item)
}

func knownSet(item *record.Item) (string, error) {
	switch item.Set {
	case Train:
		return Train, nil
	case Val:
		return Val, nil
	case Test:
		return Test, nil
	case "":
		return "", nil
	}
	return "", fmt.Errorf("item %s: set %q, want train, val or test", KeyOf(item), item.Set)
}

// intern returns one copy of a string that many items share.
func (c *Collection) intern(s string) string {
	if kept, ok := c.strings[s]; ok {
		return kept
	}
	c.strings[s] = s
	return s
}

// RemoveDuplicates removes train items of a photo that is also that of a
// held-out item, and returns their number. Call it after Divide.
func (c *Collection) RemoveDuplicates() int {
	return c.remove(Duplicate, func(e Entry) bool { return e.Set == Train && c.Photos.Has(e.Photo, HeldOut) })
}

// RemoveLabel removes the items of a label, for a reason, and returns their
// number.
func (c *Collection) RemoveLabel(label, reason string) int {
	return c.remove(reason, func(e Entry) bool { return e.Label == label })
}

// DropLine says in words what was dropped, "" if nothing was.
func (c *Collection) DropLine() string {
	switch {
	case c.Dropped == 0:
		return ""
	case c.contradicting == 0:
		return fmt.Sprintf("left out %d items that repeat another", c.Dropped)
	}
	return fmt.Sprintf("left out %d items that repeat another, %d of which have another label or set than it", c.Dropped, c.contradicting)
}

func (c *Collection) remove(reason string, unwanted func(Entry) bool) int {
	before := len(c.Entries)
	c.Entries = slices.DeleteFunc(c.Entries, func(e Entry) bool {
		if !unwanted(e) {
			return false
		}
		c.LeftOut.Add(reason, e.Set, e.Label, 1)
		return true
	})
	return before - len(c.Entries)
}

// Of returns the entries of a set in the order of their keys, so that nothing
// after it depends on the order of the stream.
func (c *Collection) Of(set string) []Entry {
	var entries []Entry
	for _, entry := range c.Entries {
		if entry.Set == set {
			entries = append(entries, entry)
		}
	}
	slices.SortStableFunc(entries, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Label, b.Label))
	})
	return entries
}

// DigestOf returns the digest of the items of entries, by their keys.
func DigestOf(entries []Entry) record.Digest {
	var d record.Digest
	for _, entry := range entries {
		d = d.Plus(record.DigestOf(&record.Item{Key: entry.Key}))
	}
	return d
}

// Counts returns the number of items of each set and label.
func (c *Collection) Counts() Counts {
	counts := Counts{}
	for _, entry := range c.Entries {
		counts.Add(entry.Set, entry.Label)
	}
	return counts
}
