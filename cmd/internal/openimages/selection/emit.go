package selection

import (
	"context"
	"fmt"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
	"github.com/opensandwich/oi/cmd/internal/openimages"
	"github.com/opensandwich/oi/record"
)

// Emit calls f with every item of the selection, in the order of the subsets
// and their box lists.
func (s *Selection) Emit(ctx context.Context, f func(*record.Item) error) error {
	limits, err := s.limits(ctx)
	if err != nil {
		return err
	}
	if limits != nil && s.query.Shard == nil {
		s.expected = limits.items
	}
	return s.judge(ctx, true, func(c *candidate) error {
		if c.reason == "" && limits != nil {
			c.reason = limits.refuse(s.query.Seed, c.hit)
		}
		if c.reason == "" && s.query.Shard != nil && !s.query.Shard(c.hit.id) {
			c.reason = ReasonShard
		}
		if c.reason == "" {
			item := s.item(c)
			s.count(item, c.hit.label)
			s.ledger.Out(1)
			return f(item)
		}
		s.tally[c.hit.label].Lost[c.reason]++
		if !c.failed {
			s.ledger.Remove(c.reason, 1)
			return nil
		}
		line, err := s.line(ctx, c)
		if err != nil {
			return err
		}
		detail := fmt.Sprintf("%s:%d", c.sub.boxes.Path, line)
		if official, ok := openimages.RestoreID(c.hit.id); ok && c.reason == ReasonNotListed {
			detail += fmt.Sprintf(": %s may be %s, as official ids are written", c.hit.id, official)
		}
		return s.ledger.Skip(s.item(c), c.reason, detail)
	})
}

// line returns the line of a hit's row. One that was found through an index has
// not been counted yet.
func (s *Selection) line(ctx context.Context, c *candidate) (int64, error) {
	if c.hit.line > 0 {
		return c.hit.line, nil
	}
	if c.sub.lines == nil {
		lines, err := openimages.OpenLines(ctx, s.query.Source, c.sub.boxes)
		if err != nil || lines == nil {
			return 0, err
		}
		c.sub.lines = lines
	}
	return c.sub.lines.Of(c.hit.place)
}

func (s *Selection) count(item *record.Item, label int) {
	s.tally[label].Kept++
	s.tally[label].Sets[item.Set]++
}

// A candidate is a hit and what is to become of it.
type candidate struct {
	sub    *subset
	hit    *hit
	photo  *visit
	image  *record.Image // nil where not listed or not read
	group  string
	reason string // why it is no item, or ""
	failed bool   // the reason is a fault of the row's
	alike  []bool // of photo.all: which repeat an earlier one
}

