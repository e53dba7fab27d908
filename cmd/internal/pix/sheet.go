package pix

import (
	"errors"
	"image"
	"image/color"
	"image/draw"
	"io"

	"github.com/disintegration/imaging"
	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
)

// The measures of a sheet, in pixels.
const (
	photoW, photoH = 232, 176 // the room for a photo
	cropSide       = 144      // the room for a crop
	gap            = 10
	lineHeight     = 14
	frameWidth     = 3
	sheetWidth     = 1640
	maxColumns     = 10
	sheetQuality   = 90
)

// A Thumb is a small upright photo and where its window lies in it.
type Thumb struct {
	image  *image.NRGBA
	window image.Rectangle
}

// ThumbScale returns by how much a photo may be reduced before it is made a
// Thumb.
func ThumbScale(w, h int) int { return Scale(w, h, photoW, photoH) }

// NewThumb makes a small copy of a photo, which was decoded as a whole, turned
// counter-clockwise by rotation (0, 90, 180 or 270 degrees), and marks a window
// given in the stored picture.
func NewThumb(p *Picture, window image.Rectangle, rotation int) *Thumb {
	roomW, roomH := photoW, photoH
	if rotation == 90 || rotation == 270 {
		roomW, roomH = photoH, photoW
	}
	small := imaging.Fit(p.image(), roomW, roomH, imaging.Box)
	w, h := small.Rect.Dx(), small.Rect.Dy()
	scale := func(v, of, to int) int { return (2*v*to + of) / (2 * of) } // to the nearest
	box := image.Rect(scale(window.Min.X, p.Width, w), scale(window.Min.Y, p.Height, h),
		scale(window.Max.X, p.Width, w), scale(window.Max.Y, p.Height, h))
	switch rotation {
	case 90:
		small = imaging.Rotate90(small)
		box = image.Rect(box.Min.Y, w-box.Max.X, box.Max.Y, w-box.Min.X)
	case 180:
		small = imaging.Rotate180(small)
		box = image.Rect(w-box.Max.X, h-box.Max.Y, w-box.Min.X, h-box.Min.Y)
	case 270:
		small = imaging.Rotate270(small)
		box = image.Rect(h-box.Max.Y, box.Min.X, h-box.Min.Y, box.Max.X)
	}
	return &Thumb{image: small, window: box}
}

// A Cell is one item on a sheet.
type Cell struct {
	Photo   *Thumb // nil: there is none
	Crop    []byte // RGB, Width*Height*3 bytes
	Width   int
	Height  int
	Title   string
	Caption string
	Class   int // chooses the colour of the frames; below 0 is grey
}

// A Sheet is a contact sheet: photos with their boxes drawn, each next to its
// crop.
type Sheet struct {
	cells []Cell
}

// Add appends a cell.
func (s *Sheet) Add(c Cell) { s.cells = append(s.cells, c) }

// Len returns the number of cells.
func (s *Sheet) Len() int { return len(s.cells) }

// Encode writes the sheet as a JPEG picture. It returns an error for a sheet
// without cells.
func (s *Sheet) Encode(w io.Writer) error {
	if len(s.cells) == 0 {
		return errors.New("a contact sheet without pictures")
	}
	return imaging.Encode(w, s.draw(), imaging.JPEG, imaging.JPEGQuality(sheetQuality))
}

func (s *Sheet) draw() *image.NRGBA {
	// Without any photo the cells are narrower, and more fit next to each
	// other.
	room := image.Pt(cropSide, cropSide)
	for _, c := range s.cells {
		if c.Photo != nil {
			room = image.Pt(photoW+gap/2+cropSide, max(photoH, cropSide))
		}
	}
	cell := image.Pt(room.X+gap, room.Y+2*lineHeight+gap)
	columns := min(len(s.cells), maxColumns, (sheetWidth-gap)/cell.X)
	rows := (len(s.cells) + columns - 1) / columns
	page := imaging.New(gap+columns*cell.X, gap+rows*cell.Y, color.NRGBA{R: 250, G: 250, B: 250, A: 255})
	for i, c := range s.cells {
		at := image.Pt(gap+i%columns*cell.X, gap+i/columns*cell.Y)
		c.draw(page, image.Rectangle{Min: at, Max: at.Add(room)})
	}
	return page
}

// draw draws the cell: the pictures in room, the text below it.
func (c Cell) draw(page *image.NRGBA, room image.Rectangle) {
	tint := colourOf(c.Class)
	crop := room
	if c.Photo != nil {
		at := room.Min.Add(image.Pt((photoW-c.Photo.image.Rect.Dx())/2, (room.Dy()-c.Photo.image.Rect.Dy())/2))
		draw.Draw(page, c.Photo.image.Rect.Add(at), c.Photo.image, image.Point{}, draw.Src)
		window := c.Photo.window.Add(at)
		frame(page, window.Inset(-1), color.White, 1) // seen on any photo
		frame(page, window, tint, 2)
		crop.Min.X += photoW + gap/2
	}
	crop.Max.X = crop.Min.X + cropSide
	inner := cropSide - 2*frameWidth
	small := image.Image(&rgb{pix: c.Crop, width: c.Width, height: c.Height})
	if max(c.Width, c.Height) > inner {
		small = imaging.Fit(small, inner, inner, imaging.Box)
	}
	size := small.Bounds().Size()
	at := crop.Min.Add(image.Pt((cropSide-size.X)/2, (crop.Dy()-size.Y)/2))
	to := image.Rectangle{Min: at, Max: at.Add(size)}
	draw.Draw(page, to, small, image.Point{}, draw.Src)
	frame(page, to.Inset(-frameWidth), tint, frameWidth)
	write(page, image.Pt(room.Min.X, room.Max.Y+lineHeight-2), room.Dx(), c.Title, tint)
	write(page, image.Pt(room.Min.X, room.Max.Y+2*lineHeight-2), room.Dx(), c.Caption, color.NRGBA{R: 90, G: 90, B: 90, A: 255})
}

// frame draws the edge of r, inwards.
func frame(page *image.NRGBA, r image.Rectangle, c color.Color, width int) {
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

// write writes a line of text whose baseline begins at p, cut to the width.
func write(page *image.NRGBA, p image.Point, width int, text string, c color.Color) {
	face := basicfont.Face7x13
	runes := []rune(text)
	if most := width / face.Advance; len(runes) > most {
		runes = append(runes[:most-2], '.', '.')
	}
	d := font.Drawer{Dst: page, Src: image.NewUniform(c), Face: face, Dot: fixed.P(p.X, p.Y)}
	d.DrawString(string(runes))
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
