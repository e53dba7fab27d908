package pix

import (
	"image"
	"image/jpeg"
	"image/png"
	"io"
)

// EncodePNG writes width*height*3 bytes, RGB row by row, as a PNG picture. It
// panics if there are fewer.
func EncodePNG(w io.Writer, pix []byte, width, height int) error {
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	opaque(img.Pix, pix)
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	return encoder.Encode(w, img)
}

// EncodeJPEG is EncodePNG for a JPEG picture of a quality from 1 to 100, with
// colours at half the size (4:2:0).
func EncodeJPEG(w io.Writer, pix []byte, width, height, quality int) error {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	opaque(img.Pix, pix)
	return jpeg.Encode(w, img, &jpeg.Options{Quality: quality})
}

// opaque writes RGB as opaque RGBA.
func opaque(rgba, rgb []byte) {
	for i := range len(rgba) / 4 {
		copy(rgba[4*i:], rgb[3*i:][:3])
		rgba[4*i+3] = 255
	}
}
