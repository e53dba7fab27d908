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
	Set     string // train, val or test
	Picture Picture
	Author  uint64 // a hash of the author, 0 where he is unknown
	Number  int    // in the spool, -1 for an item that is not kept
}

// A Collection takes the items of a stream, all of one size, and divides them
// into sets once the last one has come.
type Collection struct {
	Spool   *Spool
	Entries []Entry

	size     Size
	unsorted []unsorted
	strings  map[string]string
}

// unsorted is an item that came without a set.
type unsorted struct {
	entry  int
	group  string
	subset string
}

// NewCollection returns an empty collection. It keeps its items in spool.
func NewCollection(spool *Spool) *Collection {
	return &Collection{Spool: spool, strings: map[string]string{}}
}

// Size returns the size of the pictures.
func (c *Collection) Size() Size { return c.size }

// Add checks an item and keeps it.
func (c *Collection) Add(item *record.Item) error {
	entry, err := c.Check(item)
	if err != nil {
		return err
	}
	if entry.Number, err = c.Spool.Add(item); err != nil {
		return err
	}
	if entry.Set == "" {
		c.unsorted = append(c.unsorted, unsorted{len(c.Entries), GroupOf(item), item.Subset})
	}
	c.Entries = append(c.Entries, entry)
	return nil
}

// Check checks that an item can be used together with those before it and
// returns its entry, without keeping it.
func (c *Collection) Check(item *record.Item) (Entry, error) {
	size, err := SizeOf(item)
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
	entry := Entry{Key: KeyOf(item), Label: c.intern(item.Label.Name), Set: set, Picture: PictureOf(item), Number: -1}
	if author := AuthorOf(item); author != "" {
		entry.Author = hash64(author)
	}
	return entry, nil
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

// Divide gives a set to the items that came without one and returns their
// number. If any of them is of Open Images' own validation or test subset,
// all keep the subset they have; otherwise split divides them.
func (c *Collection) Divide(split Split) int {
	official := slices.ContainsFunc(c.unsorted, func(u unsorted) bool { return heldOut(u.subset) != "" })
	for _, u := range c.unsorted {
		entry := &c.Entries[u.entry]
		switch {
		case !official:
			entry.Set = split.Of(u.group)
		case heldOut(u.subset) != "":
			entry.Set = heldOut(u.subset)
		default:
			entry.Set = Train
		}
	}
	n := len(c.unsorted)
	c.unsorted = nil
	return n
}

// heldOut returns the set that an official subset other than train is used
// for, or "".
func heldOut(subset string) string {
	switch subset {
	case "validation":
		return Val
	case "test":
		return Test
	}
	return ""
}

// Pictures are the photos of held-out items.
type Pictures map[Picture]struct{}

// HeldOut returns the pictures of the validation and test items.
func (c *Collection) HeldOut() Pictures {
	held := Pictures{}
	for _, entry := range c.Entries {
		if entry.Set != Train && entry.Picture != (Picture{}) {
			held[entry.Picture] = struct{}{}
		}
	}
	return held
}

// Has reports whether p is known to be among the pictures.
func (ps Pictures) Has(p Picture) bool {
	_, ok := ps[p]
	return ok && p != Picture{}
}

// RemoveDuplicates removes train items cut from a picture that a held-out item
// was cut from, byte for byte, and returns their number. Call it after Divide.
func (c *Collection) RemoveDuplicates() int {
	held := c.HeldOut()
	return c.remove(func(e Entry) bool { return e.Set == Train && held.Has(e.Picture) })
}

// RemoveLabel removes the items of a label and returns their number.
func (c *Collection) RemoveLabel(label string) int {
	return c.remove(func(e Entry) bool { return e.Label == label })
}

func (c *Collection) remove(unwanted func(Entry) bool) int {
	before := len(c.Entries)
	c.Entries = slices.DeleteFunc(c.Entries, unwanted)
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

// Counts returns the number of items of each set and label.
func (c *Collection) Counts() Counts {
	counts := Counts{}
	for _, entry := range c.Entries {
		counts.Add(entry.Set, entry.Label)
	}
	return counts
}
