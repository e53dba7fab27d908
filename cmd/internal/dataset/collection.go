package dataset

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/opensandwich/oi/record"
)

// An Entry is what is kept in memory of each item, whatever its size.
type Entry struct {
	Key    string
	Label  string
	Set    string // train, val or test
	Number int    // in the spool, -1 for an item that is not kept
	Photo  Photo  // among the collection's
	hashes int32  // in the spool, of an entry that is kept
}

// An authorship is that an item names an author, by his number, for a photo.
type authorship struct {
	photo  Photo
	author int32
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
	context Size // of the second views, zero where there are none
	repeats *Repeats
	rules   []rule           // of the segments
	origins []origin         // of the entries, until they are divided
	authors []string         // by number
	numbers map[string]int32 // of the authors
	by      []authorship
	sorted  bool // the entries are, see Sort

	compactAt int // how many authorships are to be made fewer
	strings   map[string]string
}

// NewCollection returns an empty collection. It keeps its items in spool.
func NewCollection(spool *Spool, repeats RepeatPolicy) *Collection {
	return &Collection{Spool: spool, repeats: NewRepeats(repeats), LeftOut: LeftOut{}, rules: []rule{{}}, numbers: map[string]int32{}, strings: map[string]string{}}
}

// Size returns the size of the pictures.
func (c *Collection) Size() Size { return c.size }

// Context returns the size of the second views; it is zero where items have one
// view.
func (c *Collection) Context() Size { return c.context }

// Begin takes note of a segment that begins in the number-th of the input's
// files, whose name is file.
func (c *Collection) Begin(h *record.Header, file string, number int) error {
	c.repeats.Begin(file, number)
	rule, err := ruleOf(h.Stages)
	if c.rules[len(c.rules)-1] != rule {
		c.rules = append(c.rules, rule)
	}
	return err
}

