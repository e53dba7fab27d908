package dataset

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
)

// Photos finds which items show the same photo: those of the same ImageID or
// the same bytes, transitively. If one item has the id A and the bytes X, a
// second the id A and the bytes Y, and a third the id B and the bytes Y, all
// three show one photo. The order in which they come makes no difference.
//
// The zero Photos is empty and ready for use. It takes some 35 bytes a photo.
type Photos struct {
	ids      tagged
	pictures tagged
	sets     disjoint
	marks    column[Mark] // by photo; only that of a representative counts
}

// A Photo is the photo of an item that was added to Photos. Two of them may be
// the same photo, see Photos.Find.
type Photo int32

// A Mark is something to remember of a photo.
type Mark uint8

// What Photos remembers: that a photo has an item in val or test, and that a
// model was trained on one.
const (
	HeldOut Mark = 1 << iota
	Trained
)

// A tag stands for an id or a file: the first bytes of its SHA-256. It is as
// much as a model remembers. Among a million photos the chance that any
// stranger is taken for one is below 1e-7 per million strangers.
type tag [8]byte

func tagOf(id string) tag {
	sum := sha256.Sum256([]byte(id))
	return tag(sum[:])
}

// tagged finds photos by their tags. Nearly all photos have one tag or none.
type tagged struct {
	tags  column[tag] // of each photo; zero where it is none, or in more
	table table       // of the photos that have one there
	more  map[tag]Photo
}

// find returns the photo of a tag.
func (t *tagged) find(of tag) (Photo, bool) {
	if number, ok := t.table.find(of.hash(), func(n int32) bool { return *t.tags.at(int(n)) == of }); ok {
		return Photo(number), true
	}
	photo, ok := t.more[of]
	return photo, ok
}

// set gives a photo another tag.
func (t *tagged) set(photo Photo, to tag) {
	if own := t.tags.at(int(photo)); *own == (tag{}) && to != (tag{}) {
		*own = to
		t.table.add(int32(photo), func(n int32) uint64 { return t.tags.at(int(n)).hash() })
		return
	}
	if t.more == nil {
		t.more = map[tag]Photo{}
	}
	t.more[to] = photo
}

// of returns the tags of the photos for which wanted is true, sorted.
func (t *tagged) of(wanted func(Photo) bool) []tag {
	var all []tag
	for photo := range Photo(t.tags.len()) {
		if own := *t.tags.at(int(photo)); own != (tag{}) && wanted(photo) {
			all = append(all, own)
		}
	}
	for other, photo := range t.more {
		if wanted(photo) {
			all = append(all, other)
		}
	}
	slices.SortFunc(all, tag.compare)
	return all
}

func (t tag) hash() uint64 { return binary.BigEndian.Uint64(t[:]) }

func (t tag) compare(other tag) int { return bytes.Compare(t[:], other[:]) }

// Add returns the photo of an item with the given id and picture, either of
// which may be unknown: "" or zero.
func (p *Photos) Add(id string, picture Picture) Photo {
	photo, known := Photo(0), false
	if id != "" {
		photo, known = p.of(&p.ids, tagOf(id)), true
	}
	if picture != (Picture{}) {
		own := tag(picture[:])
		if !known {
			return p.of(&p.pictures, own)
		}
		if other, there := p.pictures.find(own); there {
			p.unite(photo, other)
		} else {
			p.pictures.set(photo, own)
		}
		return photo
	}
	if !known {
		return p.add() // it is like no other
	}
	return photo
}

// of returns the photo of a tag, a new one if need be.
func (p *Photos) of(tags *tagged, t tag) Photo {
	photo, ok := tags.find(t)
	if !ok {
		photo = p.add()
		tags.set(photo, t)
	}
	return photo
}

func (p *Photos) add() Photo {
	p.marks.add(0)
	p.ids.tags.add(tag{})
	p.pictures.tags.add(tag{})
	return Photo(p.sets.add())
}

// len is the number of photos, some of which may be the same.
func (p *Photos) len() int { return p.marks.len() }

func (p *Photos) unite(a, b Photo) {
	marks := *p.mark(a) | *p.mark(b)
	p.sets.unite(int32(a), int32(b))
	*p.mark(a) = marks
}

// Find returns the photo that represents all that are the same one. It may
// change with every Add.
func (p *Photos) Find(photo Photo) Photo { return Photo(p.sets.find(int32(photo))) }

// Mark marks a photo.
func (p *Photos) Mark(photo Photo, m Mark) { *p.mark(photo) |= m }

// Has reports whether a photo has all the marks.
func (p *Photos) Has(photo Photo, m Mark) bool { return *p.mark(photo)&m == m }

func (p *Photos) mark(photo Photo) *Mark { return p.marks.at(int(p.Find(photo))) }

// Known returns all ids and pictures of the photos that have a mark.
func (p *Photos) Known(m Mark) Known {
	marked := func(photo Photo) bool { return p.Has(photo, m) }
	return Known{ids: p.ids.of(marked), pictures: p.pictures.of(marked)}
}

// A Known is the photos that a model remembers, by their ids and by their
// bytes. Models of older versions remember bytes alone.
type Known struct{ ids, pictures []tag } // sorted

// DecodeKnown reads what IDs and Pictures of a Known wrote.
func DecodeKnown(ids, pictures string) (k Known, err error) {
	if k.ids, err = decodeTags(ids); err != nil {
		return Known{}, fmt.Errorf("list of ids: %w", err)
	}
	if k.pictures, err = decodeTags(pictures); err != nil {
		return Known{}, fmt.Errorf("list of pictures: %w", err)
	}
	return k, nil
}

// Has reports whether a photo with the given id and picture, either of which
// may be unknown, is among those remembered.
func (k Known) Has(id string, picture Picture) bool {
	has := func(tags []tag, t tag) bool {
		_, ok := slices.BinarySearchFunc(tags, t, tag.compare)
		return ok
	}
	return id != "" && has(k.ids, tagOf(id)) || picture != (Picture{}) && has(k.pictures, tag(picture[:]))
}

// With returns what either of the two remembers.
func (k Known) With(other Known) Known {
	merged := func(a, b []tag) []tag {
		both := slices.Concat(a, b)
		slices.SortFunc(both, tag.compare)
		return slices.Compact(both)
	}
	return Known{ids: merged(k.ids, other.ids), pictures: merged(k.pictures, other.pictures)}
}

// IsEmpty reports whether no photo is remembered.
func (k Known) IsEmpty() bool { return len(k.ids)+len(k.pictures) == 0 }

// Len returns the number of ids and of pictures.
func (k Known) Len() (ids, pictures int) { return len(k.ids), len(k.pictures) }

// IDs writes the ids as a short text: base64 of the first 8 bytes of the
// SHA-256 of each, sorted.
func (k Known) IDs() string { return encodeTags(k.ids) }

// Pictures writes the pictures in the same way.
func (k Known) Pictures() string { return encodeTags(k.pictures) }

func encodeTags(tags []tag) string {
	packed := make([]byte, 0, len(tag{})*len(tags))
	for _, t := range tags {
		packed = append(packed, t[:]...)
	}
	return base64.StdEncoding.EncodeToString(packed)
}

func decodeTags(text string) ([]tag, error) {
	packed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	if len(packed)%len(tag{}) != 0 {
		return nil, io.ErrUnexpectedEOF
	}
	tags := make([]tag, 0, len(packed)/len(tag{}))
	for ; len(packed) > 0; packed = packed[len(tag{}):] {
		tags = append(tags, tag(packed))
	}
	slices.SortFunc(tags, tag.compare)
	return slices.Compact(tags), nil
}
