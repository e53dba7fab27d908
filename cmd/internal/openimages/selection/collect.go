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

// A Selection is what a query finds. It must be closed.
type Selection struct {
	query      *Query
	ledger     Ledger
	mids       []string // of Query.Assign
	wanted     *openimages.MIDSet
	labels     []*record.Label // of the items; the last is NotName's
	subsets    []*subset
	tally      []Tally           // by label; the last is NotName's
	broken     int64             // rows that could not be read
	counted    bool              // all rows have been entered into the accounts
	countedBad map[badPlace]bool // broken rows of image lists
	announced  []int64           // rows of each label, as the indexes say
	// unsorted says that a list that is all here is not sorted by photo.
	// Then no other is emitted while it arrives, so that a command that
	// failed because of one unsorted list succeeds when it is run again,
	// whatever the others are.
	unsorted bool
	// With StrictAuthors, the groups with rows of the classes in train and
	// in the other subsets, by csvscan.Key64. The train rows of those in
	// both are dropped.
	trained, held map[uint64]bool
	doubles       doubleCounts
	shared        int64 // negatives whose group is on the other side too
	expected      int64 // items, where their number is known before the first
}

// A badPlace is where a broken row is.
type badPlace struct {
	file string
	line int64
}

// subset is what is known of one subset.
type subset struct {
	name       string
	number     uint8 // position in Selection.subsets
	boxes      openimages.File
	imageList  openimages.File
	list       *openimages.BoxList
	images     *csvscan.Lookup[openimages.ImageRow] // set if there may be a photo
	inFlight   bool                                 // items are emitted while the list arrives
	gathered   *gathered                            // nil if the list is read when its groups are needed
	counted    bool                                 // its rows have been entered into the accounts
	rows       int64                                // matches of the classes asked for
	announced  int64                                // what the index says of them
	used       chan *batch                          // to be used again
	exclusions [][]uint64                           // by class, photos by csvscan.Key64, sorted; for Query.Veto
}

