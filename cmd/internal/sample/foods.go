package sample

// Each of these draws one food about the origin of the builder's frame,
// standing on z = 0; a hamburger's radius is about one.

func round(b *builder, r *random, n int) outline {
	return superellipse(b.facets(n), 1, r.in(0.95, 1.05), r.in(0, 0.12))
}

// hamburger is a round roll around at least one patty.
func hamburger(b *builder, r *random) {
	o := round(b, r, 40)
	if r.chance(0.08) {
		o = superellipse(b.facets(40), r.in(0.95, 1.05), r.in(0.9, 1), r.in(0.5, 0.9))
	}
	m := crust(r)
	dark := r.in(0.6, 1)
	uneven := rough{r.in(0.02, 0.05), r.in(0, 0.04), 6}
	z := b.heel(o, 0, r.in(0.26, 0.42), dark, uneven, m)
	var order []filling
	for range weighted(r, 0.68, 0.27, 0.05) + 1 {
		order = append(order, patty)
		if r.chance(0.65) {
			order = append(order, cheese)
		}
		if r.chance(0.2) {
			order = append(order, bacon)
		}
	}
	extra := []filling{lettuce, tomato, onion, cucumber, sauce, egg}
	odds := []float64{0.68, 0.5, 0.3, 0.22, 0.3, 0.07}
	var below, above []filling
	for i, f := range extra {
		if r.chance(odds[i]) {
			if r.chance(0.4) {
				below = append(below, f)
			} else {
				above = append(above, f)
			}
		}
	}
	r.shuffle(len(above), func(i, j int) { above[i], above[j] = above[j], above[i] })
	z = b.fill(r, o, z, below, order, above)
	lid(b, r, o, z, dark, uneven, m, 0.8)
	if r.chance(0.1) {
		b.tube([]vec{{0, 0, z}, {0, 0, z + r.in(1.1, 1.5)}}, 5, func(float64) float64 { return 0.035 }, matte(r, rgb(0xd8b27a)))
	}
}

// weighted returns the index of one of the odds, which sum to one.
func weighted(r *random, odds ...float64) int {
	u := r.float()
	for i, p := range odds {
		if u < p {
			return i
		}
		u -= p
	}
	return len(odds) - 1
}

// fill stacks fillings from z up and returns the height reached.
func (b *builder) fill(r *random, o outline, z float64, groups ...[]filling) float64 {
	for _, g := range groups {
		for _, f := range g {
			q := b.in(b.frame.move(r.in(-0.05, 0.05), r.in(-0.05, 0.05), 0))
			z += f(q, r.fork(), o, z)
		}
	}
	return z
}

// lid puts the upper half of a roll on z.
func lid(b *builder, r *random, o outline, z, dark float64, uneven rough, m material, seeded float64) {
	f := b.frame.move(r.in(-0.07, 0.07), r.in(-0.07, 0.07), z-0.02).tip(r.in(-0.025, 0.025)).lean(r.in(-0.025, 0.025))
	height := r.in(0.5, 0.85)
	flat := r.in(0, 0.35)
	q := b.in(f)
	q.dome(o, 0, height, flat, dark, uneven, m)
	if r.chance(seeded) {
		rx, ry := reachOf(o)
		q.seeds(r, int(mul(r.in(20, 60), b.detail)), rx, ry, mul(height, 0.2), mul(height, 0.8), r.pick(0xf5e9cd, 0xf0dca8, 0x4b4038))
	}
}

// sandwichFillings are what lies between slices: any of the common fillings but
// the patty.
func sandwichFillings(r *random) []filling {
	all := []filling{lettuce, cheese, ham, tomato, bacon, cutlet, egg, cucumber, onion, avocado, sauce, ham, lettuce}
	r.shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:r.between(2, 5)]
}

// toast is the outline of a slice from a tin: square with a slight mushroom
// top.
func toast(b *builder, r *random) outline {
	o := superellipse(b.facets(44), r.in(0.88, 1), r.in(0.88, 1), r.in(1, 2))
	bulge := r.in(0, 0.1)
	for i := range o {
		if o[i].y > 0 {
			o[i].x = mul(o[i].x, 1+mul(bulge, o[i].y))
		}
	}
	return o
}

