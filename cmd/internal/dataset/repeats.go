package dataset

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/opensandwich/oi/record"
)

// A RepeatPolicy says what becomes of an item that comes more than once. It is
// a flag value; the zero value is an error.
type RepeatPolicy struct{ Drop bool }

// Set reads error or drop.
func (p *RepeatPolicy) Set(text string) error {
	switch text {
	case "error", "drop":
		p.Drop = text == "drop"
		return nil
	}
	return fmt.Errorf("%q: want error or drop", text)
}

// String is what Set reads.
func (p *RepeatPolicy) String() string {
	if p.Drop {
		return "drop"
	}
	return "error"
}

// Type names the value in help texts.
func (p *RepeatPolicy) Type() string { return "error|drop" }

// RepeatUsage describes the flag.
const RepeatUsage = "an item that comes twice is an error, or all but one are dropped: `error|drop`"

// Repeated is the reason for which repeats are dropped.
const Repeated = "repeated"

// Repeats finds items that come more than once, by their keys; variants of one
// item are distinguished by epoch and copy. It keeps some 23 bytes an item,
// and 16 more where repeats are dropped.
type Repeats struct {
	policy   RepeatPolicy
	segments []segment
	names    column[[16]byte] // of the different items
	table    table            // of their numbers
	contents column[[16]byte] // of the same; only if repeats are dropped
}

// A segment of a file, both counted from 1.
type segment struct {
	file   string
	number int // of the file among those given
	nth    int // in the file
	from   int // the number of different items before it
}

// NewRepeats returns Repeats that have seen nothing.
func NewRepeats(p RepeatPolicy) *Repeats {
	return &Repeats{policy: p}
}

// Begin takes note of a segment that begins in the number-th of the input's
// files, whose name is file.
func (r *Repeats) Begin(file string, number int) {
	s := segment{file, number, 1, r.names.len()}
	if len(r.segments) > 0 {
		if last := r.segments[len(r.segments)-1]; last.number == number {
			s.nth = last.nth + 1
		}
	}
	r.segments = append(r.segments, s)
}

// Forget forgets the items so far, as those of an epoch that is over.
func (r *Repeats) Forget() {
	r.names, r.table, r.contents = column[[16]byte]{}, table{}, column[[16]byte]{}
	for i := range r.segments {
		r.segments[i].from = 0
	}
}

// A Repeat is what Repeats says of an item that was there before.
type Repeat struct {
	Of     int  // among the different items, counted from 0
	Better bool // the new one is to take the place of the one before
}

// Add takes note of an item that has a key. It returns nil for an item that was
// not there before. One that was is an error, unless repeats are to be dropped.
// Which one stays does not depend on their order: a test item rather than one
// of val, that rather than one of train, then one without a set, and among
// these the one whose contents have the lower hash.
func (r *Repeats) Add(item *record.Item) (*Repeat, error) {
	name := nameOf(item)
	first, again := r.table.find(hashOf(name), func(n int32) bool { return *r.names.at(int(n)) == name })
	if !again {
		r.names.add(name)
		r.table.add(int32(r.names.len()-1), func(n int32) uint64 { return hashOf(*r.names.at(int(n))) })
		if r.policy.Drop {
			r.contents.add(contentOf(item))
		}
		return nil, nil
	}
	if !r.policy.Drop {
		return nil, &Problem{
			fmt.Sprintf("item %s comes %s", item.Key, r.where(r.segmentOf(int(first)), len(r.segments)-1)),
			"every item counts once: oi-boxes --balance evens out the classes, oi-augment --copies makes more variants; --repeats drop keeps one of each",
		}
	}
	content, kept := contentOf(item), r.contents.at(int(first))
	repeat := &Repeat{Of: int(first), Better: bytes.Compare(content[:], kept[:]) < 0}
	if repeat.Better {
		*kept = content
	}
	return repeat, nil
}

func hashOf(name [16]byte) uint64 { return binary.BigEndian.Uint64(name[:]) }

// segmentOf returns the segment in which an item was first, -1 for none.
func (r *Repeats) segmentOf(number int) int {
	at, _ := slices.BinarySearchFunc(r.segments, number+1, func(s segment, n int) int { return cmp.Compare(s.from, n) })
	return at - 1
}

// where says in which two places an item stands.
func (r *Repeats) where(a, b int) string {
	if a < 0 || b < 0 {
		return "twice"
	}
	first, second := r.segments[a], r.segments[b]
	switch {
	case a == b:
		return "twice in " + second.file
	case first.number == second.number:
		return fmt.Sprintf("in segment %d and again in segment %d of %s", first.nth, second.nth, second.file)
	case first.file == second.file:
		return fmt.Sprintf("in %s and again in %s, which is given twice", first, second)
	}
	return fmt.Sprintf("in %s and again in %s", first, second)
}

func (s segment) String() string {
	if s.nth == 1 {
		return s.file
	}
	return fmt.Sprintf("segment %d of %s", s.nth, s.file)
}

// nameOf hashes what distinguishes an item from all others.
func nameOf(item *record.Item) [16]byte {
	name := append([]byte(item.Key), 0)
	if a := item.Augment; a != nil {
		name = fmt.Appendf(name, "%d %d", a.Epoch, a.Copy)
	}
	sum := sha256.Sum256(name)
	return [16]byte(sum[:])
}

// contentOf hashes what an item does to a model and its figures, so that the
// better one of two is the lower.
func contentOf(item *record.Item) [16]byte {
	h := sha256.New() // whose Write never fails
	text := func(texts ...string) {
		for _, s := range texts {
			h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(s))))
			h.Write([]byte(s))
		}
	}
	text(item.ID, item.Subset)
	if item.Label != nil {
		text(item.Label.MID, item.Label.Name)
	}
	if item.Image != nil {
		text(item.Image.AuthorURL, item.Image.Author)
	}
	picture := PictureOf(item)
	h.Write(picture[:])
	if item.Tensor != nil {
		h.Write(item.Tensor.Data)
	}
	if item.Context != nil {
		h.Write(item.Context.Data)
	}
	if item.Embedding != nil {
		h.Write(item.Embedding.Data)
	}
	content := [16]byte(h.Sum(nil))
	content[0] = byte(rank(item.Set))
	return content
}
