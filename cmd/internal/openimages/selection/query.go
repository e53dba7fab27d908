package selection

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
	"github.com/opensandwich/oi/cmd/internal/openimages"
	"github.com/opensandwich/oi/record"
)

// Reasons why a row does not become an item.
const (
	// Removed by a rule.
	ReasonDuplicate = "duplicate"      // the same photo, class and coordinates again
	ReasonLimit     = "limit"          // beyond Query.Limit
	ReasonMost      = "max per class"  // beyond Query.MaxPerClass
	ReasonBalance   = "balance"        // more than Query.Balance leaves to a class
	ReasonAuthor    = "strict authors" // a train photo whose author has held-out photos
	ReasonVeto      = "left out"       // a photo that also shows one of Query.Veto
	ReasonSeveral   = "several labels" // a photo that Query.ImageLabels finds under two labels
	ReasonShard     = "other shard"    // a photo that Query.Shard leaves to others
	// Skipped as failures.
	ReasonMalformed = "malformed row"
	ReasonBadBox    = "bad box"           // empty or not within the picture
	ReasonNotListed = "not in image list" // nothing is known of the photo
	ReasonKeyClash  = "key clash"         // another box of the photo has this key
)

// A Ledger is told what becomes of each row. *stream.Counters is one.
type Ledger interface {
	In(n int64)
	Out(n int64)
	Remove(reason string, n int64)
	// Skip returns an error when the query should be given up.
	Skip(item *record.Item, reason, detail string) error
}

// A Query asks for the boxes of some classes, joined with what the image lists
// say of their photos.
type Query struct {
	Source  openimages.Source
	Dataset openimages.Dataset
	Subsets []string // which to read; rows come in the order of Subsets()
	// ImageLabels takes the rows from Dataset.Labels instead of Dataset.Boxes:
	// what people have said of whole photos. An item's box is the whole photo
	// (0 to 1, all flags unknown), its row a verified positive. A photo comes
	// once. One under two of Classes goes to the one that MoreSpecific prefers,
	// or to none. Verified negatives are never items of their class, but with
	// Negatives come first under NotName; see Deny.
	ImageLabels bool
	// MoreSpecific reports whether label a, by its position in Classes, wins
	// over label b where a photo has both.
	MoreSpecific func(a, b int) bool
	// Veto are MIDs for each of Classes: a photo that is verified to show one of
	// them does not come under that class.
	Veto []map[string]bool
	// Deny are groups of MIDs: a photo is verified to show none of Classes if
	// of each group at least one MID is denied, and no MID of Assign or Kinds is
	// affirmed.
	Deny [][]string
	// Kinds are the MIDs that say of a photo that it shows one of Classes: those
	// named and all kinds of them.
	Kinds   map[string]bool
	Classes []openimages.Class // the labels that items get
	// Assign says which MID's boxes go under which of Classes; see
	// Hierarchy.Assign.
	Assign map[string]int
	// Seen, if set, is called with each row of Classes, and with each row that is
	// looked at as a negative, before any rule; perhaps more than once.
	Seen func(box *openimages.BoxRow)
	// Refuse, if set, says why a box is not wanted, in a word for the accounts,
	// or "". It is asked about sound boxes only, and before any limit. Set and
	// avoid of the others do not depend on it.
	Refuse func(box *openimages.BoxRow) (reason string)
	// Limit is the most boxes of Classes to keep, divided as evenly as there
	// are boxes; 0 keeps all. It takes 16 bytes of memory for each, as the
	// two limits below do.
	Limit int64
	// MaxPerClass is the most boxes to keep of each of Classes; 0 keeps all.
	MaxPerClass int64
	// Balance keeps as many boxes of each of Classes as there are of the one
	// with the fewest, of those that have any.
	Balance bool
	// Shard, if set, says whether the items of a photo are emitted. It is asked
	// last: the shards together are the whole.
	Shard func(id string) bool
	// Negatives is the number of boxes of other classes to add under the label
	// NotName, divided over the subsets in proportion to their rows, as far as
	// there are any. A box that meets one of Classes, or that any rule but Shard
	// would take away, is not drawn. With ImageLabels, photos: those that are
	// verified to show none of Classes, and if they are too few, those under other
	// labels only. It takes some 100 bytes of memory for each, and 16 for each
	// row of Unfit or Deny.
	Negatives int64
	// Unfit are MIDs besides those of Assign whose boxes are no negatives.
	Unfit   map[string]bool
	NotName string
	Seed    uint64 // of Limit and Negatives
	// Set says what an item is used for, from its subset and its photo's group.
	Set func(subset, group string) string
	// Group names what Set must not divide.
	Group func(authorURL, author, id string) string
	// StrictAuthors drops train rows whose group also has rows of Classes in
	// another subset, before any limit. Negatives whose group has rows of Classes
	// on the other side are taken where there are no others.
	StrictAuthors bool
}

