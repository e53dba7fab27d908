package selection

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
	"github.com/opensandwich/oi/cmd/internal/openimages"
)

// A group is the matches of a photo that follow each other in a list.
type group struct {
	matches []match
	all     []match // of the photo: more, where the list is not sorted by photo
}

// A batch is some groups of a subset, in the order of its list, and broken
// rows.
type batch struct {
	sub     *subset
	groups  []group
	matches []match // of the groups, and then of the next one
	starts  []int   // where each begins
	bad     []*openimages.RowError

	images *csvscan.Rows // of the photos of this batch and others
	first  int           // which of them is that of the first group
}

// maxUsed is how many batches are kept to be used again.
const maxUsed = 64

// newBatch returns an empty batch, made of one that was released if there is
// one.
func newBatch(sub *subset) *batch {
	b := new(batch)
	select {
	case b = <-sub.used:
	default:
	}
	*b = batch{sub: sub, groups: b.groups[:0], matches: b.matches[:0], starts: b.starts[:0]}
	if b.matches == nil {
		b.matches = make([]match, 0, batchSize+batchSize/8) // and of a group more
	}
	return b
}

// release says that nothing of a batch is needed any more.
func (b *batch) release() {
	if b.images != nil {
		b.images.Release()
	}
	select {
	case b.sub.used <- b:
	default:
	}
}

// batchSize is how many matches make a batch. Groups are not divided.
const batchSize = 256

// maxBoxes bounds the boxes of one photo. The most in an official list is 745,
// of all classes.
const maxBoxes = 20_000

// add adds a match.
func (b *batch) add(m match) error {
	open := b.open()
	if len(open) == 0 || open[0].id != m.id {
		b.starts = append(b.starts, len(b.matches))
	} else if len(open) == maxBoxes {
		return fmt.Errorf("photo %s has more than %d boxes", m.id, maxBoxes)
	}
	b.matches = append(b.matches, m)
	return nil
}

// open returns the last group so far.
func (b *batch) open() []match {
	if len(b.starts) == 0 {
		return nil
	}
	return b.matches[b.starts[len(b.starts)-1]:]
}

// cut ends the batch before its last group, which begins a new one, or after it
// if it is complete.
func (b *batch) cut(complete bool) *batch {
	next := newBatch(b.sub)
	if open := b.open(); !complete && len(open) > 0 {
		next.starts = append(next.starts, 0)
		next.matches = append(next.matches, open...)
		b.matches = b.matches[:len(b.matches)-len(open)]
		b.starts = b.starts[:len(b.starts)-1]
	}
	b.groups = slices.Grow(b.groups, len(b.starts))[:len(b.starts)]
	for i, from := range b.starts {
		to := len(b.matches)
		if i+1 < len(b.starts) {
			to = b.starts[i+1]
		}
		matches := b.matches[from:to:to]
		b.groups[i] = group{matches, matches}
	}
	return next
}

func (b *batch) empty() bool { return len(b.groups) == 0 && len(b.bad) == 0 }

// without drops groups.
func without(batches seq[*batch], drop func(group) bool) seq[*batch] {
	return func(yield func(*batch, error) bool) {
		for b, err := range batches {
			if err == nil {
				b.groups = slices.DeleteFunc(b.groups, drop)
				if b.empty() { // many may come before one that is not
					b.release()
					continue
				}
			}
			if !yield(b, err) {
				return
			}
		}
	}
}

// batches yields all groups of the selection, or with limits those of which
// something may be kept.
func (s *Selection) batches(ctx context.Context, limits *quotas) iter.Seq2[*batch, error] {
	return func(yield func(*batch, error) bool) {
		for _, sub := range s.subsets {
			for b, err := range s.subsetBatches(ctx, sub, limits, false) {
				if !yield(b, err) || err != nil {
					return
				}
			}
		}
	}
}

// subsetBatches is batches of one subset. If all that matters of a photo is
// whether it is listed, rows of the image list are read only where the index
// leaves that open.
func (s *Selection) subsetBatches(ctx context.Context, sub *subset, limits *quotas, listed bool) seq[*batch] {
	groups := sub.gathered.batches(sub)
	if sub.gathered == nil {
		groups = s.readBatches(ctx, sub, limits.rangesOf(sub))
	}
	photos := firstPhotos
	switch {
	case listed:
		photos = mostListed
	case limits != nil:
		photos = mostPhotos // no item comes sooner for less
	case 0 < sub.announced && sub.announced <= mostPhotos:
		photos = knownPhotos
	}
	return sub.withImages(limits.only(s.query.Seed, groups), photos, listed)
}

