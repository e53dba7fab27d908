package sample

// pixels is a picture of 8-bit red, green and blue.
type pixels struct {
	w, h int
	rgb  []uint8
}

// toneSteps is how finely the tone curve is tabled, per unit of linear light.
const toneSteps = 512

// toneCurve turns linear light 0..4 into 8 bits: a soft shoulder above 0.6,
// then a gamma of two.
type toneCurve [4 * toneSteps]uint8

func newToneCurve() *toneCurve {
	var t toneCurve
	for i := range t {
		x := float64(i) / toneSteps
		if x > 0.6 {
			x = 0.6 + mul(0.4, 1-1/(1+(x-0.6)/0.4))
		}
		t[i] = uint8(mul(255, sqrt(x)) + 0.5)
	}
	return &t
}

func (t *toneCurve) at(x float64) uint8 {
	i := int(mul(x, toneSteps))
	if uint(i) >= uint(len(t)) {
		i = len(t) - 1
	}
	return t[i]
}

// shader lights the visible points of a scene.
type shader struct {
	*scene
	tone  *toneCurve
	noise *noise
	eye   vec
}

// cell is how many pixels lie between the points where the light on the table
// and the room behind it are worked out; both change slowly.
const cell = 4

// shade fills a picture from the visibility buffer.
func (s *shader) shade(seen *visibilityBuffer, corners []projected) *pixels {
	w, h := seen.w, seen.h
	out := &pixels{w, h, make([]uint8, 3*w*h)}
	far := s.backdropGrid()
	row := make([]backdropPoint, far.w)
	cx, cy := float64(w)/2, float64(h)/2
	falloff := s.vignette / (mul(cx, cx) + mul(cy, cy))
	for y := range h {
		dy := float64(y) - cy
		far.row(row, y)
		left, step := s.camera.ray(0, y), s.camera.right.times(1/s.camera.focal)
		for x := range w {
			i := y*w + x
			var c vec
			if t := seen.triangle[i] - 1; t >= 0 {
				c = s.surface(t, corners, x, y)
			} else {
				c = s.backdrop(left.add(step.times(float64(x))), &row[x/cell], &row[x/cell+1], float64(x%cell)/cell)
			}
			dx := float64(x) - cx
			v := 1 - mul(falloff, mul(dx, dx)+mul(dy, dy))
			o := out.rgb[3*i : 3*i+3]
			o[0], o[1], o[2] = s.tone.at(mul(c.x, v)), s.tone.at(mul(c.y, v)), s.tone.at(mul(c.z, v))
		}
	}
	return out
}

// surface is the light that triangle t sends through pixel x, y.
func (s *shader) surface(t int32, corners []projected, x, y int) vec {
	tri := &s.mesh.triangles[t]
	pa, pb, pc := &corners[tri.a], &corners[tri.b], &corners[tri.c]
	px, py := centre(x), centre(y)
	whole := 1 / float64(area(pa, pb, pc.x, pc.y))
	wb := mul(float64(area(pc, pa, px, py)), whole)
	wc := mul(float64(area(pa, pb, px, py)), whole)
	wa := 1 - wb - wc
	a, b, c := &s.mesh.vertices[tri.a], &s.mesh.vertices[tri.b], &s.mesh.vertices[tri.c]
	p := vec{mul(a.p.x, wa) + mul(b.p.x, wb) + mul(c.p.x, wc), mul(a.p.y, wa) + mul(b.p.y, wb) + mul(c.p.y, wc), mul(a.p.z, wa) + mul(b.p.z, wb) + mul(c.p.z, wc)}
	n := vec{mul(a.n.x, wa) + mul(b.n.x, wb) + mul(c.n.x, wc), mul(a.n.y, wa) + mul(b.n.y, wb) + mul(c.n.y, wc), mul(a.n.z, wa) + mul(b.n.z, wb) + mul(c.n.z, wc)}
	q := vec{mul(a.tex.x, wa) + mul(b.tex.x, wb) + mul(c.tex.x, wc), mul(a.tex.y, wa) + mul(b.tex.y, wb) + mul(c.tex.y, wc), mul(a.tex.z, wa) + mul(b.tex.z, wb) + mul(c.tex.z, wc)}
	k := mul(a.k, wa) + mul(b.k, wb) + mul(c.k, wc)

	m := &s.mesh.parts[tri.part].material
	u := mul(q.x+mul(0.45, q.z), m.freq) + m.offset.x
	v := mul(q.y+mul(0.8, q.z), m.freq) + m.offset.y
	grain := s.noise.at(u, v)
	colour := m.albedo(q, k, grain, u, v, s.noise)
	if n.dot(p.sub(s.eye)) > 0 {
		n = n.times(-1) // a sheet seen from behind
	}
	smoothNormal := n
	if m.bump > 0 {
		n.x += mul(m.bump, s.noise.near(mul(u, 2)+91, mul(v, 2)))
		n.y += mul(m.bump, s.noise.near(mul(u, 2), mul(v, 2)+57))
		n.z += mul(m.bump, grain)
	}
	light, specular := s.lighting(p, smoothNormal, n.unit(), m)
	return colour.each(light).add(specular)
}

