package selection

import (
	"cmp"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"sort"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
	"github.com/opensandwich/oi/cmd/internal/openimages"
	"github.com/opensandwich/oi/record"
)

// A run is a stretch of hits of one photo, which follow each other in the box
// list: 24 bytes. The official lists are sorted by photo, so that there is one
// run a photo; elsewhere there may be several.
type run struct {
	photo uint64 // csvscan.Key64 of the id
	hits  int64  // where the first of them is in the spool
	image int64  // where the photo's row of the image list is, or noImage
}

const noImage = -1

// photos are the runs of a spool of hits, sorted by photo, then by place.
type photos struct {
	hits   *spool
	runs   []run
	maybe  []uint64 // a bit for some bits of a photo's hash
	images spool
	buf    []byte // for readImage
}

// newPhotos finds the runs in a spool of n runs.
func newPhotos(hits *spool, n int) (*photos, error) {
	p := &photos{hits: hits, runs: make([]run, 0, n), buf: make([]byte, spoolGuess)}
	last := ""
	err := hits.each(func(entry []byte, offset int64) error {
		d := csvscan.Decoder{Buf: entry}
		if id := d.Text(); id != last || len(p.runs) == 0 {
			p.runs = append(p.runs, run{csvscan.Key64(id), offset, noImage})
			last = id
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	p.maybe = make([]uint64, 1+len(p.runs)/2)
	for _, r := range p.runs {
		word, bit := p.bit(r.photo)
		p.maybe[word] |= bit
	}
	slices.SortFunc(p.runs, func(a, b run) int {
		return cmp.Or(cmp.Compare(a.photo, b.photo), cmp.Compare(a.hits, b.hits))
	})
	return p, nil
}

// find returns the runs of a photo. It looks at nothing else of a run: the
// workers of a pass search while what they found is written to image.
func (p *photos) find(photo uint64) []run {
	i := sort.Search(len(p.runs), func(i int) bool { return p.runs[i].photo >= photo })
	if i == len(p.runs) || p.runs[i].photo != photo {
		return nil
	}
	n := 1
	for i+n < len(p.runs) && p.runs[i+n].photo == photo {
		n++
	}
	return p.runs[i : i+n]
}

// keys yields the photo of each run.
func (p *photos) keys(yield func(uint64) bool) {
	for _, r := range p.runs {
		if !yield(r.photo) {
			return
		}
	}
}

// has reports whether there are hits of a photo.
func (p *photos) has(id []byte) bool { return p.hasKey(csvscan.Key64(id)) }

func (p *photos) hasKey(photo uint64) bool {
	word, bit := p.bit(photo)
	return p.maybe[word]&bit != 0 && len(p.find(photo)) > 0
}

// bit returns the place of a photo's bit in maybe.
func (p *photos) bit(photo uint64) (word, bit uint64) {
	hash := csvscan.Mix(photo)
	word, _ = bits.Mul64(hash, uint64(len(p.maybe)))
	return word, 1 << (hash & 63)
}

// addImage keeps a photo's row of the image list, the first if there are
// several.
func (p *photos) addImage(row *openimages.ImageRow, e *csvscan.Encoder) error {
	runs := p.find(csvscan.Key64(row.ImageID))
	if len(runs) == 0 || runs[0].image != noImage {
		return nil
	}
	e.Buf = e.Buf[:0]
	appendImage(e, row)
	offset, err := p.images.add(e.Buf)
	if err != nil {
		return err
	}
	for i := range runs {
		runs[i].image = offset
	}
	return nil
}

// dropImages forgets the rows of the image list.
func (p *photos) dropImages() error {
	for i := range p.runs {
		p.runs[i].image = noImage
	}
	err := p.images.close()
	p.images = spool{}
	return err
}

// maxBoxes bounds the boxes of one photo. The most in an official list is 745,
// of all classes.
const maxBoxes = 20_000

// load returns all hits of a photo in the order of the list.
func (p *photos) load(runs []run, id string) ([]hit, error) {
	var hits []hit
	buf := make([]byte, spoolGuess)
	for _, r := range runs {
		for offset := r.hits; offset < p.hits.end(); {
			entry, err := p.hits.at(offset, buf)
			if err != nil {
				return nil, err
			}
			h, err := decodeHit(entry)
			if err != nil {
				return nil, err
			}
			if h.id != id {
				break
			}
			if hits, err = appendHit(hits, h); err != nil {
				return nil, err
			}
			offset += entrySize(entry)
		}
	}
	return hits, nil
}

func appendHit(hits []hit, h hit) ([]hit, error) {
	if len(hits) == maxBoxes {
		return nil, fmt.Errorf("photo %s has more than %d boxes", h.id, maxBoxes)
	}
	return append(hits, h), nil
}

// A visit is one run of hits and what belongs to it.
type visit struct {
	hits  []hit // of this run
	all   []hit // of the photo, in the order of the list
	image int64 // where its row of the image list is, or noImage
}

// walk calls f with every run, in the order of the box list. The visit is
// valid during the call only.
func (p *photos) walk(f func(*visit) error) error {
	var v visit
	visitRun := func() error {
		if len(v.hits) == 0 {
			return nil
		}
		id := v.hits[0].id
		runs := p.find(csvscan.Key64(id))
		v.all, v.image = v.hits, runs[0].image
		if len(runs) > 1 {
			all, err := p.load(runs, id)
			if err != nil {
				return err
			}
			v.all = all
		}
		err := f(&v)
		v.hits = v.hits[:0]
		return err
	}
	err := p.hits.each(func(entry []byte, _ int64) error {
		h, err := decodeHit(entry)
		if err != nil {
			return err
		}
		if len(v.hits) > 0 && v.hits[0].id != h.id {
			if err := visitRun(); err != nil {
				return err
			}
		}
		v.hits, err = appendHit(v.hits, h)
		return err
	})
	if err != nil {
		return err
	}
	return visitRun()
}

// readImage returns the photo's row of the image list.
func (p *photos) readImage(v *visit) (*record.Image, error) {
	entry, err := p.images.at(v.image, p.buf)
	if err != nil {
		return nil, err
	}
	id, image, err := decodeImage(entry)
	if err != nil {
		return nil, err
	}
	if id != v.hits[0].id {
		return nil, fmt.Errorf("photos %s and %s cannot be told apart: their ids share a hash", id, v.hits[0].id)
	}
	return image, nil
}

// close gives the temporary files back.
func (p *photos) close() error { return errors.Join(p.hits.close(), p.images.close()) }
