package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/opensandwich/oi/record"
)

// Background is the label of windows cut beside the boxes.
const Background = "background"

// A Problem is an error together with what to do about it.
type Problem struct {
	Text string
	Next string
}

func (p *Problem) Error() string { return p.Text }

// Hint returns the next step.
func (p *Problem) Hint() string { return p.Next }

// A Picture identifies the photo an item was cut from: the SHA-256 of its
// file. The zero Picture stands for one that is not known.
type Picture [sha256.Size]byte

// PictureOf returns the picture of an item. An item that was not fetched by
// oi-fetch is identified by its pixels instead, unless they are a variant
// drawn from something else.
func PictureOf(item *record.Item) Picture {
	var p Picture
	if item.Fetched != nil && len(item.Fetched.SHA256) == hex.EncodedLen(len(p)) {
		if _, err := hex.Decode(p[:], []byte(item.Fetched.SHA256)); err == nil {
			return p
		}
	}
	if item.Tensor == nil || item.Augment != nil {
		return Picture{}
	}
	return sha256.Sum256(item.Tensor.Data)
}

// KeyOf returns the name of an item for ever: its key, or else its id, or else
// one made from its pixels.
func KeyOf(item *record.Item) string {
	switch {
	case item.Key != "":
		return item.Key
	case item.ID != "":
		return item.ID
	case item.Tensor != nil:
		sum := sha256.Sum256(item.Tensor.Data)
		return "pixels-" + hex.EncodeToString(sum[:8])
	}
	return ""
}

// AuthorOf returns the group of the item's author, or "" where he is unknown.
func AuthorOf(item *record.Item) string {
	if item.Image == nil || item.Image.AuthorURL == "" && item.Image.Author == "" {
		return ""
	}
	return Group(item.Image.AuthorURL, item.Image.Author, "")
}

// GroupOf returns the group of an item, see Group.
func GroupOf(item *record.Item) string {
	if author := AuthorOf(item); author != "" {
		return author
	}
	if item.ID != "" {
		return Group("", "", item.ID)
	}
	return Group("", "", KeyOf(item))
}

// A Size is the shape of a picture.
type Size struct{ Height, Width int }

func (s Size) String() string { return fmt.Sprintf("%dx%d", s.Width, s.Height) }

// SizeOf checks an item's tensor and returns its size. Pictures are RGB, one
// byte a channel.
func SizeOf(item *record.Item) (Size, error) {
	t := item.Tensor
	if t == nil {
		return Size{}, &Problem{fmt.Sprintf("item %s has no tensor", KeyOf(item)), "run oi-crop before this stage"}
	}
	if len(t.Shape) != 3 || t.Shape[2] != 3 || t.DType != "uint8" {
		return Size{}, fmt.Errorf("item %s: a tensor of shape %v and type %q, want [height width 3] and uint8", KeyOf(item), t.Shape, t.DType)
	}
	s := Size{t.Shape[0], t.Shape[1]}
	if s.Height < 1 || s.Width < 1 || s.Height > len(t.Data) || s.Width > len(t.Data) || s.Height*s.Width*3 != len(t.Data) {
		return Size{}, fmt.Errorf("item %s: a tensor of shape %v with %d bytes", KeyOf(item), t.Shape, len(t.Data))
	}
	return s, nil
}
