package main

import (
	"math"

	"github.com/opensandwich/oi/record"
)

// rotation returns the Rotation that the image list gives for the photo: 0, 90,
// 180 or 270 degrees counter-clockwise. It is 0 where none is given, or another
// angle. [pix.Crop] rotates the pixels.
func (c *cropper) rotation(item *record.Item) int {
	if item.Image == nil || item.Image.Rotation == nil {
		return 0
	}
	angle := math.Mod(*item.Image.Rotation, 360)
	if angle < 0 {
		angle += 360
	}
	switch angle {
	case 0, 90, 180, 270:
		return int(angle)
	}
	c.oddRotations.Add(1)
	return 0
}
