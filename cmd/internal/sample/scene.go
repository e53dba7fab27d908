package sample

// scene is a table set with food, with its light and the camera that looks at
// it.
type scene struct {
	mesh    *mesh
	objects []object
	camera  *camera
	sun     *sun

	table     table
	wall      [2]vec
	lamps     []disc
	lampLight vec
	feet      []disc

	vignette   float64
	blurPasses int
	grain      int // sensor noise
	quality    int // of the JPEG
}

// object is one thing on the table. Group and depiction are the data set's
// flags.
type object struct {
	class            class
	group, depiction bool
}

type disc struct{ x, y, r float64 }

// table is the plane z = 0 as far as edge.
type table struct {
	material
	sin, cos, edge, planks float64
}

// composer sets a scene.
type composer struct {
	*scene
	r     *random
	habit *random // draws that the photographer repeats from photo to photo
	noise *noise
	taken []disc
}

// compose sets the scene of one photo: seed is the photo's own, habit its
// author's. Normals are left out unless smoothed is set.
func compose(seed, habit uint64, n *noise, smoothed bool) *scene {
	s := &composer{
		scene: &scene{mesh: &mesh{smoothed: smoothed}},
		r:     newRandom(seed), habit: newRandom(habit), noise: n,
	}
	s.surroundings()
	reach := s.serve()
	s.dress(reach)
	s.shoot(reach)
	return s.scene
}

// usually draws from the author's habit three times in five, else afresh.
func (s *composer) usually() *random {
	h, own := s.habit.fork(), s.r.fork()
	if s.r.chance(0.6) {
		return h
	}
	return own
}

func (s *composer) surroundings() {
	r := s.usually()
	m := material{freq: r.in(4, 9), amp: r.in(0.1, 0.25), gloss: r.in(0, 0.15), sharp: 4, offset: somewhere(r)}
	switch r.intn(6) {
	case 0, 1: // wood
		c := r.pick(0x9a6b3f, 0x6e4526, 0xc39a69, 0x4a2f1d, 0xb98a5a)
		m.a, m.b, m.pattern, m.freq, m.amp = r.near(c, 0.1), r.near(c, 0.1).times(0.55), wooden, r.in(9, 18), 0.3
		if r.chance(0.6) {
			s.table.planks = r.in(0.9, 2.2)
		}
	case 2: // checked cloth
		m.a, m.b, m.pattern = r.near(rgb(0xefece4), 0.04), r.near(r.pick(0xb3262a, 0x2b5a8c, 0x4b7a43, 0x8a8a86), 0.1), checked
		m.freq, m.amp, s.table.bump = 40, 0.15, 0.15
	case 3: // stone
		m.a, m.b, m.pattern = r.near(r.pick(0xd8d4cc, 0x3c3d40, 0x8d8a86, 0xeae6df), 0.08), r.near(r.pick(0xb4aea4, 0x26272a, 0x70706e), 0.1), melted
		m.freq, m.amp, s.table.bump = r.in(2, 5), 0.15, 0.05
	case 4: // slate or painted metal
		m.a = r.near(r.pick(0x2d2f33, 0x24424a, 0x7c2f2a, 0x47573f, 0x1d1d20), 0.15)
		m.b, m.amp = m.a.times(1.3), 0.3
		m.gloss = 0.12
	default: // plain cloth or paper
		m.a = r.near(r.pick(0xe9e3d6, 0xd9c7a3, 0xb9cbd3, 0xc98f7a, 0xf2efe9, 0x7d8f86), 0.1)
		m.b, m.freq, m.amp, s.table.bump = m.a.times(0.85), 34, 0.2, 0.2
	}
	s.table.material = m
	s.table.sin, s.table.cos = sincos(s.r.float())
	s.table.edge = 1e9
	if s.r.chance(0.6) {
		s.table.edge = s.r.in(2.6, 6)
	}
	s.wall[0] = r.near(r.pick(0x5c4a3d, 0x8d9aa3, 0xcdbfa8, 0x33383d, 0x6d7f5e, 0xa77f5d), 0.2)
	s.wall[1] = r.near(r.pick(0x3a2d25, 0x6b747a, 0xd9cfbd, 0x1f2225, 0x4a5842), 0.2)
	if s.r.chance(0.35) {
		for range s.r.between(3, 9) {
			s.lamps = append(s.lamps, disc{s.r.in(0, 512), s.r.in(0, 220), s.r.in(6, 26)})
		}
		s.lampLight = r.pick(0xffd9a0, 0xfff2dd, 0xbcd8ff).times(s.r.in(0.2, 0.7))
	}
}