// A Tally is what became of one label's rows.
type Tally struct {
	Rows int64            // found
	Lost map[string]int64 // removed or skipped, by reason
	Kept int64            // emitted
	Sets map[string]int64 // emitted, by set
}

// A Selection is the result of a query's scans. It must be closed.
type Selection struct {
	query   *Query
	ledger  Ledger
	subsets []*subset
	tally   []Tally // by label; the last is NotName's
	broken  int64   // rows that could not be read
	// unsorted says that a list that is all here is not sorted by photo. Then no
	// other is emitted while it arrives, so that a command that failed because of
	// one unsorted list succeeds when it is run again, whatever the others are.
	unsorted bool
	// With StrictAuthors, the groups with rows of the classes in train and in the
	// other subsets, by csvscan.Key64. The train rows of those in both are dropped.
	trained, held map[uint64]bool
	shared        int64 // negatives whose group is on the other side too
	expected      int64 // items, where a limit makes the number known
}

// subset is what is known of one subset.
type subset struct {
	name   string
	boxes  openimages.File
	images openimages.File
	hits   *spool
	runs   int
	rows   int64 // hits of the classes asked for
	photos *photos
	lookup *csvscan.Lookup[openimages.ImageRow] // set if items are emitted while the list arrives
	lines  *csvscan.Lines                       // once somebody has asked for a line
	vetoed [][]uint64                           // by class, photos by csvscan.Key64, sorted; for Query.Veto
}

