package pix

import (
	"cmp"
	"image"
	"slices"
)

// backgroundScales are the sizes tried for a background window, as fractions
// (of four) of the size asked for. One much smaller would give itself away by
// its blur.
var backgroundScales = [...]int{4, 3, 2}

// Background draws a window of w by h pixels, or three quarters or half of
// that where there is no room, in a picture of the given size so that it
// overlaps none of taken. Every place that fits is as likely as any other, and
// if one fits it is found. It returns false where there is no room.
func Background(rng *Rand, width, height, w, h int, taken []image.Rectangle) (image.Rectangle, bool) {
	for _, quarters := range backgroundScales {
		w, h := max(1, w*quarters/4), max(1, h*quarters/4)
		if p, ok := place(rng, width, height, w, h, taken); ok {
			return image.Rectangle{Min: p, Max: p.Add(image.Pt(w, h))}, true
		}
	}
	return image.Rectangle{}, false
}

// place draws the upper left corner of a window. The corners where it would
// overlap a taken rectangle are a rectangle themselves, w-1 larger to the left
// and h-1 to the top; the rest of the plane falls into vertical strips in which
// the free rows are the same for every column.
func place(rng *Rand, width, height, w, h int, taken []image.Rectangle) (image.Point, bool) {
	if width < w || height < h {
		return image.Point{}, false
	}
	room := image.Rect(0, 0, width-w+1, height-h+1) // of corners
	var blocked []image.Rectangle
	edges := []int{room.Min.X, room.Max.X}
	for _, t := range taken {
		b := image.Rect(t.Min.X-w+1, t.Min.Y-h+1, t.Max.X, t.Max.Y).Intersect(room)
		if t.Empty() || b.Empty() {
			continue
		}
		blocked = append(blocked, b)
		edges = append(edges, b.Min.X, b.Max.X)
	}
	slices.SortFunc(blocked, func(a, b image.Rectangle) int { return cmp.Compare(a.Min.Y, b.Min.Y) })
	slices.Sort(edges)
	edges = slices.Compact(edges)

	var total int
	eachGap(edges, blocked, room, func(g image.Rectangle) bool {
		total += g.Dx() * g.Dy()
		return true
	})
	if total == 0 {
		return image.Point{}, false
	}
	n := rng.IntN(total)
	var found image.Point
	eachGap(edges, blocked, room, func(g image.Rectangle) bool {
		if size := g.Dx() * g.Dy(); n >= size {
			n -= size
			return true
		}
		found = g.Min.Add(image.Pt(n%g.Dx(), n/g.Dx()))
		return false
	})
	return found, true
}

// eachGap calls f with the parts of room that no blocked rectangle covers,
// which are sorted by their top, until f returns false.
func eachGap(edges []int, blocked []image.Rectangle, room image.Rectangle, f func(image.Rectangle) bool) {
	for i := range len(edges) - 1 {
		x0, x1 := edges[i], edges[i+1]
		y := room.Min.Y
		for _, b := range blocked {
			if b.Min.X > x0 || b.Max.X < x1 {
				continue
			}
			if b.Min.Y > y && !f(image.Rect(x0, y, x1, b.Min.Y)) {
				return
			}
			y = max(y, b.Max.Y)
		}
		if y < room.Max.Y && !f(image.Rect(x0, y, x1, room.Max.Y)) {
			return
		}
	}
}