// layered stacks slices of one outline with fillings between and returns the
// height.
func layered(b *builder, r *random, o outline, decks int, m material) float64 {
	toasted := r.in(0, 0.75)
	thick := r.in(0.14, 0.26)
	uneven := rough{0.015, 0.015, 6}
	z := 0.0
	for range decks {
		z += b.slice(o, z, thick, toasted, uneven, m)
		z = b.fill(r, o, z, sandwichFillings(r))
	}
	return z + b.slice(o, z, thick, toasted, uneven, m)
}

// halfSlice is half of a slice cut corner to corner, the cut side down the x
// axis, its middle at the origin.
func halfSlice(b *builder) outline {
	return polygon(b.facets(33), [][2]float64{{-1.25, -0.42}, {1.25, -0.42}, {0, 0.83}}, []bool{true, false, false})
}

func sandwichWhole(b *builder, r *random) {
	layered(b, r, toast(b, r), weighted(r, 0.75, 0.25)+1, crumbly(r))
}

// sandwichHalves is one to three triangles, lying one on the other or standing
// on their crust with the cut face up.
func sandwichHalves(b *builder, r *random) {
	m := crumbly(r)
	seed := r.fork()
	standing := r.chance(0.45)
	n := weighted(r, 0.25, 0.55, 0.2) + 1
	for i := range n {
		same := *seed // the halves of one sandwich have the same filling
		d := float64(i) - float64(n-1)/2
		f := b.frame.move(mul(d, 0.25), mul(d, 1.05), 0).spin(r.in(-0.04, 0.04))
		if i%2 == 1 && !standing {
			f = f.spin(0.5)
		}
		if standing {
			// Tipped on an edge: the cut side looks forward and up.
			f = b.frame.move(mul(d, 0.2)+r.in(-0.1, 0.1), mul(d, 0.95)+0.45, 0.46).spin(r.in(-0.03, 0.03)).tip(0.25)
		}
		layered(b.in(f), &same, halfSlice(b), 1, m)
	}
}

// sandwichLong is a sub or baguette.
func sandwichLong(b *builder, r *random) {
	wide := r.in(0.5, 0.66)
	long := mul(wide, r.in(2, 3.3))
	roll(b, r, capsule(b.facets(52), long, wide), 0.25)
}

// sandwichRoll is a ciabatta, bagel or round roll with anything but a patty:
// from afar, a hamburger.
func sandwichRoll(b *builder, r *random) {
	o := round(b, r, 40)
	if r.chance(0.65) {
		o = superellipse(b.facets(44), r.in(1.05, 1.4), r.in(0.75, 0.95), r.in(0.2, 0.9))
	}
	roll(b, r, o, 0.15)
}

func roll(b *builder, r *random, o outline, seeded float64) {
	m := crust(r)
	dark := r.in(0.5, 1)
	if r.chance(0.55) {
		m.b, m.gloss = r.near(rgb(0xd2a469), 0.1), 0.02 // floured
		m.amp += 0.15
	}
	uneven := rough{r.in(0.03, 0.08), r.in(0.02, 0.08), 7}
	z := b.heel(o, 0, r.in(0.22, 0.36), dark, uneven, m)
	z = b.fill(r, o, z, sandwichFillings(r))
	f := b.frame.move(r.in(-0.06, 0.06), r.in(-0.05, 0.05), z-0.02).tip(r.in(-0.03, 0.03)).lean(r.in(-0.02, 0.02))
	height := r.in(0.3, 0.6)
	q := b.in(f)
	q.dome(o, 0, height, r.in(0.2, 0.8), dark, uneven, m)
	if r.chance(seeded) {
		rx, ry := reachOf(o)
		q.seeds(r, int(mul(r.in(15, 45), b.detail)), mul(rx, 0.9), mul(ry, 0.9), mul(height, 0.25), mul(height, 0.78), r.pick(0xf5e9cd, 0xf0dca8, 0x3a3330))
	}
}

