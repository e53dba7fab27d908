package dataset

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/opensandwich/oi/record"
)

// An authorship is that an item names an author, by his number, for a photo.
type authorship struct {
	photo  Photo
	author int32
}

// A Collection takes the items of a stream, all of one size, and divides them
// into sets once the last one has come.
type Collection struct {
	Spool  *Spool
	Photos Photos

	// Embeddings says that an item may have an embedding in place of a
	// tensor. It must be set before the first item is added.
	Embeddings bool

	// Dropped counts items that repeat another one.
	Dropped int
	// LeftOut counts those that were removed.
	LeftOut LeftOut

	contradicting int // of those dropped, by label or set

	size    Size
	context Size     // of the second views, zero where there are none
	repeats *Repeats // of items that are still to be divided
	rules   []rule   // of the segments
	rows    rows
	order   []int32          // rows: those of the different items in the order of the stream, until they are sorted
	authors []string         // by number
	numbers map[string]int32 // of the authors
	by      []authorship     // of items that have no row
	sorted  bool             // the rows are, see Sort

	compactAt int // how many authorships are to be made fewer
}

// NewCollection returns an empty collection. It keeps its items in spool.
func NewCollection(spool *Spool, repeats RepeatPolicy) *Collection {
	return &Collection{
		Spool: spool, repeats: NewRepeats(repeats), LeftOut: LeftOut{}, rules: []rule{{}}, numbers: map[string]int32{},
		rows: rows{numbers: map[string]int32{}, others: map[int32]string{}},
	}
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
	rule.from = int32(c.rows.len())
	if last := c.rules[len(c.rules)-1]; last.kind != rule.kind || last.split != rule.split {
		c.rules = append(c.rules, rule)
	}
	return err
}

// Entries returns the entries of the collection, in the order of the stream or
// as Sort put them.
func (c *Collection) Entries() Entries { return Entries{&c.rows, c.order} }

// Add checks an item, gives it a key if it has none, and keeps it. An item that
// repeats another one is an error or dropped. It must not be called after Divide.
func (c *Collection) Add(item *record.Item) error {
	entry, picture, pixels, err := c.check(item)
	if err != nil {
		return err
	}
	repeat, err := c.repeats.Add(item)
	if err != nil {
		return err
	}
	if repeat != nil {
		c.Dropped++
		if other := c.rows.entry(c.order[repeat.Of]); other.Label != entry.Label || other.Set != item.Set {
			c.contradicting++
			set, label := item.Set, entry.Label
			if repeat.Better {
				set, label = other.Set, other.Label
			}
			c.LeftOut.Add(Repeated, set, label, 1)
		}
		if !repeat.Better {
			c.name(entry.Photo, c.author(item))
			return nil
		}
	}
	if entry.Number, err = c.Spool.Add(item); err != nil {
		return err
	}
	row, err := c.add(entry, item, picture, pixels)
	if err != nil {
		return err
	}
	if item.Set == "" {
		c.rows.setID(row, item.ID)
	}
	if repeat != nil { // the row of the other one is of no more use
		c.order[repeat.Of] = row
		return nil
	}
	c.order = append(c.order, row)
	return nil
}

// add adds a row.
func (c *Collection) add(entry Entry, item *record.Item, picture, pixels Picture) (int32, error) {
	if err := c.Spool.hashes.add(picture, pixels); err != nil {
		return 0, err
	}
	return c.rows.add(entry, c.author(item), heldOut(item.Subset))
}

// Check checks that an item can be used together with those before it, gives it
// a key if it has none, and returns its entry, without keeping it.
func (c *Collection) Check(item *record.Item) (Entry, error) {
	entry, _, _, err := c.check(item)
	if err == nil {
		c.name(entry.Photo, c.author(item))
	}
	return entry, err
}