// begin starts a new object at x, y, z, rotated and sized.
func (s *composer) begin(c class, x, y, z, turns, size float64) *builder {
	s.objects = append(s.objects, object{class: c})
	return &builder{
		mesh: s.mesh, noise: s.noise, object: int32(len(s.objects) - 1), detail: 1,
		frame: world().move(x, y, z).spin(turns).scale(size, size, size),
	}
}

// serve places the food and what it lies on, and returns how wide the group is.
func (s *composer) serve() float64 {
	r := s.r
	main := class(weighted(r, 0.4, 0.41, 0.19))
	if main == classHotDog {
		main = others[r.intn(len(others))]
	}
	extras := []int{0, 0, 0, 0, 1, 1, 1, 2, 2, 3}[r.intn(10)]
	reach := classes[main].radius
	switch kind := r.float(); {
	case kind < 0.03:
		reach = s.heap(main)
	case kind < 0.045:
		s.card(main)
	default:
		s.plated(main, 0, 0, r.in(0.9, 1.1), 0.8)
	}
	for range extras {
		c := others[r.intn(len(others))]
		if u := r.float(); u < 0.3 && main < classHotDog {
			c = main
		} else if u < 0.45 {
			c = class(r.intn(2))
		}
		size := r.in(0.85, 1.1)
		if x, y, ok := s.place(mul(classes[c].radius, size)); ok {
			s.plated(c, x, y, size, 0.35)
			reach = max(reach, sqrt(mul(x, x)+mul(y, y))+classes[c].radius)
		}
	}
	return reach
}

// place finds room next to what is there already, near the middle.
func (s *composer) place(radius float64) (x, y float64, ok bool) {
	r := s.r
	for range 12 {
		sn, cs := sincos(r.float())
		d := s.taken[0].r + mul(radius, r.in(0.75, 1.5))
		x, y = mul(cs, d), mul(sn, d)
		ok = true
		for _, t := range s.taken {
			dx, dy := x-t.x, y-t.y
			if gap := mul(0.9, t.r+radius); mul(dx, dx)+mul(dy, dy) < mul(gap, gap) {
				ok = false
			}
		}
		if ok {
			return x, y, true
		}
	}
	return 0, 0, false
}

// plated puts one food of class c at x, y, on a plate, board or paper with
// probability p.
func (s *composer) plated(c class, x, y, size, p float64) {
	r := s.r
	radius := mul(classes[c].radius, size)
	base := 0.0
	if r.chance(p) {
		base = s.under(x, y, radius)
	}
	s.taken = append(s.taken, disc{x, y, radius})
	s.feet = append(s.feet, disc{x, y, mul(radius, 0.95)})
	b := s.begin(c, x, y, base, r.float(), size)
	draw := classes[c].draw
	draw[r.intn(len(draw))](b, r.fork())
}

