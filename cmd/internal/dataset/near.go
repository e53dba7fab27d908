package dataset

import (
	"context"

	"github.com/opensandwich/oi/cmd/internal/nearduplicate"
)

// NearDuplicate is the reason for which items are left out whose picture is
// nearly that of an item held out from them.
const NearDuplicate = "near duplicate of a held-out picture"

// A Near is an item whose picture is nearly that of an item which is held out
// from it: of train one of val or test, of val one of test.
type Near struct {
	Entry, HeldOut Entry
	Correlation    float64 // of the two pictures in grey
}

// maxCompared bounds the pictures that an item is compared with.
const maxCompared = 64

// NearDuplicates returns the items near one that is held out from them, each
// with the first that was found, those of val before those of train, by their
// keys. Items without pixels are near none. Call it after Divide. It keeps some
// 24 bytes an item, and reads pictures back.
func (c *Collection) NearDuplicates(ctx context.Context) ([]Near, error) {
	f := nearFinder{spool: c.Spool, size: c.size, index: nearduplicate.NewIndex()}
	for _, entry := range c.Of(Test).All() {
		if err := f.hold(entry); err != nil {
			return nil, err
		}
	}
	var found []Near
	for _, set := range []string{Val, Train} {
		var stay []Entry
		for _, entry := range c.Of(set).All() {
			if err := context.Cause(ctx); err != nil {
				return nil, err
			}
			near, err := f.find(entry)
			if err != nil {
				return nil, err
			}
			if near != nil {
				found = append(found, *near)
			} else {
				stay = append(stay, entry)
			}
		}
		if set == Train {
			break
		}
		for _, entry := range stay {
			if err := f.hold(entry); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

// RemoveNear removes items that NearDuplicates has found, and returns their
// number.
func (c *Collection) RemoveNear(list []Near) int {
	unwanted := map[int]bool{} // by number in the spool
	for _, near := range list {
		unwanted[near.Entry.Number] = true
	}
	return c.remove(NearDuplicate, func(e Entry) bool { return e.Number >= 0 && unwanted[e.Number] })
}

// A nearFinder knows the pictures that are held out.
type nearFinder struct {
	spool *Spool
	size  Size
	index *nearduplicate.Index
	held  []Entry // by number in the index
	buf   []byte
}

// thumbnail reads a picture, or nil if there is none or it has one colour.
func (f *nearFinder) thumbnail(entry Entry) (*nearduplicate.Thumbnail, error) {
	if entry.Number < 0 {
		return nil, nil
	}
	var err error
	f.buf, err = f.spool.Pixels(entry.Number, f.buf)
	if err != nil || len(f.buf) == 0 || len(f.buf) != f.size.Height*f.size.Width*3 {
		return nil, err
	}
	t := nearduplicate.NewThumbnail(f.buf, f.size.Height, f.size.Width)
	if t.Blank() {
		return nil, nil
	}
	return t, nil
}

// hold adds a picture, if there is one, to those that are held out.
func (f *nearFinder) hold(entry Entry) error {
	t, err := f.thumbnail(entry)
	if err != nil || t == nil {
		return err
	}
	f.index.Add(t.Hash())
	f.held = append(f.held, entry)
	return nil
}

// find returns the first picture that is held out and near an item's.
func (f *nearFinder) find(entry Entry) (near *Near, err error) {
	t, err := f.thumbnail(entry)
	if err != nil || t == nil {
		return nil, err
	}
	err = f.search(t, func(number int, correlation float64) bool {
		near = &Near{entry, f.held[number], correlation}
		return false
	})
	return near, err
}

// search calls each with the pictures that are held out and near one, as long as
// it returns true.
func (f *nearFinder) search(t *nearduplicate.Thumbnail, each func(number int, correlation float64) bool) (err error) {
	compared := 0
	f.index.Near(t.Hash(), func(number, _ int) bool {
		compared++
		var other *nearduplicate.Thumbnail
		if other, err = f.thumbnail(f.held[number]); err != nil || other == nil {
			return false
		}
		if r := t.Correlation(other); r >= nearduplicate.MinCorrelation && !each(number, r) {
			return false
		}
		return compared < maxCompared
	})
	return err
}

// NearPairs calls each with the places of entries whose pictures are nearly the
// same, the lower one first. Items without pixels are near none.
func (c *Collection) NearPairs(ctx context.Context, entries Entries, each func(a, b int)) error {
	f := nearFinder{spool: c.Spool, size: c.size, index: nearduplicate.NewIndex()}
	var places []int // of those held
	for i, entry := range entries.All() {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		t, err := f.thumbnail(entry)
		if err != nil {
			return err
		}
		if t == nil {
			continue
		}
		if err := f.search(t, func(number int, _ float64) bool { each(places[number], i); return true }); err != nil {
			return err
		}
		f.index.Add(t.Hash())
		f.held, places = append(f.held, entry), append(places, i)
	}
	return nil
}
