package sample

import (
	"math"
	"testing"
)

// TestDraw compares with a plain test of every pixel's middle.
func TestDraw(t *testing.T) {
	const w, h = 40, 30
	r := newRandom(7)
	for round := range 300 {
		var p [3]projected
		for i := range p {
			p[i] = projected{int64(r.between(-200, w*subpixel+200)), int64(r.between(-200, h*subpixel+200)), r.in(0.1, 1)}
			if round%3 == 0 { // small ones too
				p[i] = projected{int64(320 + r.intn(60)), int64(240 + r.intn(60)), r.in(0.1, 1)}
			}
		}
		closed := round%2 == 0
		l := newVisibilityBuffer(w, h)
		cov := newCoverage(w*h, 1)
		l.draw(&p[0], &p[1], &p[2], 5, 0, closed, cov)
		whole := area(&p[0], &p[1], p[2].x, p[2].y)
		covered := 0
		for y := range h {
			for x := range w {
				a := area(&p[1], &p[2], centre(x), centre(y))
				b := area(&p[2], &p[0], centre(x), centre(y))
				c := area(&p[0], &p[1], centre(x), centre(y))
				in := whole != 0 && (a >= 0 && b >= 0 && c >= 0 || a <= 0 && b <= 0 && c <= 0) && !(closed && whole > 0)
				i := y*w + x
				if (l.triangle[i] == 6) != in {
					t.Fatalf("triangle %v, pixel %d,%d: drawn %v, expected %v", p, x, y, !in, in)
				}
				if !in {
					continue
				}
				covered++
				want := (float64(a)*p[0].depth + float64(b)*p[1].depth + float64(c)*p[2].depth) / float64(whole)
				if math.Abs(float64(l.depth[i])-want) > 1e-4 {
					t.Fatalf("depth %g, expected %g", l.depth[i], want)
				}
			}
		}
		if cov.alone[0] != covered {
			t.Fatalf("coverage %d of %d", cov.alone[0], covered)
		}
	}
}

func TestDrawKeepsTheNearest(t *testing.T) {
	near := [3]projected{{0, 0, 2}, {320, 0, 2}, {0, 320, 2}}
	far := [3]projected{{0, 0, 1}, {320, 0, 1}, {0, 320, 1}}
	for _, order := range [][2]int32{{0, 1}, {1, 0}} {
		l := newVisibilityBuffer(10, 10)
		cov := newCoverage(100, 2)
		for _, id := range order {
			p := [2][3]projected{near, far}[id]
			l.draw(&p[0], &p[1], &p[2], id, id, false, cov)
		}
		if l.triangle[0] != 1 || cov.alone[0] != cov.alone[1] || cov.alone[0] == 0 {
			t.Errorf("order %v: sees %d, coverage %v", order, l.triangle[0], cov.alone)
		}
	}
}

func TestSincos(t *testing.T) {
	for i := -2000; i <= 2000; i++ {
		turns := float64(i) / 700
		s, c := sincos(turns)
		if math.Abs(s-math.Sin(2*math.Pi*turns)) > 1e-6 || math.Abs(c-math.Cos(2*math.Pi*turns)) > 1e-6 {
			t.Fatalf("sincos(%g) = %g, %g", turns, s, c)
		}
	}
}

// TestFrame holds the frame's steps to lengths and right angles.
func TestFrame(t *testing.T) {
	f := world().move(1, 2, 3).spin(0.1).tip(0.2).lean(0.3)
	for _, pair := range [][2]vec{{f.x, f.y}, {f.y, f.z}, {f.z, f.x}} {
		if math.Abs(pair[0].dot(pair[1])) > 1e-6 || math.Abs(pair[0].dot(pair[0])-1) > 1e-6 {
			t.Errorf("axes %v", pair)
		}
	}
	if d := f.x.cross(f.y).sub(f.z); d.dot(d) > 1e-10 {
		t.Errorf("left-handed: %v", f)
	}
	if p := world().spin(0.25).apply(vec{1, 0, 0}); math.Abs(p.y-1) > 1e-6 {
		t.Errorf("a quarter turn takes x to %v", p)
	}
}

// TestNormals: closed surfaces must face outwards, or they are not drawn.
func TestNormals(t *testing.T) {
	m := &mesh{smoothed: true}
	b := &builder{mesh: m, frame: world(), noise: newNoise(1), detail: 1}
	b.ball(1, 1, 1, 16, material{})
	b.torus(1, 0.3, 0.3, 24, 12, material{})
	b.tube([]vec{{0, 0, 0}, {1, 0, 0}, {2, 0, 0}}, 8, func(float64) float64 { return 0.5 }, material{})
	b.box(1, 1, 1, material{})
	centre := func(p vec, part int32) vec {
		switch part {
		case 0:
			return vec{}
		case 1:
			return vec{p.x, p.y, 0}.unit()
		case 2:
			return vec{p.x, 0, 0}
		}
		return vec{0, 0, 0.5}
	}
	for _, tri := range m.triangles {
		p, q, r := m.vertices[tri.a].p, m.vertices[tri.b].p, m.vertices[tri.c].p
		mid := p.add(q).add(r).times(1.0 / 3)
		facet := q.sub(p).cross(r.sub(p))
		if facet.dot(facet) < 1e-12 {
			continue
		}
		if facet.dot(mid.sub(centre(mid, tri.part))) <= 0 {
			t.Fatalf("part %d: a facet at %v faces inwards", tri.part, mid)
		}
	}
}