// under draws what food of the given radius lies on, and returns its height.
func (s *composer) under(x, y, radius float64) float64 {
	r := s.usually()
	b := s.begin(clutter, x+s.r.in(-0.15, 0.15), y+s.r.in(-0.15, 0.15), 0, r.float(), 1)
	switch r.intn(5) {
	case 0: // board
		m := matte(r, r.near(rgb(0xb07c48), 0.2))
		m.a = m.a.times(1.2)
		m.b, m.pattern, m.freq, m.amp = m.a.times(0.6), wooden, r.in(10, 20), 0.3
		o := superellipse(44, radius+r.in(0.2, 0.8), radius+r.in(0.1, 0.4), r.in(0, 1))
		b.loft(o, []ring{{0, 0, 0}, {1, 0, 0}, {1, 0.12, 0}, {0.98, 0.14, 0}, {0, 0.14, 0}}, rough{}, m)
		s.feet = append(s.feet, disc{x, y, radius + 0.3})
		return 0.14
	case 1: // paper
		m := matte(r, r.near(r.pick(0xf3efe6, 0xd8bd8e, 0xe9e4da), 0.05))
		m.b = r.pick(0xf3efe6, 0xb3262a, 0x2b5a8c, 0xd8bd8e)
		if r.chance(0.6) {
			m.pattern = checked
		}
		side := mul(radius, r.in(1, 1.3))
		n := 12
		b.patch(n, n, false, false, m, func(u, v int) (vec, float64) {
			p, q := mul(float64(2*u)/float64(n-1)-1, side), mul(float64(2*v)/float64(n-1)-1, side)
			curl := max(mul(p, p)+mul(q, q)-mul(side, side), 0) / mul(side, side)
			return vec{p, q, 0.03 + mul(0.05, 1+s.noise.at(mul(p, 9)+m.offset.x, mul(q, 9))) + mul(0.25, curl)}, 0
		})
		return 0.06
	default: // plate
		m := matte(r, r.near(r.pick(0xf4f2ee, 0xf4f2ee, 0xe3ddd0, 0x35506b, 0x3a3a3c, 0x8fa8a0, 0xc7d3da), 0.04))
		m.b, m.gloss, m.sharp, m.amp = r.near(m.a, 0.2), r.in(0.2, 0.5), 5, 0.03
		if r.chance(0.3) {
			m.b = r.pick(0x2b5a8c, 0x8c2f39, 0x3d5a40, 0xb08d3c)
		}
		size := mul(radius, r.in(1.15, 1.6))
		b.loft(superellipse(56, size, size, 0), []ring{{0, 0, 0}, {0.6, 0, 0}, {0.7, 0.03, 0}, {0.97, 0.17, 0}, {1, 0.19, 1}, {0.985, 0.2, 1}, {0.93, 0.17, 0.1}, {0.72, 0.07, 0}, {0.66, 0.05, 0}, {0, 0.05, 0}}, rough{}, m)
		s.feet = append(s.feet, disc{x, y, mul(size, 0.75)})
		return 0.05
	}
}

// heap is a tray of many small ones, close together: one box for all of them.
func (s *composer) heap(c class) float64 {
	r := s.r
	radius := classes[c].radius
	size := r.in(0.5, 0.62)
	step := mul(mul(radius, size), r.in(1.55, 1.8))
	nx, ny := r.between(2, 4), r.between(2, 3)
	tray := s.begin(clutter, 0, 0, 0, 0, 1)
	rx, ry := mul(step, float64(nx)/2+0.2), mul(step, float64(ny)/2+0.2)
	tray.loft(superellipse(44, rx, ry, 0.95), []ring{{0, 0, 0}, {0.95, 0, 0}, {1, 0.14, 1}, {0.98, 0.14, 1}, {0.95, 0.05, 0}, {0, 0.05, 0}}, rough{}, matte(r, r.pick(0x8d9296, 0xb07c48, 0x2e2e30, 0xf0ece4)))
	b := s.begin(c, 0, 0, 0.05, 0, 1)
	s.objects[b.object].group = true
	b.detail = 0.55
	turns := r.float()
	draw := classes[c].draw[r.intn(len(classes[c].draw))]
	for j := range ny {
		for i := range nx {
			x, y := mul(step, float64(i)-float64(nx-1)/2), mul(step, float64(j)-float64(ny-1)/2)
			f := b.frame.move(x+r.in(-0.05, 0.05), y+r.in(-0.05, 0.05), 0).spin(turns+r.in(-0.05, 0.05)).scale(size, size, size)
			draw(b.in(f), r.fork())
			s.feet = append(s.feet, disc{x, y, mul(radius, size)})
		}
	}
	reach := max(rx, ry)
	s.taken = append(s.taken, disc{0, 0, reach})
	return reach
}

// card is a menu card on the table with a printed picture of the food: a
// depiction.
func (s *composer) card(c class) {
	r := s.r
	back := s.begin(clutter, 0, 0, 0, r.in(-0.06, 0.06), 1)
	f := back.frame.tip(0.25+r.in(-0.05, -0.02)).move(0, 0.9, 0)
	m := matte(r, r.near(r.pick(0xf2ead8, 0xe8b04a, 0x27444d, 0xb3262a, 0xf6f4ef), 0.06))
	back.in(f).patch(9, 9, false, false, m, func(u, v int) (vec, float64) {
		return vec{mul(float64(u)/4-1, 1.25), mul(float64(v)/4-1, 0.95), 0}, 0.5
	})
	b := s.begin(c, 0, 0, 0, 0, 1)
	s.objects[b.object].depiction = true
	b.detail = 0.7
	size := 0.72 / classes[c].radius
	draw := classes[c].draw[r.intn(len(classes[c].draw))]
	// Seen from a little above, then pressed flat onto the card.
	draw(b.in(f.move(0, -0.3, 0.05).scale(1, 1, 0.02).tip(-0.17).spin(r.float()).scale(size, size, size)), r.fork())
	s.taken = append(s.taken, disc{0, 0, 1.2})
	s.feet = append(s.feet, disc{0, 0.1, 0.9})
}

