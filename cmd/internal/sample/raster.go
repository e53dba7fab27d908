package sample

// subpixel is the resolution of projected corners, so that coverage is decided
// in whole numbers.
const subpixel = 16

// projected is a vertex on the picture, in subpixels, with a depth that is
// linear on the picture and grows towards the eye.
type projected struct {
	x, y  int64
	depth float64
}

// visibilityBuffer holds for each pixel the nearest triangle, counted from 1 (0
// where there is none), and its depth, which is above 0.
type visibilityBuffer struct {
	w, h     int
	depth    []float32
	triangle []int32
}

func newVisibilityBuffer(w, h int) *visibilityBuffer {
	return &visibilityBuffer{w: w, h: h, depth: make([]float32, w*h), triangle: make([]int32, w*h)}
}

// coverage counts, for each object, the pixels it would cover if nothing stood
// before it.
type coverage struct {
	last  []int32 // the object that touched the pixel last, counted from 1
	alone []int
}

func newCoverage(pixels, objects int) *coverage {
	return &coverage{last: make([]int32, pixels), alone: make([]int, objects)}
}

// area is twice the signed area of a, b, p; positive where the three run
// clockwise as seen on a picture with y downwards.
func area(a, b *projected, px, py int64) int64 { return (b.x-a.x)*(py-a.y) - (b.y-a.y)*(px-a.x) }

// draw adds triangle id (from 0) of object to the buffer. A closed surface's
// back is left out; cov may be nil.
func (l *visibilityBuffer) draw(a, b, c *projected, id, object int32, closed bool, cov *coverage) {
	whole := area(a, b, c.x, c.y)
	if whole == 0 || whole > 0 && closed {
		return
	}
	if whole < 0 {
		b, c, whole = c, b, -whole
	}
	x0 := max(ceilPixel(min(a.x, b.x, c.x)), 0)
	x1 := min(floorPixel(max(a.x, b.x, c.x)), l.w-1)
	y0 := max(ceilPixel(min(a.y, b.y, c.y)), 0)
	y1 := min(floorPixel(max(a.y, b.y, c.y)), l.h-1)
	if x0 > x1 || y0 > y1 {
		return
	}
	px, py := centre(x0), centre(y0)
	// wb and wc are the weights of b and c (times whole), wa of a; each is
	// linear over the picture.
	wa, wb, wc := area(b, c, px, py), area(c, a, px, py), area(a, b, px, py)
	ax, ay := (b.y-c.y)*subpixel, (c.x-b.x)*subpixel
	bx, by := (c.y-a.y)*subpixel, (a.x-c.x)*subpixel
	cx, cy := (a.y-b.y)*subpixel, (b.x-a.x)*subpixel
	kb, kc := (b.depth-a.depth)/float64(whole), (c.depth-a.depth)/float64(whole)
	row := a.depth + mul(float64(wb), kb) + mul(float64(wc), kc)
	dx := mul(float64(bx), kb) + mul(float64(cx), kc)
	dy := mul(float64(by), kb) + mul(float64(cy), kc)
	for y := y0; y <= y1; y++ {
		a, b, c, z := wa, wb, wc, row
		first, last := int64(0), int64(x1-x0)
		if last > 8 {
			// Long and slanting: most of the row is outside.
			first, last = inside(a, ax, first, last)
			first, last = inside(b, bx, first, last)
			first, last = inside(c, cx, first, last)
			a, b, c, z = a+ax*first, b+bx*first, c+cx*first, z+mul(dx, float64(first))
		}
		start := y*l.w + x0
		for i := start + int(first); i <= start+int(last); i++ {
			if a|b|c >= 0 {
				if cov != nil && cov.last[i] != object+1 {
					cov.last[i] = object + 1
					cov.alone[object]++
				}
				if d := float32(z); d > l.depth[i] {
					l.depth[i] = d
					l.triangle[i] = id + 1
				}
			}
			a, b, c, z = a+ax, b+bx, c+cx, z+dx
		}
		wa, wb, wc, row = wa+ay, wb+by, wc+cy, row+dy
	}
}

// inside narrows first..last to where an edge weight, w at 0 and rising by
// step, is not negative.
func inside(w, step, first, last int64) (int64, int64) {
	switch {
	case step > 0 && w < 0:
		first = max(first, (-w+step-1)/step)
	case step < 0 && w >= 0:
		last = min(last, w/-step)
	case step <= 0 && w < 0:
		last = first - 1
	}
	return first, last
}

// centre is the middle of a pixel in subpixels; ceilPixel and floorPixel are
// the first pixel whose middle is not before, and the last whose middle is not
// after, a place.
func centre(pixel int) int64 { return int64(pixel)*subpixel + subpixel/2 }
func ceilPixel(s int64) int  { return int((s + subpixel/2 - 1) >> 4) }
func floorPixel(s int64) int { return int((s - subpixel/2) >> 4) }

// drawMesh rasterises every triangle of the mesh whose corners are given in
// corners.
func (l *visibilityBuffer) drawMesh(m *mesh, corners []projected, cov *coverage) {
	for i, t := range m.triangles {
		p := &m.parts[t.part]
		l.draw(&corners[t.a], &corners[t.b], &corners[t.c], int32(i), p.object, p.closed, cov)
	}
}