// sandwichOpen is one slice with its topping in sight.
func sandwichOpen(b *builder, r *random) {
	o := toast(b, r)
	if r.chance(0.4) {
		o = superellipse(b.facets(44), r.in(1.1, 1.4), r.in(0.7, 0.9), r.in(0, 0.5))
	}
	z := b.slice(o, 0, r.in(0.15, 0.26), r.in(0, 0.7), rough{0.03, 0.02, 6}, crumbly(r))
	z = b.fill(r, o.grow(0.92), z, sandwichFillings(r))
	if r.chance(0.4) {
		sprig(b.in(b.frame.move(r.in(-0.2, 0.2), r.in(-0.2, 0.2), z)), r)
	}
}

func hotDog(b *builder, r *random) {
	m := crust(r)
	dark := r.in(0.5, 0.9)
	for _, side := range []float64{-1, 1} {
		f := b.frame.move(0, mul(side, 0.3), 0.02).tip(mul(side, -0.04))
		o := capsule(b.facets(36), 1.3, 0.34)
		b.in(f).loft(o, []ring{{0, 0, dark}, {0.9, 0, dark}, {1.05, 0.16, dark}, {1.08, 0.34, mul(dark, 0.8)}, {0.95, 0.5, mul(dark, 0.5)}, {0.6, 0.58, 0.1}, {0, 0.58, 0}}, rough{0.03, 0.02, 6}, m)
	}
	var path, squiggle []vec
	bow := r.in(-0.1, 0.1)
	long := r.in(1.3, 1.6)
	for i := range 13 {
		t := float64(i)/6 - 1
		path = append(path, vec{mul(t, long), mul(bow, mul(t, t)), 0.5 + mul(0.08, mul(t, t))})
	}
	sausage := wet(r, r.near(r.pick(0xa8472c, 0x8f3822, 0xbd5a3a), 0.12))
	b.tube(path, b.facets(12), func(t float64) float64 {
		return mul(0.26, sqrt(max(1-mul(2*t-1, mul(mul(2*t-1, 2*t-1), mul(2*t-1, mul(2*t-1, 2*t-1)))), 0)))
	}, sausage)
	if r.chance(0.85) {
		waves := r.in(2.5, 5)
		for i := range 41 {
			t := mul(float64(i)/20-1, 0.88)
			squiggle = append(squiggle, vec{mul(t, long), mul(bow, mul(t, t)) + mul(0.12, sin(mul(t, waves))), 0.75 + mul(0.08, mul(t, t))})
		}
		b.tube(squiggle, 6, func(float64) float64 { return 0.05 }, wet(r, r.pick(0xeab308, 0xc9301c, 0xf0d060)))
	}
	if r.chance(0.3) {
		for range 14 {
			f := b.frame.move(r.in(-1, 1), r.in(-0.15, 0.15), r.in(0.68, 0.76))
			b.in(f).ball(0.06, 0.06, 0.04, 6, wet(r, r.pick(0xf0ead6, 0x6f9a3a, 0x8a3a72)))
		}
	}
}

