package sample

// pattern is what a material's surface shows besides its two colours.
type pattern uint8

const (
	plain   pattern = iota
	crumb           // pores of cut bread
	checked         // woven squares
	wooden          // grain along x
	melted          // patches of the second colour, as cheese on a pizza
)

// material is how a part of an object answers to light. Colours are linear; k
// of a vertex mixes a (0) and b (1).
type material struct {
	a, b    vec
	freq    float64 // noise texels for one unit of length
	amp     float64 // how far noise lightens and darkens the colour
	bump    float64 // how far noise bends the normal
	gloss   float64 // strength of the highlight
	sharp   int     // highlight exponent is 2^sharp
	wrap    float64 // light that creeps around the edge, 0 to 0.5: soft or thin stuff
	pattern pattern
	offset  vec // where in the noise this part lies
}

// vertex is a corner of the mesh in the world; tex is its place in the object's
// own coordinates.
type vertex struct {
	p, n, tex vec
	k         float64
}

type triangle struct {
	a, b, c int32
	part    int32
}

// part is one surface: its object, its material, and whether only its front can
// be seen.
type part struct {
	object int32
	closed bool
	material
}

// mesh is the whole scene. Triangles of one object lie together, in object
// order.
type mesh struct {
	vertices  []vertex
	triangles []triangle
	parts     []part
	smoothed  bool // normals are wanted
}

// builder adds surfaces to one object of a mesh.
type builder struct {
	*mesh
	frame
	noise  *noise
	object int32
	detail float64 // 1: full number of facets
}

// in returns a builder for the same object with another frame.
func (b *builder) in(f frame) *builder {
	c := *b
	c.frame = f
	return &c
}

// facets scales a number of facets to the detail wanted.
func (b *builder) facets(n int) int { return max(4, int(mul(float64(n), b.detail)+0.5)) }

// patch adds an nu by nv grid of points; wrap joins the last column to the
// first. The front of a closed one is where du x dv points.
func (b *builder) patch(nu, nv int, wrap, closed bool, m material, at func(u, v int) (p vec, k float64)) {
	base := int32(len(b.vertices))
	id := int32(len(b.parts))
	b.parts = append(b.parts, part{object: b.object, closed: closed, material: m})
	for v := range nv {
		for u := range nu {
			p, k := at(u, v)
			b.vertices = append(b.vertices, vertex{p: b.apply(p), tex: p, k: k})
		}
	}
	cols := nu - 1
	if wrap {
		cols = nu
	}
	for v := range nv - 1 {
		for u := range cols {
			i00 := base + int32(v*nu+u)
			i10 := base + int32(v*nu+(u+1)%nu)
			i01, i11 := i00+int32(nu), i10+int32(nu)
			b.triangles = append(b.triangles, triangle{i00, i10, i11, id}, triangle{i00, i11, i01, id})
		}
	}
	if b.smoothed {
		setNormals(b.vertices[base:], nu, nv, wrap)
	}
}

// setNormals takes central differences over the grid. A row shrunk to a point
// borrows its neighbour's direction along u.
func setNormals(grid []vertex, nu, nv int, wrap bool) {
	for v := range nv {
		up, down := min(v+1, nv-1), max(v-1, 0)
		for u := range nu {
			left, right := max(u-1, 0), min(u+1, nu-1)
			if wrap {
				left, right = (u+nu-1)%nu, (u+1)%nu
			}
			du := grid[v*nu+right].p.sub(grid[v*nu+left].p)
			if du.dot(du) < 1e-12 {
				row := up
				if v == nv-1 {
					row = down
				}
				du = grid[row*nu+right].p.sub(grid[row*nu+left].p)
			}
			dv := grid[up*nu+u].p.sub(grid[down*nu+u].p)
			grid[v*nu+u].n = du.cross(dv).unit()
		}
	}
}

// corner is a point of an outline; cut is 1 where the shape was sliced, so that
// no crust shows.
type corner struct{ x, y, cut float64 }

// outline is a closed curve, counter-clockwise seen from above, about the
// origin.
type outline []corner

// superellipse runs from an ellipse (square 0) over one with blunt corners (1)
// to a slice of toast (2): unit circles of the norms of power 2, 4 and 8, so
// that no general power is needed.
func superellipse(n int, rx, ry, square float64) outline {
	o := make(outline, n)
	for i := range o {
		s, c := sincos(float64(i) / float64(n))
		s4, c4 := mul(mul(s, s), mul(s, s)), mul(mul(c, c), mul(c, c))
		four := 1 / sqrt(sqrt(s4+c4))
		r := lerp(1, four, square)
		if square > 1 {
			r = lerp(four, 1/sqrt(sqrt(sqrt(mul(s4, s4)+mul(c4, c4)))), square-1)
		}
		o[i] = corner{x: mul(mul(c, r), rx), y: mul(mul(s, r), ry)}
	}
	return o
}