// albedo is the colour of a material before light falls on it.
func (m *material) albedo(tex vec, k, grain, u, v float64, n *noise) vec {
	light := 1 + mul(m.amp, grain)
	switch m.pattern {
	case crumb:
		if pore := n.near(mul(u, 3), mul(v, 3)+40); pore > 0.35 && k < 0.5 {
			light -= mul(0.5, pore-0.2)
		}
		k += mul(0.35, mul(grain, k))
	case checked:
		k = 0
		if int(mul(tex.x, 2.2)+64)&1 > 0 {
			k += 0.5
		}
		if int(mul(tex.y, 2.2)+64)&1 > 0 {
			k += 0.5
		}
	case wooden:
		ring := n.at(mul(tex.x, mul(m.freq, 0.12))+m.offset.x, mul(tex.y, m.freq)+m.offset.y)
		k = 0.5 + ring
		light = 1 + mul(mul(m.amp, 0.5), n.near(mul(u, 0.5), mul(v, 4)))
	case melted:
		k += mul(1.6, grain)
		light = 1 + mul(m.amp, n.near(u+77, v))
	}
	return m.a.toward(m.b, clamp(k, 0, 1)).times(clamp(light, 0, 4))
}

// lighting is the light that falls on a point and what a gloss adds to it;
// smooth is the normal before bumps, n the one after.
func (s *shader) lighting(p, smooth, n vec, m *material) (light, specular vec) {
	light = s.sun.bounce.toward(s.sun.sky, 0.5+n.z/2).times(s.ambientOcclusion(p))
	facing := (n.dot(s.sun.to) + m.wrap) / (1 + m.wrap)
	if facing <= 0 {
		return light, specular
	}
	reach := s.sun.visibility(p, smooth)
	if reach == 0 {
		return light, specular
	}
	direct := s.sun.colour.times(reach)
	light = light.add(direct.times(facing))
	if h := n.dot(s.sun.half); m.gloss > 0 && h > 0 {
		for range m.sharp {
			h = mul(h, h)
		}
		specular = direct.times(mul(h, m.gloss))
	}
	return light, specular
}

// ambientOcclusion is how much of the sky a low point sees: less next to the
// foot of an object.
func (s *shader) ambientOcclusion(p vec) float64 {
	if p.z > 0.6 {
		return 1
	}
	open := 1.0
	for i := range s.feet {
		f := &s.feet[i]
		dx, dy := p.x-f.x, p.y-f.y
		d := mul(dx, dx) + mul(dy, dy)
		if edge := mul(1.45, f.r); d < mul(edge, edge) {
			open = mul(open, 1-mul(0.55, smooth(1.45, 0.75, sqrt(d)/f.r)))
		}
	}
	return lerp(open, 1, clamp(p.z/0.6, 0, 1))
}