// dress adds what else lies about, some of it in the way.
func (s *composer) dress(reach float64) {
	r := s.r
	for range []int{0, 1, 1, 2, 2, 3, 4}[r.intn(7)] {
		sn, cs := sincos(r.float())
		d := mul(reach, r.in(0.75, 1.5))
		x, y := mul(cs, d), mul(sn, d)
		switch r.intn(8) {
		case 0, 1:
			s.cutlery(x, y)
		case 2:
			s.napkin(x, y)
		case 3:
			s.glass(x, y)
		case 4:
			b := s.begin(clutter, x, y, 0.03, r.float(), r.in(1.2, 2.4))
			sprig(b, r.fork())
		case 5:
			b := s.begin(clutter, x, y, 0, 0, 1)
			m := wet(r, r.near(r.pick(0xc9301c, 0x8fae3d, 0xe8b52a), 0.1))
			for range r.between(1, 4) {
				b.in(b.frame.move(r.in(-0.4, 0.4), r.in(-0.4, 0.4), 0.2)).ball(0.2, 0.2, 0.19, 16, m)
			}
		case 6:
			s.sauceCup(x, y)
		default:
			b := s.begin(clutter, 0, 0, 0, 0, 1)
			m := matte(r, r.pick(0xd9b27a, 0x8a4d22, 0xf0dca8))
			b.detail = 0.5
			for range r.between(8, 24) {
				b.in(b.frame.move(x+r.in(-0.8, 0.8), y+r.in(-0.8, 0.8), 0.01).spin(r.float())).ball(r.in(0.02, 0.06), 0.03, 0.02, 8, m)
			}
		}
	}
	// Now and then a leaf or a hand's breadth of cloth close to the lens.
	if r.chance(0.14) {
		b := s.begin(clutter, r.in(-1.2, 1.2), -mul(reach, 1.25), r.in(0.1, 0.5), r.float(), r.in(1.5, 3))
		sprig(b, r.fork())
	}
}

func (s *composer) cutlery(x, y float64) {
	r := s.r
	b := s.begin(clutter, x, y, 0.05, r.float(), r.in(0.9, 1.2))
	m := matte(r, rgb(0x9a9da1))
	m.gloss, m.sharp, m.amp, m.b = 0.9, 4, 0.05, rgb(0xb9bcc0)
	fork := r.chance(0.5)
	widths := []float64{0.09, 0.1, 0.08, 0.06, 0.05, 0.05, 0.07, 0.13, 0.15, 0.14, 0.1, 0.02}
	b.patch(len(widths), 3, false, false, m, func(u, v int) (vec, float64) {
		t := mul(float64(u)/float64(len(widths)-1), 3) - 1.5
		return vec{t, mul(widths[u], float64(v)-1), mul(0.03, mul(t, t)) + mul(0.02, float64(v&1))}, 0.5
	})
	if fork {
		for i := range 4 {
			y := mul(0.075, float64(i)-1.5)
			b.tube([]vec{{1.1, y, 0.05}, {1.4, y, 0.1}, {1.75, y, 0.08}}, 5, func(float64) float64 { return 0.025 }, m)
		}
	}
}

func (s *composer) napkin(x, y float64) {
	r := s.r
	m := matte(r, r.near(r.pick(0xf4f1ea, 0xb3262a, 0x2b5a8c, 0xc9b28f, 0x7f9c86), 0.06))
	m.freq, m.bump = 40, 0.15
	if r.chance(0.3) {
		m.b, m.pattern = rgb(0xf4f1ea), checked
	}
	b := s.begin(clutter, x, y, 0.03, r.float(), 1)
	w, h := r.in(0.5, 0.9), r.in(0.8, 1.2)
	const n = 14
	b.patch(n, n, false, false, m, func(u, v int) (vec, float64) {
		p, q := mul(float64(2*u)/(n-1)-1, w), mul(float64(2*v)/(n-1)-1, h)
		return vec{p, q, 0.05 + mul(0.12, 0.6+s.noise.at(mul(p, 16)+m.offset.x, mul(q, 7)+m.offset.y))}, 0
	})
}