// capsule is a rectangle with round ends, half as long as long and half as wide
// as wide.
func capsule(n int, long, wide float64) outline {
	o := make(outline, n)
	straight := long - wide
	for i := range o {
		s, c := sincos(float64(i) / float64(n))
		x := mul(c, wide)
		if c > 0 {
			x += mul(straight, smooth(0, 0.5, c))
		} else {
			x -= mul(straight, smooth(0, 0.5, -c))
		}
		o[i] = corner{x: x, y: mul(s, wide)}
	}
	return o
}

// polygon spreads n points over the sides of a polygon given counter-clockwise;
// cut says which sides (the side behind each corner) were sliced.
func polygon(n int, points [][2]float64, cut []bool) outline {
	sides := len(points)
	per := max(n/sides, 3)
	o := make(outline, 0, per*sides)
	for i, p := range points {
		q := points[(i+1)%sides]
		for j := range per {
			// Points crowd towards the corners and leave the corner
			// itself out, which rounds it.
			t := 0.03 + mul(0.94, smooth(0, 1, float64(j)/float64(per-1)))
			k := 0.0
			if cut[i] {
				k = 1
			}
			o = append(o, corner{lerp(p[0], q[0], t), lerp(p[1], q[1], t), k})
		}
	}
	return o
}

// grow scales an outline about the origin.
func (o outline) grow(s float64) outline {
	out := make(outline, len(o))
	for i, c := range o {
		out[i] = corner{mul(c.x, s), mul(c.y, s), c.cut}
	}
	return out
}

// ring is one row of a loft: the outline scaled by s, at height z, tinted k.
type ring struct{ s, z, k float64 }

// rough is how uneven a loft is: amounts sideways and upwards, noise texels per
// unit.
type rough struct{ side, up, freq float64 }

// loft stacks scaled outlines into a closed solid, from the middle of its
// bottom to the middle of its top.
func (b *builder) loft(o outline, rings []ring, uneven rough, m material) {
	b.patch(len(o), len(rings), true, true, m, func(u, v int) (vec, float64) {
		c, r := o[u], rings[v]
		x, y := mul(c.x, r.s), mul(c.y, r.s)
		if uneven.freq > 0 {
			// Sampled where the outline passes, so that the seam
			// closes.
			s := mul(c.x, uneven.freq) + m.offset.x + mul(r.z, uneven.freq)
			t := mul(c.y, uneven.freq) + m.offset.y + mul(r.z, mul(uneven.freq, 0.7))
			w := 1 + mul(uneven.side, b.noise.at(s, t))
			x, y = mul(x, w), mul(y, w)
			r.z += mul(uneven.up, b.noise.at(mul(x, uneven.freq)+m.offset.y, mul(y, uneven.freq)+m.offset.x))
		}
		return vec{x, y, r.z}, mul(r.k, 1-c.cut)
	})
}

// ball adds an ellipsoid about the origin of the frame.
func (b *builder) ball(rx, ry, rz float64, n int, m material) {
	n = b.facets(n)
	rows := n/2 + 1
	b.patch(n, rows, true, true, m, func(u, v int) (vec, float64) {
		s, c := sincos(float64(u) / float64(n))
		h, w := sincos(mul(float64(v)/float64(rows-1), 0.5) - 0.25)
		return vec{mul(mul(c, w), rx), mul(mul(s, w), ry), mul(h, rz)}, 0.5 + h/2
	})
}

// tube adds a round rod along a path; radius may change along it (t from 0 to
// 1).
func (b *builder) tube(path []vec, around int, radius func(t float64) float64, m material) {
	last := len(path) - 1
	b.patch(around, len(path), true, true, m, func(u, v int) (vec, float64) {
		t := path[min(v+1, last)].sub(path[max(v-1, 0)]).unit()
		side := vec{0, 0, 1}.cross(t)
		if side.dot(side) < 1e-6 {
			side = vec{1, 0, 0}
		}
		side = side.unit()
		top := t.cross(side)
		s, c := sincos(float64(u) / float64(around))
		r := radius(float64(v) / float64(last))
		return path[v].add(side.times(mul(c, r))).add(top.times(mul(s, r))), 0.5 + s/2
	})
}

// box adds a block with slightly rounded edges, half sizes given, standing on z
// = 0.
func (b *builder) box(x, y, height float64, m material) {
	o := polygon(16, [][2]float64{{x, -y}, {x, y}, {-x, y}, {-x, -y}}, make([]bool, 4))
	e := mul(height, 0.1)
	b.loft(o, []ring{{0, 0, 0}, {0.97, 0, 0}, {1, e, 0.5}, {1, height - e, 0.5}, {0.97, height, 1}, {0, height, 1}}, rough{}, m)
}
