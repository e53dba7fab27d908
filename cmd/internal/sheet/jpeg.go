package sheet

import (
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"io"
	"slices"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"

	"github.com/opensandwich/oi/cmd/internal/pix"
)

// The measures of a picture of a sheet, in pixels.
const (
	gap        = 10
	lineHeight = 14
	frameWidth = 3
	sheetWidth = 1640
	maxColumns = 10
	maxHeight  = 65_000 // a JPEG has at most 65,535 rows
	quality    = 90
	keyLetters = 26 // a usual key is one line
)

// A layout is where on the page the entries go.
type layout struct {
	photos  bool
	room    image.Point // for the pictures of an entry
	caption int         // the height of their captions
	columns int
	rows    []row
	size    image.Point // of the page
}

// A row is a row of entries next to each other.
type row struct{ y, height, entries int }

// EncodeJPEG writes the sheet as a JPEG picture. The letters are those of
// ASCII: a page has all of them.
func (s *Sheet) EncodeJPEG(w io.Writer) error {
	if len(s.entries) == 0 {
		return ErrEmpty
	}
	return jpeg.Encode(w, s.draw(), &jpeg.Options{Quality: quality})
}

func (s *Sheet) draw() *image.RGBA {
	l := s.layout()
	page := image.NewRGBA(image.Rectangle{Max: l.size})
	draw.Draw(page, page.Rect, image.NewUniform(color.Gray{Y: 250}), image.Point{}, draw.Src)
	next := 0
	for _, r := range l.rows {
		for i := range r.entries {
			at := image.Pt(gap+i*(l.room.X+gap), r.y)
			s.entries[next].draw(page, image.Rectangle{Min: at, Max: at.Add(l.room)}, l)
			next++
		}
	}
	return page
}

// layout finds the fewest columns, from as many as a screen is wide, with which
// the page is not too high for a JPEG.
func (s *Sheet) layout() layout {
	l := layout{}
	pictures := 1
	for _, e := range s.entries {
		l.photos = l.photos || e.Photo != nil
		pictures = max(pictures, len(e.Pictures))
		if slices.ContainsFunc(e.Pictures, func(p Picture) bool { return p.Caption != "" }) {
			l.caption = lineHeight
		}
	}
	l.room = image.Pt(pictures*cropSide+(pictures-1)*gap/2, cropSide)
	if l.photos {
		l.room = l.room.Add(image.Pt(pix.ThumbWidth+gap/2, pix.ThumbHeight-cropSide))
	}
	l.room.X = max(l.room.X, keyLetters*basicfont.Face7x13.Advance)
	l.columns = max(1, min(len(s.entries), maxColumns, (sheetWidth-gap)/(l.room.X+gap)))
	for {
		l.place(s.entries)
		if l.size.Y <= maxHeight || l.columns == len(s.entries) {
			return l
		}
		l.columns++
	}
}

// place divides entries into rows, each as high as its longest text wants.
func (l *layout) place(entries []Entry) {
	l.rows = nil
	y := gap
	for len(entries) > 0 {
		n := min(l.columns, len(entries))
		lines := 0
		for _, e := range entries[:n] {
			lines = max(lines, len(e.text(l.room.X)))
		}
		r := row{y: y, height: l.room.Y + l.caption + lines*lineHeight + gap, entries: n}
		l.rows = append(l.rows, r)
		y += r.height
		entries = entries[n:]
	}
	l.size = image.Pt(gap+l.columns*(l.room.X+gap), y)
}

// A textLine is a line that fits below the pictures.
type textLine struct {
	text string
	ink  color.Color
}

// text returns the lines below the pictures, broken to the width: nothing is
// cut.
func (e *Entry) text(width int) (lines []textLine) {
	add := func(text string, ink color.Color) {
		for _, line := range wrap(text, width/basicfont.Face7x13.Advance) {
			lines = append(lines, textLine{line, ink})
		}
	}
	add(e.Title, colourOf(e.Class))
	add(e.Key, color.NRGBA{R: 90, G: 90, B: 90, A: 255})
	for _, line := range e.Lines {
		add(line.Text, line.Tone.colour())
	}
	return lines
}

// wrap breaks a text into lines of at most most letters, at spaces where there
// are any, else anywhere.
func wrap(text string, most int) (lines []string) {
	runes := []rune(text)
	for len(runes) > most {
		at, skip := most, 0
		for i := most; i > 0; i-- {
			if runes[i] == ' ' {
				at, skip = i, 1
				break
			}
		}
		lines = append(lines, string(runes[:at]))
		runes = runes[at+skip:]
	}
	if len(runes) > 0 {
		lines = append(lines, string(runes))
	}
	return lines
}

