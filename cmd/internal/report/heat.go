package report

import (
	"fmt"
	"image"
	"math"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/pix"
)

// Heat is what each place of a picture contributes to an answer, row by row.
type Heat struct {
	Height, Width int
	Scores        []float32
}

// DrawMaps asks what the places of the pictures that are shown as mistakes or
// as right answers contribute to the answer, and keeps that for the page.
// Pictures are RGB bytes as they came.
func (e *Evaluation) DrawMaps(ask func(pixels []byte, class string) (Heat, error)) error {
	for _, examples := range [][]Example{e.Mistakes, e.Confident} {
		for i := range examples {
			x := &examples[i]
			if x.pixels == nil {
				continue
			}
			heat, err := ask(x.pixels, x.Predicted)
			if err != nil {
				return fmt.Errorf("item %s: %w", x.Key, err)
			}
			x.heat = heat.over(x.pixels, x.size)
		}
	}
	return nil
}

// over draws the heat over a picture: grey, and redder the more a place speaks
// for the answer, by the square of its share of what the place says that speaks
// most for it: much of a picture speaks for it a little. What speaks against it
// stays grey.
func (h Heat) over(pixels []byte, size dataset.Size) []byte {
	most := float64(slices.Max(h.Scores))
	small := make([]byte, 3*len(h.Scores))
	for i, s := range h.Scores {
		if share := float64(s) / most; most > 0 && share > 0 {
			v := byte(math.Round(255 * share * share))
			small[3*i], small[3*i+1], small[3*i+2] = v, v, v
		}
	}
	large := pix.Crop(pix.NewRGB(small, h.Width, h.Height), image.Rect(0, 0, h.Width, h.Height), pix.Target{Width: size.Width, Height: size.Height, Filter: pix.Bilinear})
	out := make([]byte, len(pixels))
	for i := 0; i+2 < len(pixels); i += 3 {
		grey := 0.6 * (0.299*float64(pixels[i]) + 0.587*float64(pixels[i+1]) + 0.114*float64(pixels[i+2]))
		share := 0.8 * float64(large[i]) / 255
		for c, colour := range [3]float64{255, 90, 0} {
			out[i+c] = byte((1-share)*grey + share*colour)
		}
	}
	return out
}
