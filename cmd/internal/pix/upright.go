package pix

import (
	"bytes"

	"github.com/disintegration/imaging"
)

// DecodeUpright is Decode for photos that come straight from a camera: the
// EXIF orientation is followed, and the picture is as its viewer sees it.
func DecodeUpright(data []byte, maxPixels int) (*Picture, error) {
	if _, _, err := Size(data, maxPixels); err != nil {
		return nil, err
	}
	return guarded(func() (*Picture, error) {
		img, err := imaging.Decode(bytes.NewReader(data), imaging.AutoOrientation(true))
		if err != nil {
			return nil, err
		}
		return NewPicture(img)
	})
}