// Collect scans the box lists and the image lists of the subsets. Nothing that
// it keeps in memory grows with the lists, but for 24 bytes for each photo with
// a box of the classes asked for.
func (q *Query) Collect(ctx context.Context, ledger Ledger) (_ *Selection, err error) {
	s := &Selection{query: q, ledger: ledger, tally: make([]Tally, len(q.Classes)+1)}
	for i := range s.tally {
		s.tally[i].Sets, s.tally[i].Lost = map[string]int64{}, map[string]int64{}
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	for _, name := range openimages.Subsets() {
		if !slices.Contains(q.Subsets, name) {
			continue
		}
		sub := &subset{name: name}
		if sub.boxes, sub.images, err = q.lists(name); err != nil {
			return nil, err
		}
		s.subsets = append(s.subsets, sub)
		if !s.unsorted && q.streams(ctx, sub) {
			if sub.lookup, err = openimages.OpenImages(ctx, q.Source, sub.images, s.malformed); err != nil {
				return nil, err
			}
		}
		if sub.lookup != nil {
			continue
		}
		if err := s.scanBoxes(ctx, sub); err != nil {
			return nil, err
		}
		if err := s.scanVetoes(ctx, sub); err != nil {
			return nil, err
		}
	}
	for _, sub := range s.subsets {
		if sub.lookup != nil {
			continue
		}
		if err := s.scanImages(ctx, sub, sub.photos, s.malformed); err != nil {
			return nil, err
		}
	}
	if q.StrictAuthors {
		if err := s.findAuthors(ctx); err != nil {
			return nil, err
		}
	}
	if q.Negatives > 0 {
		if err := s.addNegatives(ctx); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Close gives the temporary files back.
func (s *Selection) Close() error {
	var err error
	for _, sub := range s.subsets {
		if sub.hits != nil {
			err = errors.Join(err, sub.hits.close())
		}
		if sub.photos != nil {
			err = errors.Join(err, sub.photos.close())
		}
		if sub.lookup != nil {
			err = errors.Join(err, sub.lookup.Close())
		}
		if sub.lines != nil {
			err = errors.Join(err, sub.lines.Close())
		}
	}
	return err
}

// Expected returns how many items Emit emits, as soon as it emits the first:
// where there is a limit, a maximum or a balance, and all shards are asked for.
// It is 0 in all other cases, in which the first items are emitted before the
// last are found.
func (s *Selection) Expected() int64 { return s.expected }

// Tally returns the account of a label, by its position in Query.Classes. The
// position behind them is the negatives'.
func (s *Selection) Tally(label int) Tally { return s.tally[label] }

// Rows is the number of rows found of all classes asked for.
func (s *Selection) Rows() int64 {
	var n int64
	for _, sub := range s.subsets {
		n += sub.rows
	}
	return n
}

// SharedNegatives is the number of negatives of held-out subsets whose group has
// train rows of the classes, in spite of StrictAuthors: there were no others.
func (s *Selection) SharedNegatives() int64 { return s.shared }

// Malformed is the number of rows that could not be read.
func (s *Selection) Malformed() int64 { return s.broken }

// malformed counts a row that cannot be read.
func (s *Selection) malformed(bad *openimages.RowError) error {
	s.broken++
	s.ledger.In(1)
	return s.ledger.Skip(nil, ReasonMalformed, bad.Error())
}

// seen tells of a row.
func (s *Selection) seen(row *openimages.BoxRow) {
	if s.query.Seen != nil {
		s.query.Seen(row)
	}
}

// scanBoxes spools the rows that are asked for.
func (s *Selection) scanBoxes(ctx context.Context, sub *subset) (err error) {
	wanted := openimages.NewMIDSet(s.query.Assign)
	var e csvscan.Encoder
	var last string
	var rows []int64 // by label
	reset := func() error {
		s.ledger.In(-sub.rows)
		rows = make([]int64, len(s.query.Classes))
		sub.runs, sub.rows, last = 0, 0, ""
		old := sub.hits
		sub.hits = &spool{}
		if old == nil {
			return nil
		}
		return old.close()
	}
	if err := reset(); err != nil {
		return err
	}
	err = openimages.ReadBoxes(ctx, s.query.Source, sub.boxes, openimages.BoxRequest{
		Labels: s.query.ImageLabels,
		MIDs:   slices.Collect(maps.Keys(s.query.Assign)),
		Want:   wanted.Has,
		Row: func(row *openimages.PickedRow) error {
			if row.Denied {
				return nil
			}
			h := newHit(&row.BoxRow, s.query.Assign[row.MID])
			e.Buf = e.Buf[:0]
			h.append(&e)
			if _, err := sub.hits.add(e.Buf); err != nil {
				return err
			}
			if sub.rows == 0 || last != h.id {
				s.unsorted = s.unsorted || h.id < last
				sub.runs++
				last = h.id
			}
			sub.rows++
			rows[h.label]++
			s.seen(&row.BoxRow)
			s.ledger.In(1)
			return nil
		},
		Bad:   s.malformed,
		Again: reset,
	})
	if err != nil {
		return err
	}
	for label, n := range rows {
		s.tally[label].Rows += n
	}
	sub.photos, err = newPhotos(sub.hits, sub.runs)
	return err
}

// scanImages keeps what the image list says of photos.
func (s *Selection) scanImages(ctx context.Context, sub *subset, photos *photos, bad func(*openimages.RowError) error) error {
	if len(photos.runs) == 0 {
		return nil // a list that is not needed need not be downloaded
	}
	var e csvscan.Encoder
	return openimages.ReadImages(ctx, s.query.Source, sub.images, openimages.ImageRequest{
		Keys: photos.keys, Want: photos.has, WantKey: photos.hasKey,
		Row: func(row *openimages.ImageRow) error { return photos.addImage(row, &e) },
		Bad: bad, Again: photos.dropImages,
	})
}
