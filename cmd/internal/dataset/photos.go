package dataset

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"slices"
)

// Photos finds which items show the same photo: those of the same ImageID or
// the same bytes, transitively. If one item has the id A and the bytes X, a
// second the id A and the bytes Y, and a third the id B and the bytes Y, all
// three show one photo. The order in which they come makes no difference.
//
// The zero Photos is empty and ready for use.
type Photos struct {
	ids      map[tag]Photo
	pictures map[tag]Photo
	sets     disjoint
	marks    []Mark // by photo; only that of a representative counts
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

// Add returns the photo of an item with the given id and picture, either of
// which may be unknown: "" or zero.
func (p *Photos) Add(id string, picture Picture) Photo {
	if p.ids == nil {
		p.ids, p.pictures = map[tag]Photo{}, map[tag]Photo{}
	}
	photo, known := Photo(0), false
	if id != "" {
		photo, known = p.of(p.ids, tagOf(id)), true
	}
	if picture != (Picture{}) {
		other, there := p.pictures[tag(picture[:])]
		switch {
		case there && known:
			p.unite(photo, other)
		case known:
			p.pictures[tag(picture[:])] = photo
		default:
			photo = p.of(p.pictures, tag(picture[:]))
		}
		return photo
	}
	if !known {
		return p.add() // it is like no other
	}
	return photo
}

// of returns the photo of a tag, a new one if need be.
func (p *Photos) of(tags map[tag]Photo, t tag) Photo {
	photo, ok := tags[t]
	if !ok {
		photo = p.add()
		tags[t] = photo
	}
	return photo
}

func (p *Photos) add() Photo {
	p.marks = append(p.marks, 0)
	return Photo(p.sets.add())
}

func (p *Photos) unite(a, b Photo) {
	marks := p.marks[p.Find(a)] | p.marks[p.Find(b)]
	p.sets.unite(int32(a), int32(b))
	p.marks[p.Find(a)] = marks
}

// Find returns the photo that represents all that are the same one. It may
// change with every Add.
func (p *Photos) Find(photo Photo) Photo { return Photo(p.sets.find(int32(photo))) }

// Mark marks a photo.
func (p *Photos) Mark(photo Photo, m Mark) { p.marks[p.Find(photo)] |= m }

// Has reports whether a photo has all the marks.
func (p *Photos) Has(photo Photo, m Mark) bool { return p.marks[p.Find(photo)]&m == m }

// Known returns all ids and pictures of the photos that have a mark.
func (p *Photos) Known(m Mark) Known {
	marked := func(tags map[tag]Photo) map[tag]struct{} {
		some := map[tag]struct{}{}
		for t, photo := range tags {
			if p.Has(photo, m) {
				some[t] = struct{}{}
			}
		}
		return some
	}
	return Known{ids: marked(p.ids), pictures: marked(p.pictures)}
}

// A Known is the photos that a model remembers, by their ids and by their
// bytes. Models of older versions remember bytes alone.
type Known struct{ ids, pictures map[tag]struct{} }

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
	if _, ok := k.ids[tagOf(id)]; ok && id != "" {
		return true
	}
	_, ok := k.pictures[tag(picture[:])]
	return ok && picture != Picture{}
}

// Len returns the number of ids and of pictures.
func (k Known) Len() (ids, pictures int) { return len(k.ids), len(k.pictures) }

// IDs writes the ids as a short text: base64 of the first 8 bytes of the
// SHA-256 of each, sorted.
func (k Known) IDs() string { return encodeTags(k.ids) }

// Pictures writes the pictures in the same way.
func (k Known) Pictures() string { return encodeTags(k.pictures) }

func encodeTags(tags map[tag]struct{}) string {
	all := make([]tag, 0, len(tags))
	for t := range tags {
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b tag) int { return bytes.Compare(a[:], b[:]) })
	packed := make([]byte, 0, len(tag{})*len(all))
	for _, t := range all {
		packed = append(packed, t[:]...)
	}
	return base64.StdEncoding.EncodeToString(packed)
}

func decodeTags(text string) (map[tag]struct{}, error) {
	packed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	if len(packed)%len(tag{}) != 0 {
		return nil, io.ErrUnexpectedEOF
	}
	tags := make(map[tag]struct{}, len(packed)/len(tag{}))
	for ; len(packed) > 0; packed = packed[len(tag{}):] {
		tags[tag(packed)] = struct{}{}
	}
	return tags, nil
}
