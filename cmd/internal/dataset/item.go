package dataset

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/opensandwich/oi/record"
)

// Background is the label of windows cut next to the boxes.
const Background = "background"

// A Problem is an error together with what to do about it.
type Problem struct {
	Text string
	Next string
}

func (p *Problem) Error() string { return p.Text }

// Hint returns the next step.
func (p *Problem) Hint() string { return p.Next }

// A Picture is the SHA-256 of the file of the photo that an item was cut from.
// The zero Picture stands for one that is not known.
type Picture [sha256.Size]byte

// String returns the hash in hexadecimal.
func (p Picture) String() string { return hex.EncodeToString(p[:]) }

// PictureOf returns the picture of an item. Where the file is not known, the
// pixels stand for it; those of a variant are not the photo's, but it may say
// what it was drawn from.
func PictureOf(item *record.Item) Picture {
	if file := FileOf(item); file != (Picture{}) {
		return file
	}
	return PixelsOf(item)
}

// FileOf returns the SHA-256 of the photo's file, or zero where it is not
// known.
func FileOf(item *record.Item) Picture {
	switch f := item.Fetched; {
	case f == nil:
		return Picture{}
	case f.SHA256 == "" && f.Bytes != nil:
		return sha256.Sum256(f.Bytes)
	default:
		return parsePicture(f.SHA256)
	}
}

// PixelsOf returns the SHA-256 of an item's pixels, of a variant that of the
// pixels it was drawn from, or zero where they are not known.
func PixelsOf(item *record.Item) Picture {
	if item.Augment != nil {
		return parsePicture(item.Augment.Of)
	}
	return TensorOf(item)
}

// TensorOf returns the SHA-256 of an item's own pixels, of both views where it has
// two, which an embedding remembers where they are gone, or zero where they are
// not known.
func TensorOf(item *record.Item) Picture {
	switch {
	case item.Tensor != nil:
		return sha256.Sum256(Views(item))
	case item.Embedding != nil:
		return parsePicture(item.Embedding.Pixels)
	}
	return Picture{}
}

// Views returns the pixels of an item with a tensor, and after them those of its
// second view if it has one.
func Views(item *record.Item) []byte {
	if item.Context == nil {
		return item.Tensor.Data
	}
	return slices.Concat(item.Tensor.Data, item.Context.Data)
}

// parsePicture reads 64 hex digits. Anything else is an unknown picture.
func parsePicture(text string) Picture {
	sum, err := hex.DecodeString(text)
	if err != nil || len(sum) != len(Picture{}) {
		return Picture{}
	}
	return Picture(sum)
}

// KeyOf returns the name of an item for ever: its key, or else one made from
// its id, label, box and pixels. All that is not known of a variant of an item
// without a key are the pixels it was drawn from.
func KeyOf(item *record.Item) string {
	if item.Key != "" {
		return item.Key
	}
	crop := *item
	crop.Context = nil // with which it is the same item
	pixels := PixelsOf(&crop)
	if item.ID == "" && pixels == (Picture{}) {
		return ""
	}
	text := fmt.Appendf(nil, "%q %x", item.ID, pixels)
	if label := item.Label; label != nil {
		text = fmt.Appendf(text, " %q %q", label.MID, label.Name)
	}
	if box := item.Box; box != nil {
		text = fmt.Appendf(text, " %g %g %g %g", box.XMin, box.XMax, box.YMin, box.YMax)
	}
	sum := sha256.Sum256(text)
	// With the longest id this is three bytes short of the longest key:
	// oi-crop adds "-bg" to it.
	return cmp.Or(item.ID, "pixels") + "-" + hex.EncodeToString(sum[:6])
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
	switch {
	case t == nil && item.Embedding != nil:
		return Size{}, &Problem{fmt.Sprintf("item %s has no tensor: oi-eval --embed dropped it", KeyOf(item)), "give --keep-tensor there"}
	case t == nil:
		return Size{}, &Problem{fmt.Sprintf("item %s has no tensor", KeyOf(item)), "run oi-crop before this stage"}
	}
	return sizeOf(item, "tensor", t)
}

// ContextOf is SizeOf for an item's second view; it is zero where there is none.
func ContextOf(item *record.Item) (Size, error) {
	if item.Context == nil {
		return Size{}, nil
	}
	return sizeOf(item, "context", item.Context)
}

func sizeOf(item *record.Item, name string, t *record.Tensor) (Size, error) {
	if len(t.Shape) != 3 || t.Shape[2] != 3 || t.DType != "uint8" {
		return Size{}, fmt.Errorf("item %s: a %s of shape %v and type %q, want [height width 3] and uint8", KeyOf(item), name, t.Shape, t.DType)
	}
	s := Size{t.Shape[0], t.Shape[1]}
	if s.Height < 1 || s.Width < 1 || s.Height > len(t.Data) || s.Width > len(t.Data) || s.Height*s.Width*3 != len(t.Data) {
		return Size{}, fmt.Errorf("item %s: a %s of shape %v with %d bytes", KeyOf(item), name, t.Shape, len(t.Data))
	}
	return s, nil
}
