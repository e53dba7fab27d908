package sample

import "github.com/opensandwich/oi/cmd/internal/rng"

// backdropPoint is the light on the table, its specular there, and the room's
// colour, as seen through one point of the picture.
type backdropPoint struct{ light, specular, room vec }

// backdropGrid holds a point for every cell pixels in both directions, one more
// than needed at the far ends.
type backdropGrid struct {
	w, h   int
	points []backdropPoint
}

func (s *shader) backdropGrid() *backdropGrid {
	g := &backdropGrid{w: s.camera.w/cell + 2, h: s.camera.h/cell + 2}
	g.points = make([]backdropPoint, g.w*g.h)
	up := vec{0, 0, 1}
	for j := range g.h {
		for i := range g.w {
			q := &g.points[j*g.w+i]
			q.room = s.room(i*cell, j*cell)
			if p, ok := s.onTable(s.camera.ray(i*cell, j*cell)); ok {
				q.light, q.specular = s.lighting(p, up, up, &s.table.material)
			} else {
				// Pixels of the table's far edge lie between
				// this point and one that is on the table.
				q.light = s.sun.sky.add(s.sun.colour.times(s.sun.to.z))
			}
		}
	}
	return g
}

// row interpolates the grid at height y.
func (g *backdropGrid) row(dst []backdropPoint, y int) {
	t := float64(y%cell) / cell
	a := g.points[y/cell*g.w:]
	b := a[g.w:]
	for i := range dst {
		dst[i] = backdropPoint{a[i].light.toward(b[i].light, t), a[i].specular.toward(b[i].specular, t), a[i].room.toward(b[i].room, t)}
	}
}

// onTable is where a ray from the eye meets the table's plane; false when it
// goes above the horizon or so far that nothing can be told.
func (s *shader) onTable(ray vec) (vec, bool) {
	if ray.z > -1e-3 {
		return vec{}, false
	}
	p := s.eye.add(ray.times(-s.eye.z / ray.z))
	return p, p.y < min(s.table.edge, 200)
}

// backdrop is what lies behind everything: the table, or beyond its edge the
// room, between two points of the grid.
func (s *shader) backdrop(ray vec, a, b *backdropPoint, t float64) vec {
	p, ok := s.onTable(ray)
	if !ok {
		return a.room.toward(b.room, t)
	}
	return s.tabletop(p).each(a.light.toward(b.light, t)).add(a.specular.toward(b.specular, t))
}

// tabletop is the colour of a point of the table, which is the plane z = 0.
func (s *shader) tabletop(p vec) vec {
	t := &s.table
	tex := vec{mul(p.x, t.cos) + mul(p.y, t.sin), mul(p.y, t.cos) - mul(p.x, t.sin), 0}
	u, v := mul(tex.x, t.freq)+t.offset.x, mul(tex.y, t.freq)+t.offset.y
	grain := s.noise.at(u, v)
	colour := t.albedo(tex, 0.5, grain, u, v, s.noise)
	if t.bump > 0 {
		colour = colour.times(1 + mul(t.bump, s.noise.near(u+91, v)))
	}
	if t.planks > 0 {
		// Dark joints between boards, and boards of unequal light.
		q := tex.y/t.planks + 1024
		board := int(q)
		colour = colour.times(0.88 + mul(0.24, float64(rng.Mix(uint64(board))>>40)/(1<<24)))
		if f := q - float64(board); f < 0.03 {
			colour = colour.times(0.45)
		}
	}
	return colour
}

// room is an out-of-focus background: two colours and a few soft lamps.
func (s *shader) room(x, y int) vec {
	g := s.noise.at(float64(x)/14+s.table.offset.y, float64(y)/14+s.table.offset.x)
	c := s.wall[0].toward(s.wall[1], clamp(float64(y)/float64(s.camera.h)+mul(0.5, g), 0, 1))
	for _, l := range s.lamps {
		dx, dy := float64(x)-l.x, float64(y)-l.y
		if d := mul(dx, dx) + mul(dy, dy); d < mul(l.r, l.r) {
			c = c.add(s.lampLight.times(smooth(l.r, mul(0.7, l.r), sqrt(d))))
		}
	}
	return c
}
