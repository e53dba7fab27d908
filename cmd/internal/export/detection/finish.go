package detection

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/posixfile"

	"github.com/opensandwich/oi/cmd/internal/atomicfile"
	"github.com/opensandwich/oi/cmd/internal/export/safename"
	"github.com/opensandwich/oi/cmd/internal/pix"
	"github.com/opensandwich/oi/record"
)

// A picture is a photo of the export, with what is written of it.
type picture struct {
	*photo
	index         int // among the photos of all sets, by ImageID
	name          string
	file          string // with slashes, from the export's folder
	width, height int    // as exported
	boxes         []box
	Counts        // what was left out of it
}

// A box is one that is exported. Its geometry is that of the exported picture.
type box struct {
	*row
	class    int // its number among the sorted classes
	rect     rect
	fraction pix.Box
}

// pixels is a box in whole pixels, 1-based, the last ones included.
type pixels struct{ xMin, yMin, xMax, yMax int }

// A writer writes the annotations of one form.
type writer interface {
	// photo is called for each photo, in the order of the ImageIDs.
	photo(*picture) error
	// finish writes what is of the whole.
	finish() error
	// discard gives up what has not been finished.
	discard()
}

// A Summary is what an export has become.
type Summary struct {
	Counts
	Sets    []SetCount
	Classes []ClassCount
	skipped int64
}

// A SetCount is how much there is in a set.
type SetCount struct {
	Name          string
	Photos, Boxes int64
}

// A ClassCount is how many boxes there are of a class.
type ClassCount struct {
	Name  string
	Boxes int64
}

// Finish writes the annotations, the credits and a README when all items have
// been added. items are the counts of the stage.
func (e *Export) Finish(ctx context.Context, items record.StageCounts) (*Summary, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	order := e.sorted()
	if len(order) == 0 {
		return nil, e.nothing()
	}
	if err := e.complete(false); err != nil {
		return nil, err
	}
	list, number := e.classes.sorted()
	s := &Summary{Counts: e.counts}
	s.Broken = int64(len(e.photos) - len(order))
	for _, n := range items.Skipped {
		s.skipped += n
	}
	for _, c := range list {
		s.Classes = append(s.Classes, ClassCount{Name: c.name})
	}
	sets := e.sets(order)
	for _, set := range sets {
		s.Sets = append(s.Sets, SetCount{Name: setNames[set]})
	}
	w, err := e.newWriter(order, sets, list)
	if err != nil {
		return nil, err
	}
	defer w.discard()
	for i, n := range order {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		p, err := e.picture(i, &e.photos[n], number)
		if err != nil {
			return nil, err
		}
		s.add(p, slices.Index(sets, p.set))
		if err := w.photo(p); err != nil {
			return nil, err
		}
	}
	if err := w.finish(); err != nil {
		return nil, err
	}
	if err := e.replace("credits.csv", func(w io.Writer) error { return e.writeCredits(w, order) }); err != nil {
		return nil, err
	}
	if s.Strays, err = e.removeStrays(sets); err != nil {
		return nil, err
	}
	if err := e.replace("README.md", func(w io.Writer) error { return e.writeReadme(w, s) }); err != nil {
		return nil, err
	}
	if err := syncDisk(e.Dir); err != nil {
		return nil, err
	}
	return s, e.complete(true)
}

func (e *Export) newWriter(order []int32, sets []uint8, list []class) (writer, error) {
	switch e.Format {
	case COCO:
		return e.newCOCO(order, sets, list)
	case VOC:
		return e.newVOC(sets, list)
	}
	return e.newYOLO(sets, list)
}

// nothing is the error of an export without a photo.
func (e *Export) nothing() error {
	if e.counts.WholePhotos > 0 {
		return problem("without --image-labels oi-boxes writes boxes; with them, --negatives N adds photos that are verified to be without the classes",
			"no photo is left to export: the %d labels are of whole photos, and say of no box", e.counts.WholePhotos)
	}
	return problem("see which rule took them away", "no photo is left to export")
}

// sorted returns the numbers of the photos that are exported, by ImageID.
func (e *Export) sorted() []int32 {
	order := make([]int32, 0, len(e.photos))
	for i := range e.photos {
		if !e.photos[i].broken {
			order = append(order, int32(i))
		}
	}
	slices.SortFunc(order, func(a, b int32) int { return cmp.Compare(e.photos[a].id, e.photos[b].id) })
	return order
}

