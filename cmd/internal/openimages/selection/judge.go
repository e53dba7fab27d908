package selection

import (
	"context"
	"fmt"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
	"github.com/opensandwich/oi/cmd/internal/openimages"
	"github.com/opensandwich/oi/record"
)

// A candidate is a match and what is to become of it.
type candidate struct {
	sub     *subset
	match   *match
	group   *group
	image   *record.Image // nil where the photo is not listed, or not yet read
	listed  bool          // whether the photo is
	author  string        // what Query.Set must not divide
	set     string        // what Query.Set says, "" where it has not been asked
	reason  string        // why it is no item, or ""
	failed  bool          // the reason is a fault of the row's
	alike   []bool        // of group.all: which repeat an earlier one
	at      int           // position in group.all
	doubles *doubles      // of group.all
}

// A judge decides what becomes of matches, on one goroutine. What it says of a
// group depends on the group alone, limits aside.
type judge struct {
	s       *Selection
	readers map[*subset]*csvscan.LookupReader[openimages.ImageRow]
	rows    []openimages.ImageRow // of the last batch, by group
	found   []bool                // which of them there are
	at      candidate             // at hand
	repeats repeats
	doubles doubles
}

func (s *Selection) newJudge() *judge {
	return &judge{s: s, readers: map[*subset]*csvscan.LookupReader[openimages.ImageRow]{}}
}

// reader returns the reader of a subset's image list.
func (j *judge) reader(sub *subset) (*csvscan.LookupReader[openimages.ImageRow], error) {
	if r := j.readers[sub]; r != nil {
		return r, nil
	}
	r, err := sub.images.Reader()
	j.readers[sub] = r
	return r, err
}

// readImage reads the row of a candidate's photo, if it is listed and has not
// been read.
func (j *judge) readImage(c *candidate) error {
	if c.image != nil || !c.listed {
		return nil
	}
	rows, err := c.sub.images.Fetch([]csvscan.LookupKey{{Key: c.match.id, Number: c.match.photo}}, 1)
	if err != nil {
		return err
	}
	defer rows.Release()
	r, err := j.reader(c.sub)
	if err != nil {
		return err
	}
	row := new(openimages.ImageRow)
	found, _, err := r.Parse(rows, 0, row)
	if err == nil && !found {
		err = fmt.Errorf("%s: photo %s: %w", c.sub.imageList.Path, c.match.id, csvscan.ErrChanged)
	}
	if err == nil {
		c.setImage(j.s.query, row)
	}
	return err
}

// setImage enters what the image list says of the photo.
func (c *candidate) setImage(q *Query, row *openimages.ImageRow) {
	c.image = &row.Image
	c.author, c.set = q.Group(row.Image.AuthorURL, row.Image.Author, row.ImageID), ""
}

// images parses for each group of a batch the photo's row of the image list, if
// there is one, and returns the rows of these photos that are broken.
func (j *judge) images(b *batch) (bad []*openimages.RowError, err error) {
	n := len(b.groups)
	if n == 0 {
		return nil, nil
	}
	r, err := j.reader(b.sub)
	if err != nil {
		return nil, err
	}
	j.rows, j.found = slices.Grow(j.rows[:0], n)[:n], slices.Grow(j.found[:0], n)[:n]
	for i := range b.groups {
		var faults []*openimages.RowError
		if j.found[i], faults, err = r.Parse(b.images, b.first+i, &j.rows[i]); err != nil {
			return nil, err
		}
		bad = append(bad, faults...)
	}
	return bad, nil
}

// image returns the row of the image list that images has parsed for a group,
// or nil. It is valid until the next batch.
func (j *judge) image(group int) *openimages.ImageRow {
	if !j.found[group] {
		return nil
	}
	return &j.rows[group]
}

// each calls f with every match of a batch. The candidate is valid during the
// call only.
func (j *judge) each(ctx context.Context, b *batch, f func(*candidate) error) ([]*openimages.RowError, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	bad, err := j.images(b)
	if err != nil {
		return nil, err
	}
	for i := range b.groups {
		row := j.image(i)
		listed := row != nil || b.images.Listed(b.first+i)
		if err := j.group(b.sub, &b.groups[i], row, listed, f); err != nil {
			return nil, err
		}
	}
	return bad, nil
}

// group calls f with the matches of a group.
func (j *judge) group(sub *subset, g *group, row *openimages.ImageRow, listed bool, f func(*candidate) error) error {
	q := j.s.query
	c := &j.at
	*c = candidate{sub: sub, group: g, listed: listed}
	if row != nil {
		c.setImage(q, row)
	}
	var clashes []bool
	c.alike, clashes = j.repeats.of(g.all)
	j.doubles.of(q, g.all, c.alike, clashes)
	c.doubles = &j.doubles
	fates := q.labelFates(g.all)
	held := c.image != nil && sub.name == openimages.Train && j.s.held[csvscan.Key64(c.author)]
	for i := range g.matches {
		c.match = &g.matches[i]
		for g.all[c.at].place != c.match.place {
			c.at++
		}
		at := c.at
		c.reason, c.failed = "", false
		switch {
		case c.alike[at]:
			c.reason = ReasonDuplicate
		case !(&openimages.BoxRow{Box: c.match.box}).Sane():
			c.reason, c.failed = ReasonBadBox, true
		case clashes[at]:
			c.reason, c.failed = ReasonKeyClash, true
		case !c.listed:
			c.reason, c.failed = ReasonNotListed, true
		case sub.excludes(c.match):
			c.reason = ReasonVeto
		case fates != nil && fates[at] != "":
			c.reason = fates[at]
		case held:
			c.reason = ReasonAuthor
		case q.Refuse != nil && c.match.label < len(q.Classes):
			c.reason = q.Refuse(c.match.row())
		}
		if c.reason == "" && q.Doubles.Drop && len(j.doubles.partners(at)) > 0 {
			c.reason = ReasonDouble
		}
		if err := f(c); err != nil {
			return err
		}
	}
	return nil
}

// repeats finds boxes of a photo that repeat an earlier one, and boxes that
// differ from an earlier one but would have its key.
type repeats struct {
	alike, clash []bool
	sums         map[uint64]bool
	keys         map[uint32]bool
}

// fewBoxes is how many boxes are compared with each other faster than by a map.
const fewBoxes = 32

// of returns the two answers for each match. They are valid until the next
// call.
func (r *repeats) of(matches []match) (alike, clash []bool) {
	r.alike, r.clash = r.alike[:0], r.clash[:0]
	if len(matches) <= fewBoxes {
		for i := range matches {
			again, same := false, false
			for k := range i {
				again = again || matches[k].sum == matches[i].sum
				same = same || matches[k].sum>>32 == matches[i].sum>>32
			}
			r.alike, r.clash = append(r.alike, again), append(r.clash, same && !again)
		}
		return r.alike, r.clash
	}
	if r.sums == nil {
		r.sums, r.keys = map[uint64]bool{}, map[uint32]bool{}
	}
	clear(r.sums)
	clear(r.keys)
	for i := range matches {
		sum := matches[i].sum
		key := uint32(sum >> 32)
		again := r.sums[sum]
		r.alike = append(r.alike, again)
		r.clash = append(r.clash, !again && r.keys[key])
		r.sums[sum], r.keys[key] = true, true
	}
	return r.alike, r.clash
}