func (s *composer) glass(x, y float64) {
	r := s.r
	b := s.begin(clutter, x, y, 0, 0, r.in(0.8, 1.1))
	m := wet(r, r.near(r.pick(0x5a2a14, 0xd98a1f, 0xe9e2d3, 0xb3262a, 0x9fb8bf, 0x6a8f4a), 0.1))
	m.gloss, m.sharp, m.amp = 0.9, 5, 0.05
	h := r.in(1.2, 2.2)
	b.loft(superellipse(32, 0.5, 0.5, 0), []ring{{0, 0, 0}, {0.8, 0, 0}, {0.85, 0.1, 0}, {1, h, 1}, {0.93, h, 1}, {0.9, h - 0.2, 0}, {0, h - 0.2, 0}}, rough{}, m)
	if r.chance(0.4) {
		b.tube([]vec{{0.1, 0, h - 0.4}, {0.4, 0.1, h + 0.6}}, 6, func(float64) float64 { return 0.05 }, matte(r, r.pick(0xf4f1ea, 0xb3262a)))
	}
	s.feet = append(s.feet, disc{x, y, 0.45})
}

func (s *composer) sauceCup(x, y float64) {
	r := s.r
	b := s.begin(clutter, x, y, 0, 0, r.in(0.35, 0.5))
	b.bowl(r, 1, 0.7, r.near(r.pick(0xf4f1ea, 0x3a3a3c, 0x9a6b3f), 0.05))
	m := wet(r, r.pick(0xb3261a, 0xe0a526, 0xf1e6cf, 0x7a9a3a))
	b.loft(superellipse(24, 0.85, 0.85, 0), []ring{{1, 0.5, 0}, {0.9, 0.56, 0}, {0, 0.55, 0}}, rough{0.02, 0.06, 8}, m)
	s.feet = append(s.feet, disc{x, y, 0.4})
}

// shoot chooses the light, the camera and its faults.
func (s *composer) shoot(reach float64) {
	r := s.r
	s.sun = newSun(r.fork(), reach+3.2)
	size := [][2]int{{384, 288}, {384, 288}, {400, 300}, {416, 312}, {448, 336}, {320, 400}, {352, 352}, {432, 288}, {480, 360}}[r.intn(9)]
	elev := r.in(0.03, 0.1) // 11 to 36 degrees
	switch u := r.float(); {
	case u < 0.34:
		elev = r.in(0.1, 0.16)
	case u < 0.41:
		elev = r.in(0.16, 0.23)
	}
	roll := r.in(-0.02, 0.02)
	if r.chance(0.08) {
		roll = r.in(-0.08, 0.08)
	}
	width := lerp(2.9, mul(2.3, reach)+1.4, r.float()) // as much as the first object needs, up to all of them
	width = mul(width, r.in(0.92, 1.35))
	if size[1] > size[0] {
		width = mul(width, 0.85)
	}
	off := mul(width, 0.13)
	target := vec{r.in(-off, off), r.in(-off, off), r.in(0.3, 0.75)}
	s.camera = newCamera(size[0], size[1], target, elev, roll, r.in(9, 16), width)
	s.vignette = r.in(0, 0.45)
	t := r.in(-1, 1)
	s.develop(vec{1 + mul(0.1, t), 1 + r.in(-0.03, 0.03), 1 - mul(0.14, t)}.times(r.in(0.75, 1.3)))
	s.blurPasses = 1
	if r.chance(0.25) {
		s.blurPasses = r.between(2, 4)
	}
	s.grain = r.between(3, 12)
	s.quality = r.between(78, 90)
}

// develop sets exposure and white balance, by way of everything that shines.
func (s *composer) develop(balance vec) {
	for _, c := range []*vec{&s.sun.colour, &s.sun.sky, &s.sun.bounce, &s.lampLight, &s.wall[0], &s.wall[1]} {
		*c = c.each(balance)
	}
}