// judge calls f with every hit and its fate but for the limit. Without images,
// the image list's rows are not read and authors not looked at.
func (s *Selection) judge(ctx context.Context, images bool, f func(*candidate) error) error {
	var seen repeats
	for _, sub := range s.subsets {
		var err error
		if sub.lookup != nil {
			err = s.stream(ctx, sub, f)
		} else {
			err = sub.photos.walk(func(v *visit) error {
				var image *record.Image
				if v.image != noImage && images {
					var err error
					if image, err = sub.photos.readImage(v); err != nil {
						return err
					}
				}
				return s.judgeVisit(ctx, sub, v, image, &seen, f)
			})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// judgeVisit calls f with the hits of a visit. image is nil where the photo is
// not listed, or its row is not to be looked at.
func (s *Selection) judgeVisit(ctx context.Context, sub *subset, v *visit, image *record.Image, seen *repeats, f func(*candidate) error) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	c := candidate{sub: sub, photo: v, image: image}
	if image != nil {
		c.group = s.query.Group(image.AuthorURL, image.Author, v.hits[0].id)
	}
	var clashes []bool
	c.alike, clashes = seen.of(v.all)
	fates := s.labelFates(v.all)
	at := 0 // where the run's hits stand among all
	for i := range v.hits {
		c.hit = &v.hits[i]
		for v.all[at].place != c.hit.place {
			at++
		}
		c.reason, c.failed = "", false
		switch {
		case c.alike[at]:
			c.reason = ReasonDuplicate
		case !(&openimages.BoxRow{Box: c.hit.box}).Sane():
			c.reason, c.failed = ReasonBadBox, true
		case clashes[at]:
			c.reason, c.failed = ReasonKeyClash, true
		case v.image == noImage:
			c.reason, c.failed = ReasonNotListed, true
		case sub.veto(c.hit):
			c.reason = ReasonVeto
		case fates != nil && fates[at] != "":
			c.reason = fates[at]
		case sub.name == openimages.Train && image != nil && s.held[csvscan.Key64(c.group)]:
			c.reason = ReasonAuthor
		case s.query.Refuse != nil && c.hit.label < len(s.query.Classes):
			c.reason = s.query.Refuse(c.hit.row())
		}
		if err := f(&c); err != nil {
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

// of returns the two answers for each hit. They are valid until the next call.
func (r *repeats) of(hits []hit) (alike, clash []bool) {
	r.alike, r.clash = r.alike[:0], r.clash[:0]
	if len(hits) == 1 {
		r.alike, r.clash = append(r.alike, false), append(r.clash, false)
		return r.alike, r.clash
	}
	if r.sums == nil {
		r.sums, r.keys = map[uint64]bool{}, map[uint32]bool{}
	}
	clear(r.sums)
	clear(r.keys)
	for i := range hits {
		sum := hits[i].sum
		key := uint32(sum >> 32)
		again := r.sums[sum]
		r.alike = append(r.alike, again)
		r.clash = append(r.clash, !again && r.keys[key])
		r.sums[sum], r.keys[key] = true, true
	}
	return r.alike, r.clash
}

// findAuthors finds the groups with rows of the classes. There are no negatives
// yet: what stays of the others must not depend on them.
func (s *Selection) findAuthors(ctx context.Context) error {
	trained, held := map[uint64]bool{}, map[uint64]bool{}
	err := s.judge(ctx, true, func(c *candidate) error {
		switch {
		case c.image == nil:
		case c.sub.name == openimages.Train:
			trained[csvscan.Key64(c.group)] = true
		default:
			held[csvscan.Key64(c.group)] = true
		}
		return nil
	})
	s.trained, s.held = trained, held
	return err
}

// item makes the record.
func (s *Selection) item(c *candidate) *record.Item {
	label := &record.Label{Name: s.query.NotName}
	if c.hit.label < len(s.query.Classes) {
		class := s.query.Classes[c.hit.label]
		label.MID, label.Name = class.MID, class.Name
	}
	row := c.hit.row()
	box := row.Box
	item := &record.Item{
		ID: c.hit.id, Key: row.Key(), Subset: c.sub.name,
		Label: label, Box: &box, Avoid: s.avoid(c), Image: c.image,
	}
	if c.image != nil {
		item.Set = s.query.Set(c.sub.name, c.group)
	}
	return item
}

// avoid returns the photo's other boxes of the classes asked for, before any
// filter, as far as they lie within the picture.
func (s *Selection) avoid(c *candidate) []record.Rect {
	var rects []record.Rect
	if s.query.ImageLabels {
		return nil // nothing is beside a whole photo
	}
	for i := range c.photo.all {
		o := &c.photo.all[i]
		if o.place == c.hit.place || c.alike[i] || o.sum == c.hit.sum || o.label >= len(s.query.Classes) {
			continue
		}
		r := record.Rect{
			XMin: max(o.box.XMin, 0), XMax: min(o.box.XMax, 1),
			YMin: max(o.box.YMin, 0), YMax: min(o.box.YMax, 1),
		}
		if r.XMin < r.XMax && r.YMin < r.YMax {
			rects = append(rects, r)
		}
	}
	return rects
}