func pizza(b *builder, r *random) {
	o := superellipse(b.facets(56), 1.7, 1.7, 0)
	cut := false
	if r.chance(0.35) {
		o, cut = polygon(b.facets(36), [][2]float64{{-1.1, -0.62}, {1.2, 0}, {-1.1, 0.62}}, []bool{true, true, false}), true
	}
	dough := crust(r)
	dough.amp = 0.35
	uneven := rough{0.03, 0.04, 8}
	if cut {
		uneven = rough{0, 0.01, 8}
	}
	b.loft(o, []ring{{0, 0, 0.5}, {0.96, 0, 0.6}, {1, 0.08, 1}, {0.98, 0.2, 0.9}, {0.9, 0.19, 0.6}, {0.86, 0.12, 0.3}, {0, 0.1, 0}}, uneven, dough)
	top := wet(r, r.near(rgb(0xf2cf73), 0.1))
	top.b, top.pattern, top.freq, top.gloss = r.near(rgb(0xc8452a), 0.15), melted, r.in(14, 24), 0.15
	b.loft(o, []ring{{0.9, 0.1, 0.3}, {0.88, 0.15, 0.4}, {0.7, 0.16, 0.35}, {0.35, 0.16, 0.35}, {0, 0.16, 0.35}}, rough{0.02, 0.02, 9}, top)
	salami := wet(r, r.near(rgb(0xa32f22), 0.12))
	salami.b, salami.amp = r.near(rgb(0x7d1f18), 0.1), 0.4
	green := r.chance(0.5)
	for range r.between(6, 13) {
		x, y := r.in(-1.15, 1.15), r.in(-1.15, 1.15)
		if cut {
			x, y = r.in(-0.8, 0.4), r.in(-0.25, 0.25)
		}
		if mul(x, x)+mul(y, y) > 1.7 {
			continue
		}
		q := b.in(b.frame.move(x, y, 0.16))
		if green && r.chance(0.35) {
			q.sheet(r, 0.3, 0.14, 0.08, leafy(r))
			continue
		}
		q.loft(superellipse(b.facets(16), 0.22, 0.22, 0), []ring{{0, 0, 0}, {1, 0, 1}, {1, 0.04, 1}, {0.85, 0.045, 0}, {0, 0.03, 0}}, rough{0.05, 0.02, 10}, salami)
	}
}

// sheet is a leaf along x: half length, half width, and how much it bends up.
func (b *builder) sheet(r *random, long, wide, bend float64, m material) {
	f := b.frame.spin(r.float()).tip(r.in(-0.05, 0.05))
	b.in(f).patch(8, 5, false, false, m, func(u, v int) (vec, float64) {
		t := float64(u)/7*2 - 1
		w := mul(wide, sqrt(max(1-mul(t, t), 0)))
		s := float64(v)/2 - 1
		return vec{mul(t, long), mul(s, w), mul(bend, mul(t, t)) + mul(mul(wide, 0.5), mul(s, s)) + 0.01}, mul(s, s)
	})
}

func sprig(b *builder, r *random) {
	m := leafy(r)
	for range r.between(2, 5) {
		b.in(b.frame.move(r.in(-0.12, 0.12), r.in(-0.12, 0.12), r.in(0, 0.05))).sheet(r, r.in(0.18, 0.32), r.in(0.08, 0.14), r.in(0, 0.12), m)
	}
}

func doughnut(b *builder, r *random) {
	n := b.facets(40)
	dough := crust(r)
	dough.a, dough.amp = r.near(rgb(0xd9a25f), 0.1), 0.2
	radius, rod, high := r.in(0.5, 0.58), r.in(0.3, 0.36), r.in(0.26, 0.34)
	q := b.in(b.frame.move(0, 0, high))
	q.torus(radius, rod, high, n, b.facets(14), dough)
	if !r.chance(0.88) {
		return
	}
	icing := wet(r, r.near(r.pick(0xf2a7c3, 0x54301c, 0xf7efe3, 0x6b3b20, 0xe9c46a, 0xd96b8a), 0.1))
	icing.amp, icing.gloss = 0.05, 0.5
	rows := b.facets(10)
	q.patch(n, rows+1, true, true, icing, func(u, v int) (vec, float64) {
		s, c := sincos(float64(u) / float64(n))
		drip := 0.2 + mul(0.1, q.noise.at(mul(c, 16)+icing.offset.x, mul(s, 16)+icing.offset.y))
		h, w := sincos(0.25 - mul(drip, 1-2*float64(v)/float64(rows)))
		k := radius + mul(rod+0.025, w)
		return vec{mul(c, k), mul(s, k), mul(h, high+0.03)}, 0.5
	})
	if r.chance(0.6) {
		colours := []uint32{0xffffff, 0xe63946, 0xf4d35e, 0x4ea8de, 0x80b918, 0x432818}
		for range int(mul(r.in(25, 60), b.detail)) {
			s, c := sincos(r.float())
			h, w := sincos(r.in(0.1, 0.4))
			k := radius + mul(rod, w)
			f := q.frame.move(mul(c, k), mul(s, k), mul(h, high+0.04)).spin(r.float())
			q.in(f).ball(0.07, 0.022, 0.022, 5, matte(r, rgb(colours[r.intn(len(colours))])))
		}
	}
}

