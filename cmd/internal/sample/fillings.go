package sample

// Bread and fillings, which hamburgers and sandwiches share.

func somewhere(r *random) vec { return vec{r.in(0, noiseSize), r.in(0, noiseSize), 0} }

// crust is baked bread: k runs from crumb (0) to dark crust (1).
func crust(r *random) material {
	return material{
		a: r.near(rgb(0xf2dcae), 0.08), b: r.near(r.pick(0xb25a14, 0xc4701c, 0xa04a10, 0xd08530, 0x8e4512), 0.15),
		freq: r.in(9, 22), amp: r.in(0.15, 0.35), bump: r.in(0.02, 0.08), gloss: r.in(0.02, 0.3), sharp: r.between(3, 5), wrap: 0.2,
		offset: somewhere(r),
	}
}

// crumbly is sliced bread: crust around, crumb with pores on the faces.
func crumbly(r *random) material {
	m := crust(r)
	m.a = r.near(r.pick(0xf1e2c0, 0xf6ecd6, 0xe3c997, 0xd2ad78), 0.06)
	m.b = r.near(r.pick(0xa8642d, 0x8a4d22, 0xbb7a3c, 0x6f3f1e), 0.12)
	m.gloss, m.bump, m.pattern = 0.01, 0.1, crumb
	return m
}

func meat(r *random) material {
	return material{
		a: r.near(rgb(0x4a2a19), 0.2), b: r.near(r.pick(0x6d3f24, 0x7b4a2b, 0x5d321d), 0.2), freq: r.in(28, 44), amp: 0.75, bump: 0.5,
		gloss: r.in(0.05, 0.3), sharp: 4, wrap: 0.05, offset: somewhere(r),
	}
}

func cheesy(r *random) material {
	c := r.pick(0xf7b21c, 0xfbc94a, 0xf2a01d, 0xf6dc8c, 0xf4e6ae)
	return material{a: c, b: r.near(c, 0.1), freq: 4, amp: 0.08, gloss: r.in(0.1, 0.3), sharp: 4, wrap: 0.35, offset: somewhere(r)}
}

func leafy(r *random) material {
	return material{
		a: r.near(r.pick(0xa9cf5a, 0xc4dc80, 0x8fbf45), 0.15), b: r.near(r.pick(0x4f8f2a, 0x6ba435, 0x3c7a25, 0x7a3b52), 0.2),
		freq: 18, amp: 0.3, bump: 0.25, gloss: 0.12, sharp: 4, wrap: 0.45, offset: somewhere(r),
	}
}

func wet(r *random, c vec) material {
	return material{a: c, b: r.near(c, 0.15), freq: 12, amp: 0.2, bump: 0.06, gloss: 0.35, sharp: 5, wrap: 0.3, offset: somewhere(r)}
}

func matte(r *random, c vec) material {
	return material{a: c, b: r.near(c, 0.1), freq: 10, amp: 0.1, gloss: 0.02, sharp: 3, wrap: 0.15, offset: somewhere(r)}
}

// filling adds one layer of about the outline's size at height z and returns
// how thick it is.
type filling func(b *builder, r *random, o outline, z float64) float64

func patty(b *builder, r *random, o outline, z float64) float64 {
	h := r.in(0.22, 0.36)
	s := r.in(1, 1.12)
	b.loft(o, []ring{{0, z, 0}, {mul(s, 0.9), z, 0}, {s, z + mul(h, 0.25), 0.6}, {mul(s, 1.01), z + mul(h, 0.6), 1}, {mul(s, 0.92), z + h, 0.6}, {0, z + h, 0.4}},
		rough{0.1, 0.03, 13}, meat(r))
	return mul(h, 0.95)
}

func cutlet(b *builder, r *random, o outline, z float64) float64 {
	h := r.in(0.16, 0.3)
	m := meat(r)
	m.a, m.b = r.near(rgb(0xa9662a), 0.15), r.near(rgb(0xdca050), 0.15)
	m.amp = 0.5
	b.loft(o.grow(r.in(0.92, 1.08)), []ring{{0, z, 0}, {0.92, z, 0}, {1, z + mul(h, 0.5), 0.7}, {0.92, z + h, 1}, {0, z + h, 0.6}}, rough{0.2, 0.06, 9}, m)
	return mul(h, 0.9)
}

