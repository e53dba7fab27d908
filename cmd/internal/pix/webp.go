package pix

import (
	"bytes"
	"image"

	"github.com/opensandwich/oi/cmd/internal/webp"
)

// webpCodec reads the still pictures of the format. Photo sites send them
// under a .jpg name.
type webpCodec struct{}

func (webpCodec) DecodeConfig(r *bytes.Reader) (image.Config, error) { return webp.DecodeConfig(r) }
func (webpCodec) Decode(r *bytes.Reader) (image.Image, error)        { return webp.Decode(r) }