// Add checks an item, gives it a key if it has none, and keeps it. An item that
// repeats another one is an error or dropped.
func (c *Collection) Add(item *record.Item) error {
	entry, picture, pixels, err := c.check(item)
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
		if other := c.Entries[at]; other.Label != entry.Label || other.Set != item.Set {
			c.contradicting++
			set, label := item.Set, entry.Label
			if repeat.Better {
				set, label = other.Set, other.Label
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
	if entry.hashes, err = c.Spool.hashes.add(picture, pixels); err != nil {
		return err
	}
	origin := origin{rule: int32(len(c.rules)) - 1, held: heldOut(item.Subset)}
	if item.Set == "" {
		origin.id = item.ID
	}
	if repeat != nil {
		c.Entries[at], c.origins[at] = entry, origin
		return nil
	}
	c.Entries, c.origins = append(c.Entries, entry), append(c.origins, origin)
	return nil
}

// Check checks that an item can be used together with those before it, gives it
// a key if it has none, and returns its entry, without keeping it. An entry that
// the caller keeps has its hashes after Remember.
func (c *Collection) Check(item *record.Item) (Entry, error) {
	entry, _, _, err := c.check(item)
	return entry, err
}

// Remember keeps the hashes of an item of which Check returned the entry.
func (c *Collection) Remember(entry *Entry, item *record.Item) (err error) {
	entry.hashes, err = c.Spool.hashes.add(PictureOf(item), PixelsOf(item))
	return err
}

// Expect takes the sizes of the views from an item that is still to come, if it is
// the first.
func (c *Collection) Expect(item *record.Item) error {
	if c.size != (Size{}) {
		return nil
	}
	size, err := c.sizeOf(item)
	if err != nil {
		return err
	}
	context, err := c.contextOf(item)
	if err != nil {
		return err
	}
	c.size, c.context = size, context
	return nil
}

func (c *Collection) check(item *record.Item) (entry Entry, picture, pixels Picture, err error) {
	size, err := c.sizeOf(item)
	if err != nil {
		return entry, picture, pixels, err
	}
	context, err := c.contextOf(item)
	if err != nil {
		return entry, picture, pixels, err
	}
	if err := c.Expect(item); err != nil {
		return entry, picture, pixels, err
	}
	if context != c.context {
		return entry, picture, pixels, c.otherViews(item, context)
	}
	if size != c.size {
		return entry, picture, pixels, &Problem{
			fmt.Sprintf("item %s is %v pixels, those before it are %v", KeyOf(item), size, c.size),
			"cut all of them with the same oi-crop --size",
		}
	}
	if item.Label == nil || item.Label.Name == "" {
		return entry, picture, pixels, &Problem{fmt.Sprintf("item %s has no label", KeyOf(item)), `want "label": {"name": ...} on every item, as oi-boxes gives it`}
	}
	set, err := knownSet(item)
	if err != nil {
		return entry, picture, pixels, err
	}
	item.Key = KeyOf(item)
	picture, pixels = FileOf(item), PixelsOf(item)
	if picture == (Picture{}) {
		picture = pixels // as PictureOf does
	}
	entry = Entry{
		Key: item.Key, Label: c.intern(item.Label.Name), Set: set, Number: -1,
		Photo: c.Photos.Add(item.ID, picture),
	}
	if author := AuthorOf(item); author != "" {
		number, known := c.numbers[author]
		if !known {
			number = int32(len(c.authors))
			c.numbers[author], c.authors = number, append(c.authors, author)
		}
		c.name(authorship{entry.Photo, number})
	}
	return entry, picture, pixels, nil
}

// otherViews says that an item has another second view than those before it.
func (c *Collection) otherViews(item *record.Item, context Size) error {
	next := "cut all of them with the same oi-crop --two-views"
	switch {
	case c.context == Size{}:
		return &Problem{fmt.Sprintf("item %s has two views, those before it have one", KeyOf(item)), next + ", or without"}
	case context == Size{}:
		return &Problem{fmt.Sprintf("item %s has one view, those before it have two", KeyOf(item)), next + ", or without"}
	}
	return &Problem{fmt.Sprintf("item %s has a context of %v pixels, those before it have one of %v", KeyOf(item), context, c.context), next}
}

// name takes note of an author of a photo. Most items name one that others have
// named: now and then each is kept but once.
func (c *Collection) name(a authorship) {
	if n := len(c.by); n > 0 && c.by[n-1] == a {
		return
	}
	if c.by = append(c.by, a); len(c.by) < c.compactAt {
		return
	}
	slices.SortFunc(c.by, func(a, b authorship) int {
		return cmp.Or(cmp.Compare(a.photo, b.photo), cmp.Compare(a.author, b.author))
	})
	c.by = slices.Compact(c.by)
	c.compactAt = 2*len(c.by) + 1024
}

// Hashes returns the SHA-256 of the file of an entry's photo and of its pixels;
// a variant's pixels are those it was drawn from. See PictureOf and PixelsOf. It
// must not be called once the spool is closed.
func (c *Collection) Hashes(e Entry) (picture, pixels Picture) { return c.Spool.hashes.at(e.hashes) }

// sizeOf returns the size of the picture that the item is or stands for.
func (c *Collection) sizeOf(item *record.Item) (Size, error) {
	if e := item.Embedding; c.Embeddings && item.Tensor == nil && e != nil {
		return Size{e.Side, e.Side}, nil
	}
	return SizeOf(item)
}

// contextOf is sizeOf for the second view.
func (c *Collection) contextOf(item *record.Item) (Size, error) {
	if e := item.Embedding; c.Embeddings && item.Tensor == nil && e != nil {
		return Size{e.Context, e.Context}, nil
	}
	return ContextOf(item)
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
// after it depends on the order of the stream. After Sort it is a part of
// Entries.
func (c *Collection) Of(set string) []Entry {
	if c.sorted {
		from, _ := slices.BinarySearchFunc(c.Entries, rank(set), compareRank)
		to, _ := slices.BinarySearchFunc(c.Entries, rank(set)+1, compareRank)
		return c.Entries[from:to:to]
	}
	var entries []Entry
	for _, entry := range c.Entries {
		if entry.Set == set {
			entries = append(entries, entry)
		}
	}
	slices.SortStableFunc(entries, compareKeys)
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

// Sort sorts the entries themselves, those of test, val and train, and within a
// set as Of returns them, which then copies none. Removing entries changes what
// Of returned before. Call it after Divide.
func (c *Collection) Sort() {
	slices.SortStableFunc(c.Entries, func(a, b Entry) int { return cmp.Or(compareRank(a, rank(b.Set)), compareKeys(a, b)) })
	c.sorted = true
}

func compareRank(e Entry, of int) int { return cmp.Compare(rank(e.Set), of) }

func compareKeys(a, b Entry) int {
	return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Label, b.Label))
}

// Counts returns the number of items of each set and label.
func (c *Collection) Counts() Counts {
	counts := Counts{}
	for _, entry := range c.Entries {
		counts.Add(entry.Set, entry.Label)
	}
	return counts
}