func ham(b *builder, r *random, o outline, z float64) float64 {
	m := wet(r, r.near(r.pick(0xe59a92, 0xd97f7c, 0xeeb2a6, 0xb9504a), 0.08))
	m.gloss = 0.1
	n := r.between(1, 3)
	for i := range n {
		ruffle(b, r, o, z+mul(float64(i), 0.05), r.in(0.03, 0.08), r.in(0.98, 1.12), r.between(4, 8), m)
	}
	return mul(float64(n), 0.06) + 0.03
}

func lettuce(b *builder, r *random, o outline, z float64) float64 {
	n := r.between(1, 2)
	for i := range n {
		ruffle(b, r, o, z+0.05+mul(float64(i), 0.05), r.in(0.06, 0.16), r.in(1.02, 1.25), r.between(7, 13), leafy(r))
	}
	return 0.06 + mul(float64(n), 0.04)
}

// ruffle is a thin sheet whose rim waves.
func ruffle(b *builder, r *random, o outline, z, height, reach float64, waves int, m material) {
	phase := r.float()
	rows := [...]float64{0, 0.5, 0.78, 0.92, 1}
	b.patch(len(o), len(rows), true, false, m, func(u, v int) (vec, float64) {
		s := rows[v]
		a := float64(u) / float64(len(o))
		n := b.noise.at(mul(o[u].x, 14)+m.offset.x, mul(o[u].y, 14)+m.offset.y)
		w := mul(s, mul(s, s))
		k := mul(s, mul(reach, 1+mul(0.16, mul(n, w))))
		// Cut shapes keep their filling inside.
		k = lerp(k, mul(s, 0.99), o[u].cut)
		dz := mul(mul(w, height), sin(mul(a, float64(waves))+phase)+mul(1.2, n)) - mul(w, mul(height, 0.4))
		return vec{mul(o[u].x, k), mul(o[u].y, k), z + dz}, w
	})
}

// cheese is a square sheet that hangs down where nothing holds it.
func cheese(b *builder, r *random, o outline, z float64) float64 {
	m := cheesy(r)
	if len(o) > 0 && anyCut(o) {
		b.loft(o, []ring{{0, z, 0}, {1.01, z, 0}, {1.02, z + 0.03, 0.5}, {1.01, z + 0.06, 1}, {0, z + 0.06, 1}}, rough{}, m)
		return 0.06
	}
	rx, ry := reachOf(o)
	turn := r.float()
	n := b.facets(15)
	side := r.in(0.86, 1.0)
	sn, cs := sincos(turn)
	b.patch(n, n, false, false, m, func(u, v int) (vec, float64) {
		x := mul(mul(float64(2*u)/float64(n-1)-1, side), 1)
		y := mul(float64(2*v)/float64(n-1)-1, side)
		x, y = mul(x, cs)-mul(y, sn), mul(x, sn)+mul(y, cs)
		d := sqrt(mul(x, x) + mul(y, y))
		over := max(d-0.93, 0)
		pull := 1 / (1 + mul(over, 0.9))
		return vec{mul(mul(x, rx), pull), mul(mul(y, ry), pull), z + 0.035 - mul(over, 0.85) + mul(0.02, b.noise.at(mul(x, 20)+m.offset.x, mul(y, 20)))}, 0.5
	})
	return 0.05
}

func anyCut(o outline) bool {
	for _, c := range o {
		if c.cut > 0 {
			return true
		}
	}
	return false
}

// reachOf is how far an outline goes along x and along y.
func reachOf(o outline) (x, y float64) {
	for _, c := range o {
		x, y = max(x, c.x), max(y, c.y)
	}
	return x, y
}