// Rows of an image list are read for some photos at once, in the order of the
// list: few in the beginning, so that the first items come soon.
const (
	firstPhotos = 64
	knownPhotos = 512 // where all are few
	mostPhotos  = 16 << 10
	mostListed  = 32 << 10 // where hardly any row is read
)

// withImages adds to batches what the image list says of their photos: of so
// many in the beginning.
func (sub *subset) withImages(batches seq[*batch], most int, listed bool) seq[*batch] {
	return func(yield func(*batch, error) bool) {
		var waiting []*batch
		photos := 0
		flush := func() bool {
			if err := sub.fetchImages(waiting, listed); err != nil {
				yield(nil, err)
				return false
			}
			for i, b := range waiting {
				waiting[i] = nil
				if !yield(b, nil) {
					return false
				}
			}
			waiting, photos = waiting[:0], 0
			if most != knownPhotos {
				most = max(most, min(4*most, mostPhotos))
			}
			return true
		}
		for b, err := range batches {
			if err != nil {
				if flush() {
					yield(nil, err)
				}
				return
			}
			waiting = append(waiting, b)
			photos += len(b.groups)
			if (photos >= most || sub.inFlight) && !flush() {
				return
			}
		}
		flush()
	}
}

// fetchImages reads the rows of the photos of some batches, or those alone that
// tell whether a photo is listed.
func (sub *subset) fetchImages(batches []*batch, listed bool) error {
	photos := 0
	for _, b := range batches {
		photos += len(b.groups)
	}
	if photos == 0 {
		return nil
	}
	ids := make([]csvscan.LookupKey, 0, photos)
	for _, b := range batches {
		b.first = len(ids)
		for i := range b.groups {
			m := &b.groups[i].matches[0]
			ids = append(ids, csvscan.LookupKey{Key: m.id, Number: m.photo})
		}
	}
	fetch := sub.images.Fetch
	if listed {
		fetch = sub.images.FetchUnsure
	}
	images, err := fetch(ids, len(batches))
	for _, b := range batches {
		b.images = images
	}
	return err
}

// readBatches yields the groups of a list that is sorted by photo, as its rows
// come.
func (s *Selection) readBatches(ctx context.Context, sub *subset, ranges []csvscan.Range) iter.Seq2[*batch, error] {
	return func(yield func(*batch, error) bool) {
		b := newBatch(sub)
		late := "" // a photo that comes again
		next := func(complete bool) bool {
			whole := b
			b = b.cut(complete)
			return whole.empty() || yield(whole, nil)
		}
		request := s.request()
		request.Ranges = ranges
		if sub.inFlight {
			request.MIDs = nil // there is no index
		}
		for rows, err := range sub.list.Read(ctx, request) {
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range rows {
				row := &rows[i]
				if row.Fault != nil {
					b.bad = append(b.bad, row.Fault)
					continue
				}
				if row.Value.Denied {
					continue
				}
				if late != "" {
					continue // the rest of the list is still to come here
				}
				if open := b.open(); len(open) > 0 && row.Value.ImageID != open[0].id {
					if row.Value.ImageID < open[0].id {
						late = row.Value.ImageID
						continue
					}
					if len(b.matches) >= batchSize && !next(false) {
						return
					}
				}
				if err := b.add(newMatch(&row.Value.BoxRow, s.query.Assign[row.Value.MID])); err != nil {
					yield(nil, err)
					return
				}
			}
			if late == "" && !next(false) {
				return
			}
		}
		if late != "" {
			yield(nil, sub.notSorted(late))
			return
		}
		next(true)
	}
}

// notSorted is the error of a list that was taken to be sorted by photo.
func (sub *subset) notSorted(late string) error {
	if !sub.inFlight {
		return fmt.Errorf("%s: photo %s comes late: %w", sub.boxes.Path, late, csvscan.ErrChanged)
	}
	return fmt.Errorf("%s is not sorted by photo (%s comes late), so that its boxes cannot be told while it arrives; it is here now, and the same command will do", sub.boxes.Path, late)
}
