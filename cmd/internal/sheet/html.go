package sheet

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/draw"
	"image/jpeg"
	"io"
	"slices"
)

//go:embed page.html.tmpl
var pageSource string

// A card is what the page shows of an entry.
type card struct {
	*Entry
	Colour template.CSS
	Images []cardImage
}

type cardImage struct {
	Source        template.URL // a data: URI
	Width, Height int
	Alt, Caption  string
	Frame         bool
}

// EncodeHTML writes the sheet as one page that needs nothing else: no script,
// no font, no picture from elsewhere. An entry takes at most some 60 kB and 10
// for each further picture. A sheet without entries makes a page that says so.
func (s *Sheet) EncodeHTML(w io.Writer) error {
	cards := make([]card, len(s.entries))
	for i := range s.entries {
		var err error
		if cards[i], err = s.entries[i].card(); err != nil {
			return err
		}
	}
	t, err := template.New("page").Parse(pageSource)
	if err != nil {
		return err
	}
	return t.Execute(w, struct {
		Title string
		Cards []card
	}{s.Title, cards})
}

func (e *Entry) card() (card, error) {
	c := colourOf(e.Class)
	out := card{Entry: e, Colour: template.CSS(fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B))} //nolint:gosec // digits of ours
	if e.Photo != nil {
		photo := &image.NRGBA{Pix: slices.Clone(e.Photo.Image.Pix), Stride: e.Photo.Image.Stride, Rect: e.Photo.Image.Rect}
		drawBox(photo, e.Photo.Window, c)
		img, err := newCardImage(photo, "photo with its box", "")
		if err != nil {
			return out, err
		}
		out.Images = append(out.Images, img)
	}
	for _, p := range e.Pictures {
		img, err := newCardImage(p.image, "crop", p.Caption)
		if err != nil {
			return out, err
		}
		img.Frame = true
		out.Images = append(out.Images, img)
	}
	return out, nil
}

func newCardImage(img *image.NRGBA, alt, caption string) (cardImage, error) {
	opaque := image.NewRGBA(img.Rect) // which the encoder reads faster
	draw.Draw(opaque, img.Rect, img, img.Rect.Min, draw.Src)
	var data bytes.Buffer
	if err := jpeg.Encode(&data, opaque, &jpeg.Options{Quality: quality}); err != nil {
		return cardImage{}, err
	}
	source := "data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(data.Bytes())
	size := img.Rect.Size()
	return cardImage{Source: template.URL(source), Width: size.X, Height: size.Y, Alt: alt, Caption: caption}, nil //nolint:gosec // base64 of ours
}

// class is the style of a line on the page.
func (t Tone) class() string { return [...]string{"", "good", "bad"}[t] }

// Class is class, for the template.
func (l Line) Class() string { return l.Tone.class() }