func muffin(b *builder, r *random) {
	n := b.facets(48)
	paper := matte(r, r.near(r.pick(0xf3ead8, 0xd8b98a, 0x8c5a3c, 0xe7a6b5, 0xbcd4e6), 0.1))
	b.patch(n, 4, true, true, paper, func(u, v int) (vec, float64) {
		s, c := sincos(float64(u) / float64(n))
		t := float64(v) / 3
		w := lerp(0.42, 0.6, t)
		if u%2 == 0 {
			w += 0.035
		}
		return vec{mul(c, w), mul(s, w), mul(t, 0.6)}, float64(u & 1)
	})
	m := crust(r)
	m.a, m.b = r.near(r.pick(0xd9a25f, 0x5a341f, 0xcf8f4b), 0.1), r.near(r.pick(0xa8632d, 0x3d2214, 0x8f5426), 0.1)
	m.amp, m.bump = 0.4, 0.3
	h := r.in(0.35, 0.6)
	b.loft(superellipse(b.facets(32), 0.68, 0.68, 0), []ring{{0, 0.5, 0}, {0.9, 0.55, 0.2}, {1.02, 0.64, 0.5}, {1, 0.64 + mul(h, 0.3), 0.8}, {0.85, 0.64 + mul(h, 0.62), 1}, {0.5, 0.64 + mul(h, 0.92), 0.8}, {0, 0.64 + h, 0.7}}, rough{0.12, 0.1, 14}, m)
	switch r.intn(3) {
	case 0:
		b.in(b.frame).seeds(r, int(mul(22, b.detail)), 0.62, 0.62, 0.62, h, r.pick(0x2f3a6b, 0x2c1a10))
	case 1:
		cream := wet(r, r.near(r.pick(0xfaf3e6, 0xf2a7c3, 0xe9d8a6), 0.06))
		for i := range 4 {
			t := float64(i) / 4
			b.in(b.frame.move(0, 0, 0.7+mul(h, 0.7)+mul(t, 0.5))).torus(mul(0.42, 1-t), 0.17, 0.13, b.facets(20), 8, cream)
		}
	}
}

func cake(b *builder, r *random) {
	o := superellipse(b.facets(44), 1.05, 1.05, 0)
	wedge := r.chance(0.6)
	if wedge {
		o = polygon(b.facets(36), [][2]float64{{-0.8, -0.55}, {1.1, 0}, {-0.8, 0.55}}, []bool{true, true, false})
	}
	sponge := crumbly(r)
	sponge.a = r.near(r.pick(0xf0d9a0, 0x5b321d, 0xa23b34, 0xe8c98c), 0.08)
	sponge.b = sponge.a
	cream := wet(r, r.near(r.pick(0xfaf3e6, 0xf6d4dc, 0x6b3f24, 0xf3e3b3), 0.05))
	cream.amp, cream.gloss = 0.08, 0.1
	z := 0.0
	for range r.between(2, 3) {
		m := sponge
		if !wedge {
			m = cream
		}
		h := r.in(0.28, 0.36)
		b.loft(o, []ring{{0, z, 0}, {1, z, 0}, {1, z + h, 0}, {0, z + h, 0}}, rough{0.01, 0, 8}, m)
		z += h
		b.loft(o, []ring{{0, z, 0}, {1, z, 0}, {1.02, z + 0.04, 0}, {1, z + 0.08, 0}, {0, z + 0.08, 0}}, rough{0.03, 0.02, 9}, cream)
		z += 0.08
	}
	berry := wet(r, r.near(r.pick(0xc1121f, 0x8b1e3f, 0x2f3a6b), 0.1))
	if wedge {
		b.in(b.frame.move(-0.4, 0, z+0.12)).ball(0.17, 0.17, 0.2, 12, berry)
		return
	}
	n := r.between(5, 9)
	for i := range n {
		s, c := sincos(float64(i) / float64(n))
		b.in(b.frame.move(mul(c, 0.8), mul(s, 0.8), z+0.08)).ball(0.15, 0.15, 0.17, 10, berry)
	}
}

