package main

import (
	"github.com/opensandwich/oi/cmd/internal/pix"
	"github.com/opensandwich/oi/record"
)

// rotation returns the Rotation that the image list gives for the photo: 0, 90,
// 180 or 270 degrees counter-clockwise. It is 0 where none is given, or another
// angle. [pix.Crop] rotates the pixels.
func (c *cropper) rotation(item *record.Item) int {
	if item.Image == nil {
		return 0
	}
	degrees, ok := pix.QuarterTurn(item.Image.Rotation)
	if !ok {
		c.oddRotations.Add(1)
	}
	return degrees
}