// sets returns the sets that occur.
func (e *Export) sets(order []int32) (sets []uint8) {
	var seen [len(setNames)]bool
	for _, n := range order {
		seen[e.photos[n].set] = true
	}
	for set, yes := range seen {
		if yes {
			sets = append(sets, uint8(set))
		}
	}
	return sets
}

// add counts a picture.
func (s *Summary) add(p *picture, set int) {
	n := int64(len(p.boxes))
	s.Photos++
	s.Boxes += n
	s.Sets[set].Photos++
	s.Sets[set].Boxes += n
	for i := range p.boxes {
		s.Classes[p.boxes[i].class].Boxes++
	}
	s.Groups += p.Groups
	s.BadBoxes += p.BadBoxes
	s.NoArea += p.NoArea
	s.Repeats += p.Repeats
	s.Missing += p.Missing
	for _, c := range []struct {
		yes bool
		n   *int64
	}{
		{n == 0, &s.Empty}, {n == 0 && p.Groups > 0, &s.Emptied}, {p.Missing > 0, &s.MissingPhotos}, {p.reset, &s.Reset}, {p.rotation != 0, &s.Turned},
		{p.odd, &s.OddRotations}, {p.moved, &s.HeldOut}, {p.negative, &s.Negatives}, {p.media != mediaJPEG, &s.NotJPEG},
	} {
		if c.yes {
			*c.n++
		}
	}
}

// picture returns a photo with the boxes that are exported.
func (e *Export) picture(index int, p *photo, number []int) (*picture, error) {
	rows, err := e.rowsOf(p, number)
	if err != nil {
		return nil, err
	}
	out := &picture{photo: p, index: index, name: safename.Of(p.id), file: e.fileOf(p)}
	out.width, out.height = p.size()
	named := map[[4]float64]bool{} // boxes that the stream has
	var last *row
	for i := range rows {
		r := &rows[i]
		if r.unlabelled {
			continue
		}
		named[r.corners()] = true
		if last != nil && *last == *r {
			out.Repeats++
			continue
		}
		last = r
		e.addBox(out, r, number)
	}
	for i := range rows {
		if r := &rows[i]; r.unlabelled && !named[r.corners()] {
			named[r.corners()] = true
			out.Missing++
		}
	}
	return out, nil
}

// addBox adds a box to a picture if it is one.
func (e *Export) addBox(out *picture, r *row, number []int) {
	w, h, rotation := int(out.photo.width), int(out.photo.height), int(out.rotation)
	b := pix.Box{XMin: r.xMin, XMax: r.xMax, YMin: r.yMin, YMax: r.yMax}
	stored := rectOf(b, w, h)
	switch err := b.Check(); {
	case err != nil && !errors.Is(err, pix.ErrEmpty):
		out.BadBoxes++
	case err != nil || stored.x0 == stored.x1 || stored.y0 == stored.y1:
		out.NoArea++
	case r.groupOf == 1 && e.Groups == DropGroups:
		out.Groups++
	default:
		out.boxes = append(out.boxes, box{
			row: r, class: number[r.class],
			rect: stored.turn(int64(w*milli), int64(h*milli), rotation), fraction: turnBox(b, rotation),
		})
	}
}

// replace makes a file of the export appear, in place of one that is there.
func (e *Export) replace(name string, write func(io.Writer) error) (err error) {
	path := filepath.Join(e.Dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	file, err := atomicfile.Create(path)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = file.Cleanup() // the error is known
		}
	}()
	if err := write(file); err != nil {
		return err
	}
	return file.CloseAtomicallyReplace()
}

// replaceIfOther is replace for a small file of which there may be millions: one
// that holds the same is left as it is, and the disk is not waited for. Finish
// does that once for all of them, before it says that the export is complete.
func (e *Export) replaceIfOther(name string, data []byte) error {
	path := filepath.Join(e.Dir, filepath.FromSlash(name))
	if there, err := os.ReadFile(path); err == nil && bytes.Equal(there, data) {
		return nil
	}
	temp := filepath.Join(filepath.Dir(path), ".oi.part") // this process alone writes here
	if err := os.WriteFile(temp, data, 0o666); err != nil {
		return err
	}
	return posixfile.Rename(temp, path)
}