// rounds lays n discs of radius radius around inside the outline.
func rounds(b *builder, r *random, o outline, z, radius, h float64, n int, m material) {
	rx, ry := reachOf(o)
	turn := r.float()
	for i := range n {
		s, c := sincos(turn + float64(i)/float64(n) + r.in(-0.04, 0.04))
		if anyCut(o) {
			s, c = mul(s, 0.55), mul(c, 0.55)
		}
		f := b.frame.move(mul(mul(c, 0.98), max(rx-radius, 0)), mul(mul(s, 0.98), max(ry-radius, 0)), z).tip(r.in(-0.012, 0.012)).lean(r.in(-0.012, 0.012))
		b.in(f).loft(superellipse(b.facets(18), radius, radius, 0), []ring{{0, 0, 0.2}, {0.97, 0, 0.2}, {1, mul(h, 0.3), 1}, {1, mul(h, 0.7), 1}, {0.94, h, 0.8}, {0.8, h, 0}, {0, h, 0.3}}, rough{}, m)
	}
}

func tomato(b *builder, r *random, o outline, z float64) float64 {
	rx, ry := reachOf(o)
	m := wet(r, rgb(0xd94a2b))
	m.b = r.near(rgb(0xb01f14), 0.1)
	m.amp = 0.35
	radius := mul(min(rx, ry), r.in(0.5, 0.66))
	rounds(b, r, o, z, radius, 0.09, max(2, int(mul(2.4, max(rx, ry)/min(rx, ry)))), m)
	return 0.09
}

func cucumber(b *builder, r *random, o outline, z float64) float64 {
	rx, ry := reachOf(o)
	m := wet(r, r.near(rgb(0xc5d58a), 0.1))
	m.b = r.near(rgb(0x4d7a2c), 0.15)
	radius := mul(min(rx, ry), r.in(0.28, 0.38))
	rounds(b, r, o, z, radius, 0.06, int(mul(float64(r.between(4, 6)), min(max(rx, ry)/min(rx, ry), 2))), m)
	return 0.06
}

func onion(b *builder, r *random, o outline, z float64) float64 {
	rx, ry := reachOf(o)
	if anyCut(o) {
		return 0
	}
	c := r.pick(0xe9d9ec, 0xf4efe2, 0xd9b6d6)
	m := wet(r, c)
	m.b = r.near(r.pick(0x8a3a72, 0xd7c9a0), 0.1)
	for range r.between(2, 4) {
		n := b.facets(20)
		s, co := sincos(r.float())
		d := r.in(0.2, 0.5)
		f := b.frame.move(mul(mul(co, d), rx), mul(mul(s, d), ry), z+0.03)
		radius := mul(min(rx, ry), r.in(0.4, 0.56))
		b.in(f).torus(radius, 0.045, 0.035, n, 5, m)
	}
	return 0.05
}

// torus lies flat about the origin: ring radius, then half width and half
// height of the rod.
func (b *builder) torus(radius, wide, high float64, n, around int, m material) {
	b.patch(n, around+1, true, true, m, func(u, v int) (vec, float64) {
		s, c := sincos(float64(u) / float64(n))
		h, w := sincos(float64(v)/float64(around) - 0.25)
		q := radius + mul(wide, w)
		return vec{mul(c, q), mul(s, q), mul(h, high)}, 0.5 + w/2
	})
}

func egg(b *builder, r *random, o outline, z float64) float64 {
	rx, ry := reachOf(o)
	s := mul(min(rx, ry), r.in(0.85, 1.08))
	white := wet(r, rgb(0xf5f1e6))
	white.amp = 0.05
	b.loft(superellipse(b.facets(28), s, s, 0), []ring{{0, z, 0}, {0.95, z, 0}, {1, z + 0.03, 0}, {0.85, z + 0.06, 0}, {0, z + 0.07, 0}}, rough{0.3, 0.02, 11}, white)
	yolk := wet(r, rgb(0xf3a712))
	b.in(b.frame.move(r.in(-0.2, 0.2), r.in(-0.2, 0.2), z+0.06)).ball(mul(s, 0.36), mul(s, 0.36), 0.13, 14, yolk)
	return 0.09
}

func bacon(b *builder, r *random, o outline, z float64) float64 {
	rx, ry := reachOf(o)
	if anyCut(o) {
		return ham(b, r, o, z)
	}
	for i := range r.between(2, 3) {
		m := wet(r, r.near(rgb(0x8e2f22), 0.15))
		m.b = r.near(rgb(0xe0a385), 0.12)
		y := mul(ry, (float64(i)-0.8)*0.5+r.in(-0.1, 0.1))
		phase, n := r.float(), b.facets(20)
		f := b.frame.move(0, y, z+0.05).spin(r.in(-0.07, 0.07))
		long := mul(rx, r.in(1.02, 1.25))
		b.in(f).patch(n, 4, false, false, m, func(u, v int) (vec, float64) {
			t := float64(u)/float64(n-1)*2 - 1
			wave := mul(0.05, sin(mul(t, 1.9)+phase))
			droop := mul(0.5, max(mul(t, t)-0.8, 0))
			return vec{mul(t, long), mul(float64(v)-1.5, 0.09) + wave, wave - droop}, float64(v & 1)
		})
	}
	return 0.07
}