// Collect opens the lists of the subsets, and reads what has to be known before
// the first item. Nothing that it keeps in memory grows with the lists, but for
// 8 bytes for each 32 rows of an image list, and 16 for each photo with a row
// of the classes asked for in a list that is not sorted by photo.
func (q *Query) Collect(ctx context.Context, ledger Ledger) (_ *Selection, err error) {
	s := &Selection{
		query: q, ledger: ledger, mids: slices.Collect(maps.Keys(q.Assign)), wanted: openimages.NewMIDSet(q.Assign),
		labels: q.newLabels(), tally: make([]Tally, len(q.Classes)+1), countedBad: map[badPlace]bool{}, announced: make([]int64, len(q.Classes)),
	}
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
		sub := &subset{name: name, number: uint8(len(s.subsets)), used: make(chan *batch, maxUsed)}
		if sub.boxes, sub.imageList, err = q.lists(name); err != nil {
			return nil, err
		}
		sub.list = openimages.OpenBoxes(q.Source, sub.boxes)
		s.subsets = append(s.subsets, sub)
		if err := s.collect(ctx, sub); err != nil {
			return nil, err
		}
	}
	for _, sub := range s.subsets {
		if sub.rows == 0 && sub.announced == 0 && !sub.inFlight {
			continue // a list that is not needed need not be downloaded
		}
		if err := s.openImages(ctx, sub); err != nil {
			return nil, err
		}
		for _, bad := range sub.images.Keyless() {
			if err := s.malformed(bad); err != nil {
				return nil, err
			}
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

// collect prepares a subset: its list is known to be sorted by photo and will
// be read as items are needed, or its matches are gathered.
func (s *Selection) collect(ctx context.Context, sub *subset) error {
	if !s.unsorted && s.query.streams(ctx, sub) {
		sub.inFlight = true
		return s.openImages(ctx, sub)
	}
	rows, sorted, known, err := sub.list.Known(ctx, s.mids)
	if err != nil {
		return err
	}
	s.unsorted = s.unsorted || known && !sorted
	all := s.query.Negatives > 0
	if known && sorted && !all {
		for i, n := range rows {
			sub.announced += n
			s.announced[s.query.Assign[s.mids[i]]] += n
		}
		s.ledger.Announce(sub.announced)
	} else if sub.gathered, err = s.gather(ctx, sub, all); err != nil {
		return err
	}
	return s.scanExclusions(ctx, sub)
}

// streams reports whether the items of a subset can be emitted while its list
// arrives: whether the list is not here yet, and no item depends on later rows.
func (q *Query) streams(ctx context.Context, sub *subset) bool {
	return openimages.ToBeDownloaded(ctx, q.Source, sub.boxes) && !q.ImageLabels &&
		!q.limited() && q.Negatives == 0 && !q.StrictAuthors
}

// openImages opens the image list of a subset, unless it is open.
func (s *Selection) openImages(ctx context.Context, sub *subset) (err error) {
	if sub.images != nil {
		return nil
	}
	if sub.images, err = openimages.OpenImages(ctx, s.query.Source, sub.imageList); err != nil || sub.inFlight {
		return err
	}
	return sub.list.Join(ctx, sub.images)
}

// Close gives the files back.
func (s *Selection) Close() error {
	var err error
	for _, sub := range s.subsets {
		err = errors.Join(err, sub.list.Close())
		if sub.gathered != nil {
			err = errors.Join(err, sub.gathered.matches.close())
		}
		if sub.images != nil {
			err = errors.Join(err, sub.images.Close())
		}
	}
	return err
}

// Expected returns how many items Emit makes, as soon as it has made the first:
// where there is a limit, a maximum or a balance, or with StrictAuthors and no
// negatives, and all shards are asked for. It is 0 in all other cases, in which
// the first items are made before the last are found.
func (s *Selection) Expected() int64 { return s.expected }

// Tally returns the account of a label, by its position in Query.Classes. The
// position after them is the negatives'.
func (s *Selection) Tally(label int) Tally { return s.tally[label] }

// Rows is the number of rows found of all classes asked for.
func (s *Selection) Rows() int64 {
	var n int64
	for _, sub := range s.subsets {
		n += sub.rows
	}
	return n
}

// SharedNegatives is the number of negatives of held-out subsets whose group
// has train rows of the classes, in spite of StrictAuthors: there were no
// others.
func (s *Selection) SharedNegatives() int64 { return s.shared }

// Malformed is the number of rows that could not be read.
func (s *Selection) Malformed() int64 { return s.broken }

// malformed counts a row that cannot be read.
func (s *Selection) malformed(bad *openimages.RowError) error {
	s.broken++
	s.ledger.In(1)
	return s.ledger.Skip(nil, ReasonMalformed, bad.Error())
}

// countBad counts a broken row of a subset's list, unless it has been.
func (s *Selection) countBad(sub *subset, bad *openimages.RowError) error {
	if sub.counted {
		return nil
	}
	return s.malformed(bad)
}

// countRow counts a match of a class, unless it has been.
func (s *Selection) countRow(sub *subset, m *match) {
	if sub.counted {
		return
	}
	sub.rows++
	s.tally[m.label].Rows++
	s.ledger.In(1)
	if s.query.Seen != nil {
		s.query.Seen(m.row())
	}
}

// countGroups is countRow for the matches of a batch.
func (s *Selection) countGroups(b *batch) {
	rows := 0
	for i := range b.groups {
		matches := b.groups[i].matches
		rows += len(matches)
		for k := range matches {
			s.tally[matches[k].label].Rows++
			if s.query.Seen != nil {
				s.query.Seen(matches[k].row())
			}
		}
	}
	b.sub.rows += int64(rows)
	s.ledger.In(int64(rows))
}

// findAuthors finds the groups with rows of the classes, and how many items
// they make. There are no negatives yet: what stays of the others must not
// depend on them.
func (s *Selection) findAuthors(ctx context.Context) error {
	type authors struct {
		counts
		listed []uint64
		sound  []uint64 // of the matches that no other rule takes away
	}
	worker := func(context.Context) func(*batch) (*authors, error) {
		j := s.newJudge()
		return func(b *batch) (_ *authors, err error) {
			a := &authors{counts: counts{batch: b}}
			a.badImages, err = j.each(ctx, b, func(c *candidate) error {
				if c.listed {
					a.listed = append(a.listed, csvscan.Key64(c.author))
				}
				if c.reason == "" {
					a.sound = append(a.sound, csvscan.Key64(c.author))
				}
				return nil
			})
			return a, err
		}
	}
	s.trained, s.held = map[uint64]bool{}, map[uint64]bool{}
	held := map[uint64]bool{} // what a judge looks at does not change meanwhile
	train := map[uint64]int64{}
	for a, err := range inOrder(ctx, func(ctx context.Context) seq[*batch] { return s.batches(ctx, nil) }, worker) {
		if err != nil {
			return err
		}
		if err := s.countRows(a.batch, a.badImages); err != nil {
			return err
		}
		of := held
		if a.batch.sub.name == openimages.Train {
			of = s.trained
			for _, author := range a.sound {
				train[author]++
			}
		} else {
			s.expected += int64(len(a.sound))
		}
		a.batch.release()
		for _, author := range a.listed {
			of[author] = true
		}
	}
	for author, n := range train {
		if !held[author] {
			s.expected += n
		}
	}
	if s.query.Shard != nil || s.query.Negatives > 0 {
		s.expected = 0
	}
	s.counted, s.held = true, held
	return nil
}
