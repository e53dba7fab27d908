package dataset

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
)

// The names of the sets an item can be used for.
const (
	Train = "train"
	Val   = "val"
	Test  = "test"
)

// Default shares of the held-out sets.
const (
	DefaultVal  = 0.15
	DefaultTest = 0.15
)

// DefaultSeed is the seed by which every stage divides unless asked otherwise:
// an item that lost its set on the way gets the same one again.
const DefaultSeed = 1

// DefaultSplit is how items are divided unless asked otherwise.
func DefaultSplit() Split { return Split{Val: DefaultVal, Test: DefaultTest, Seed: DefaultSeed} }

// A Split divides groups of items into train, val and test.
type Split struct {
	Val  float64 // share of the groups used for validation, 0 to 1
	Test float64 // share of the groups used for the final test, 0 to 1
	Seed uint64
}

// Check says whether the shares leave something to train on.
func (s Split) Check() error {
	for _, share := range []struct {
		name string
		v    float64
	}{{"validation", s.Val}, {"test", s.Test}} {
		if math.IsNaN(share.v) || share.v < 0 || share.v >= 1 {
			return fmt.Errorf("%s share %g: want a number from 0 to below 1", share.name, share.v)
		}
	}
	if s.Val+s.Test >= 1 {
		return fmt.Errorf("validation share %g and test share %g leave nothing to train on", s.Val, s.Test)
	}
	return nil
}

// Of returns the set that a group belongs to: "train", "val" or "test". The
// answer depends on the seed and the group alone, so that it is the same in
// every stage, in any order, and does not move when items are added.
//
// A group's place is the first 53 bits of SHA-256(seed, 8 bytes big endian,
// then the group) as a fraction of one: below Test it is a test group, below
// Test+Val a validation group.
func (s Split) Of(group string) string {
	var room [128]byte // more than most groups take
	text := binary.BigEndian.AppendUint64(room[:0], s.Seed)
	sum := sha256.Sum256(append(text, group...))
	u := float64(binary.BigEndian.Uint64(sum[:])>>11) / (1 << 53)
	switch {
	case u < s.Test:
		return Test
	case u < s.Test+s.Val:
		return Val
	}
	return Train
}

// Group names what must not be divided between sets: the photo's author where
// the image list knows him, by profile address or else by name, and the photo
// itself where it does not. Two boxes of one photo, and two photos of one
// author, are always in the same group.
func Group(authorURL, author, id string) string {
	switch {
	case authorURL != "":
		return "author-url:" + authorURL
	case author != "":
		return "author:" + author
	}
	return "id:" + id
}
