package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"image"
	"strconv"

	"github.com/opensandwich/oi/cmd/internal/pix"
	"github.com/opensandwich/oi/record"
)

// background is the label of background windows, and the reason under which
// they are counted as added.
const background = "background"

// cutBackgrounds returns items of as many windows as are wanted that overlap
// none of the boxes nor one another, fewer where there is no more room. They
// depend on this item alone.
func (p *photo) cutBackgrounds(item *record.Item, box pix.Box, window image.Rectangle) ([]*record.Item, error) {
	width, height := p.config.Width, p.config.Height
	taken := []image.Rectangle{box.Rect(width, height)}
	for _, other := range item.Avoid {
		b := pix.Box{XMin: other.XMin, XMax: other.XMax, YMin: other.YMin, YMax: other.YMax}
		if errors.Is(b.Check(), pix.ErrBadBox) {
			b = pix.Box{XMax: 1, YMax: 1} // it may be anywhere
		}
		taken = append(taken, b.Rect(width, height))
	}
	var items []*record.Item
	for n := range p.backgrounds.number {
		name := backgroundKey(item, n)
		rng := pix.NewRand(0, name, 0, 0)
		free, ok := pix.Background(rng, width, height, window.Dx(), window.Dy(), taken)
		if !ok {
			p.noRoom.Add(int64(p.backgrounds.number - n))
			break
		}
		taken = append(taken, free)
		other, err := p.cutFree(item, name, free)
		if err != nil {
			return nil, err
		}
		items = append(items, other)
	}
	return items, nil
}

// cutFree returns the item of a background window.
func (p *photo) cutFree(item *record.Item, name string, free image.Rectangle) (*record.Item, error) {
	width, height := p.config.Width, p.config.Height
	other := *item
	other.Key = name
	other.Label = &record.Label{Name: background}
	place := pix.BoxOf(free, width, height)
	other.Box = &record.Box{
		XMin: place.XMin, XMax: place.XMax, YMin: place.YMin, YMax: place.YMax,
		Occluded: -1, Truncated: -1, GroupOf: -1, Depiction: -1, Inside: -1,
	}
	other.Crop = &record.Crop{Background: true}
	return p.cut(&other, free, place)
}

// maxKey is the longest key that a record may have.
const maxKey = 80

// backgroundKey names background window n of an item. Where there is no room for
// the suffix, a hash replaces the end of the item's own name.
func backgroundKey(item *record.Item, n int) string {
	name, suffix := item.Key, "-bg"
	if n > 0 {
		suffix += strconv.Itoa(n + 1)
	}
	if name == "" {
		name = item.ID
	}
	if len(name)+len(suffix) > maxKey {
		sum := sha256.Sum256([]byte(name))
		suffix = "-" + hex.EncodeToString(sum[:4]) + suffix
		name = name[:maxKey-len(suffix)]
	}
	return name + suffix
}