// bowl is a deep dish of the given radius; it belongs to what it holds.
func (b *builder) bowl(r *random, radius, height float64, c vec) {
	m := matte(r, c)
	m.gloss, m.sharp = 0.4, 5
	b.patch(b.facets(40), 9, true, false, m, func(u, v int) (vec, float64) {
		s, c := sincos(float64(u) / float64(b.facets(40)))
		profile := [9][2]float64{{0, 0.02}, {0.45, 0}, {0.62, 0.2}, {0.85, 0.6}, {0.98, 0.95}, {1, 1}, {0.95, 0.97}, {0.8, 0.6}, {0, 0.3}}[v]
		return vec{mul(mul(c, profile[0]), radius), mul(mul(s, profile[0]), radius), mul(profile[1], height)}, 0
	})
}

func salad(b *builder, r *random) {
	b.bowl(r, 1.3, 0.62, r.near(r.pick(0xf4f1ea, 0x8a5a35, 0x3f6f8c, 0xdfe7e8), 0.05))
	for range int(mul(34, b.detail)) {
		s, c := sincos(r.float())
		d := mul(sqrt(r.float()), 1.02)
		z := 0.45 + mul(0.35, 1-mul(d, d)) + r.in(-0.05, 0.1)
		f := b.frame.move(mul(c, d), mul(s, d), z).tip(r.in(-0.1, 0.1)).lean(r.in(-0.1, 0.1))
		b.in(f).sheet(r, r.in(0.3, 0.5), r.in(0.14, 0.28), r.in(0.05, 0.25), leafy(r))
	}
	red, white := wet(r, rgb(0xc9301c)), wet(r, rgb(0xf3efe2))
	for range r.between(5, 10) {
		s, c := sincos(r.float())
		d := r.in(0, 0.9)
		q := b.in(b.frame.move(mul(c, d), mul(s, d), 0.85-mul(0.3, mul(d, d))).spin(r.float()).tip(r.in(-0.08, 0.08)))
		switch r.intn(3) {
		case 0:
			q.ball(0.17, 0.17, 0.15, 12, red)
		case 1:
			q.box(0.13, 0.13, 0.2, white)
		default:
			m := wet(r, rgb(0xc5d58a))
			m.b = rgb(0x4d7a2c)
			q.loft(superellipse(b.facets(16), 0.22, 0.22, 0), []ring{{0, 0, 0}, {1, 0, 1}, {1, 0.06, 1}, {0.9, 0.07, 0}, {0, 0.07, 0}}, rough{}, m)
		}
	}
}

// fries lie in a heap, or stand in a carton.
func fries(b *builder, r *random) {
	m := matte(r, r.near(r.pick(0xeebf5a, 0xe3a93f, 0xf2cf7a), 0.1))
	m.b, m.amp = r.near(rgb(0xb9772a), 0.1), 0.25
	if r.chance(0.45) {
		box := matte(r, r.near(r.pick(0xc1121f, 0xf4f1ea, 0x2a6f97), 0.08))
		o := superellipse(b.facets(28), 0.6, 0.36, 0.8)
		b.loft(o, []ring{{0, 0, 0}, {0.8, 0, 0}, {1, 1, 1}, {0.92, 1, 1}, {0.8, 0.4, 0}, {0, 0.4, 0}}, rough{}, box)
		for range int(mul(26, b.detail)) {
			f := b.frame.move(r.in(-0.42, 0.42), r.in(-0.22, 0.22), r.in(0.3, 0.5)).tip(r.in(-0.05, 0.05)).lean(r.in(-0.06, 0.06))
			b.in(f).box(0.065, 0.065, r.in(0.8, 1.25), m)
		}
		return
	}
	for i := range int(mul(36, b.detail)) {
		s, c := sincos(r.float())
		d := mul(sqrt(r.float()), 0.6)
		f := b.frame.move(mul(c, d), mul(s, d), 0.07+mul(0.5, mul(float64(i)/36, 1-d))).spin(r.float()).tip(r.in(0.2, 0.3)).move(0, 0, -0.5)
		b.in(f).box(0.07, 0.07, r.in(0.8, 1.2), m)
	}
}