// draw draws the entry: the pictures in room, the text below it.
func (e *Entry) draw(page *image.RGBA, room image.Rectangle, l layout) {
	tint := colourOf(e.Class)
	at := room.Min
	if !l.photos && len(e.Pictures) == 1 {
		at.X += (room.Dx() - cropSide) / 2
	}
	if l.photos {
		if e.Photo != nil {
			e.drawPhoto(page, at.Add(image.Pt(0, (room.Dy()-e.Photo.Image.Rect.Dy())/2)))
		}
		at.X += pix.ThumbWidth + gap/2
	}
	for _, p := range e.Pictures {
		size := p.image.Rect.Size()
		to := at.Add(image.Pt((cropSide-size.X)/2, (room.Dy()-size.Y)/2))
		place := image.Rectangle{Min: to, Max: to.Add(size)}
		draw.Draw(page, place, p.image, p.image.Rect.Min, draw.Src)
		frame(page, place.Inset(-frameWidth), tint, frameWidth)
		if p.Caption != "" {
			first := wrap(p.Caption, cropSide/basicfont.Face7x13.Advance)[0]
			write(page, image.Pt(at.X, room.Max.Y+lineHeight-2), textLine{first, Neutral.colour()})
		}
		at.X += cropSide + gap/2
	}
	for i, line := range e.text(room.Dx()) {
		write(page, image.Pt(room.Min.X, room.Max.Y+l.caption+(i+1)*lineHeight-2), line)
	}
}

// drawPhoto draws the photo in the middle of the room's width.
func (e *Entry) drawPhoto(page draw.Image, at image.Point) {
	at.X += (pix.ThumbWidth - e.Photo.Image.Rect.Dx()) / 2
	to := e.Photo.Image.Rect.Add(at)
	draw.Draw(page, to, e.Photo.Image, image.Point{}, draw.Src)
	drawBox(page, e.Photo.Window.Add(at), colourOf(e.Class))
}

// drawBox draws a box that is seen on any photo.
func drawBox(page draw.Image, box image.Rectangle, c color.Color) {
	frame(page, box.Inset(-1), color.White, 1)
	frame(page, box, c, 2)
}

// frame draws the edge of r, inwards.
func frame(page draw.Image, r image.Rectangle, c color.Color, width int) {
	ink := image.NewUniform(c)
	for _, side := range []image.Rectangle{
		{Min: r.Min, Max: image.Pt(r.Max.X, r.Min.Y+width)},
		{Min: image.Pt(r.Min.X, r.Max.Y-width), Max: r.Max},
		{Min: r.Min, Max: image.Pt(r.Min.X+width, r.Max.Y)},
		{Min: image.Pt(r.Max.X-width, r.Min.Y), Max: r.Max},
	} {
		draw.Draw(page, side.Intersect(r), ink, image.Point{}, draw.Src)
	}
}

// write writes a line of text whose baseline begins at p.
func write(page draw.Image, p image.Point, line textLine) {
	text := strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, line.text)
	d := font.Drawer{Dst: page, Src: image.NewUniform(line.ink), Face: basicfont.Face7x13, Dot: fixed.P(p.X, p.Y)}
	d.DrawString(text)
}

func (t Tone) colour() color.NRGBA {
	switch t {
	case Good:
		return color.NRGBA{R: 20, G: 110, B: 40, A: 255}
	case Bad:
		return color.NRGBA{R: 190, G: 20, B: 20, A: 255}
	}
	return color.NRGBA{R: 90, G: 90, B: 90, A: 255}
}

// colourOf returns a colour that differs visibly from its neighbours'.
func colourOf(class int) color.NRGBA {
	palette := [...]color.NRGBA{
		{R: 31, G: 119, B: 180, A: 255}, {R: 214, G: 39, B: 40, A: 255}, {R: 44, G: 140, B: 44, A: 255},
		{R: 255, G: 127, B: 14, A: 255}, {R: 148, G: 103, B: 189, A: 255}, {R: 140, G: 86, B: 75, A: 255},
		{R: 227, G: 69, B: 170, A: 255}, {R: 23, G: 165, B: 180, A: 255}, {R: 160, G: 160, B: 20, A: 255},
		{R: 0, G: 60, B: 110, A: 255}, {R: 120, G: 0, B: 60, A: 255}, {R: 0, G: 100, B: 80, A: 255},
	}
	if class < 0 {
		return color.NRGBA{R: 110, G: 110, B: 110, A: 255}
	}
	return palette[class%len(palette)]
}