// Remember adds the entry of an item of train that Check returned, without the
// item. The entries of the collection must be sorted, of which it is the last.
func (c *Collection) Remember(entry Entry, item *record.Item) error {
	c.Spool.pass()
	row, err := c.add(entry, item, PictureOf(item), PixelsOf(item))
	c.order = append(c.order, row)
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
	entry = Entry{Key: item.Key, Label: item.Label.Name, Set: set, Number: -1, Photo: c.Photos.Add(item.ID, picture)}
	return entry, picture, pixels, nil
}

// author returns the number of an item's author, -1 where he is unknown.
func (c *Collection) author(item *record.Item) int32 {
	author := AuthorOf(item)
	if author == "" {
		return -1
	}
	number, known := c.numbers[author]
	if !known {
		number = int32(len(c.authors))
		c.numbers[author], c.authors = number, append(c.authors, author)
	}
	return number
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

// name takes note of an author of a photo that an item names which has no row.
// Most name one that others have named: now and then each is kept but once.
func (c *Collection) name(photo Photo, author int32) {
	a := authorship{photo, author}
	if author < 0 {
		return
	}
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

// authorships yields which authors are named for which photos.
func (c *Collection) authorships(yield func(authorship) bool) {
	for row := range c.rows.len() {
		if a := (authorship{*c.rows.photos.at(row), *c.rows.authors.at(row)}); a.author >= 0 && !yield(a) {
			return
		}
	}
	for _, a := range c.by {
		if !yield(a) {
			return
		}
	}
}

// Hashes returns the SHA-256 of the file of an entry's photo and of its pixels;
// a variant's pixels are those it was drawn from. See PictureOf and PixelsOf.
func (c *Collection) Hashes(e Entry) (picture, pixels Picture, err error) {
	return c.Spool.pair(int(e.row))
}

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
	before := len(c.order)
	c.order = slices.DeleteFunc(c.order, func(row int32) bool {
		e := c.rows.entry(row)
		if !unwanted(e) {
			return false
		}
		c.LeftOut.Add(reason, e.Set, e.Label, 1)
		return true
	})
	return before - len(c.order)
}

// Of returns the entries of a set in the order of their keys, so that nothing
// after it depends on the order of the stream. After Sort it is a part of
// Entries.
func (c *Collection) Of(set string) Entries {
	entries := Entries{rows: &c.rows}
	if c.sorted {
		place := func(rank int) int {
			at, _ := slices.BinarySearchFunc(c.order, rank, func(row int32, of int) int { return cmp.Compare(c.rank(row), of) })
			return at
		}
		return c.Entries().Part(place(rank(set)), place(rank(set)+1))
	}
	for _, row := range c.order {
		if c.rows.set(row) == set {
			entries.list = append(entries.list, row)
		}
	}
	entries.sort(c.compareKeys)
	return entries
}

// DigestOf returns the digest of the items of entries, by their keys.
func DigestOf(entries Entries) record.Digest {
	var d record.Digest
	for _, entry := range entries.All() {
		d = d.Plus(record.DigestOf(&record.Item{Key: entry.Key}))
	}
	return d
}

// Sort sorts the entries themselves, those of test, val and train, and within a
// set as Of returns them, which then copies none. Removing entries changes what
// Of returned before. Call it after Divide.
func (c *Collection) Sort() {
	c.Entries().sort(func(a, b int32) int { return cmp.Or(cmp.Compare(c.rank(a), c.rank(b)), c.compareKeys(a, b)) })
	c.sorted = true
}

func (c *Collection) rank(row int32) int { return rank(c.rows.set(row)) }

func (c *Collection) compareKeys(a, b int32) int {
	return cmp.Or(cmp.Compare(c.rows.keys.at(int(a)), c.rows.keys.at(int(b))), cmp.Compare(c.rows.label(a), c.rows.label(b)))
}

// Counts returns the number of items of each set and label.
func (c *Collection) Counts() Counts { return CountsOf(c.Entries()) }
