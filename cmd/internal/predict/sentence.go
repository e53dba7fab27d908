package predict

import (
	"errors"

	"github.com/opensandwich/oi/cmd/internal/imagefile"
)

// Sentence says to people why there is no answer for a photo.
func Sentence(err error) string {
	switch {
	case errors.Is(err, imagefile.ErrFormat):
		return "This is not a JPEG, PNG or WebP picture."
	case errors.Is(err, imagefile.ErrTruncated):
		return "The picture stops early: the file was not copied or downloaded whole."
	case errors.Is(err, imagefile.ErrTooManyPixels):
		return "The picture has too many pixels: make it smaller first."
	case errors.Is(err, imagefile.ErrUnsupported):
		return "The picture uses a rare feature of its format: save it again as a plain JPEG or PNG."
	case errors.Is(err, imagefile.ErrDamaged):
		return "The picture is damaged."
	}
	return "The model could not answer: " + err.Error() + "."
}