func sauce(b *builder, r *random, o outline, z float64) float64 {
	m := wet(r, r.near(r.pick(0xc9301c, 0xe8b52a, 0xf1e6cf, 0x7a3320), 0.08))
	b.loft(o.grow(r.in(0.9, 1.05)), []ring{{0, z, 0}, {0.9, z - 0.03, 0}, {1, z, 0}, {0.9, z + 0.04, 0}, {0, z + 0.04, 0}}, rough{0.35, 0.05, 10}, m)
	return 0.03
}

func avocado(b *builder, r *random, o outline, z float64) float64 {
	m := wet(r, r.near(rgb(0xb9c25a), 0.1))
	m.b = r.near(rgb(0x7f9a35), 0.1)
	m.amp = 0.3
	b.loft(o.grow(r.in(0.85, 1)), []ring{{0, z, 0}, {0.95, z, 0.5}, {1, z + 0.05, 1}, {0.9, z + 0.1, 0}, {0, z + 0.09, 0}}, rough{0.12, 0.08, 14}, m)
	return 0.09
}

// dome is the upper half of a roll; flat 0 is a hemisphere-like top, 1 a loaf
// with a level top. It stands on z.
func (b *builder) dome(o outline, z, height, flat float64, dark float64, uneven rough, m material) {
	rings := []ring{{0, z, 0}, {0.93, z, 0}, {1, z + mul(height, 0.08), mul(dark, 0.25)}, {1.03, z + mul(height, 0.2), mul(dark, 0.6)}}
	for i := 1; i <= 7; i++ {
		s, c := sincos(float64(i) / 28)
		rings = append(rings, ring{mul(1.03, lerp(c, sqrt(c), flat)), z + mul(height, 0.2+mul(0.8, s)), mul(dark, 0.7+mul(0.3, s))})
	}
	rings[len(rings)-1].s = 0
	b.loft(o, rings, uneven, m)
}

// heel is the lower half of a roll, from z up; its height is returned.
func (b *builder) heel(o outline, z, height, dark float64, uneven rough, m material) float64 {
	b.loft(o, []ring{{0, z, dark}, {0.88, z, dark}, {0.98, z + mul(height, 0.2), mul(dark, 0.9)}, {1.02, z + mul(height, 0.55), mul(dark, 0.6)},
		{1.0, z + mul(height, 0.85), mul(dark, 0.25)}, {0.93, z + height, 0}, {0, z + height, 0}}, uneven, m)
	return height
}

// slice is one piece of sliced bread on z; toast is how brown its faces are.
func (b *builder) slice(o outline, z, height, toast float64, uneven rough, m material) float64 {
	b.loft(o, []ring{{0, z, toast}, {0.95, z, toast}, {0.995, z + mul(height, 0.12), 1}, {1, z + mul(height, 0.5), 1}, {0.995, z + mul(height, 0.88), 1},
		{0.95, z + height, toast}, {0.6, z + height, mul(toast, 0.9)}, {0, z + height, toast}}, uneven, m)
	return height
}

// seeds strews n small seeds over a dome of the given size.
func (b *builder) seeds(r *random, n int, rx, ry, z, height float64, c vec) {
	m := matte(r, c)
	m.gloss = 0.1
	small := *b
	small.detail = 0.5
	for range n {
		s, co := sincos(r.float())
		d := sqrt(r.in(0, 0.72))
		up := sqrt(1 - mul(d, d))
		f := b.frame.move(mul(mul(co, d), rx), mul(mul(s, d), ry), z+mul(height, up)).spin(r.float()).tip(mul(s, mul(d, -0.1)))
		small.in(f).ball(0.062, 0.036, 0.03, 10, m)
	}
}
