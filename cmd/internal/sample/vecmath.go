package sample

import "math"

// The pictures and boxes must be the same bits on every platform. A compiler
// may fuse x*y + z into one rounding where the machine can, so every product
// that meets a sum is rounded explicitly (mul), and sine and cosine are
// computed here: the standard library's differ in the last bit between
// architectures. math.Sqrt and math.Floor are exact everywhere.

func mul(a, b float64) float64 { return float64(a * b) }

func lerp(a, b, t float64) float64 { return a + mul(b-a, t) }

// clamp is plain comparisons: the built-in min and max pay for NaN and signed
// zeros.
func clamp(x, lo, hi float64) float64 {
	if x < lo {
		return lo
	}
	if x > hi {
		return hi
	}
	return x
}

// smooth is the cubic step from 0 at a to 1 at b.
func smooth(a, b, x float64) float64 {
	t := clamp((x-a)/(b-a), 0, 1)
	return mul(mul(t, t), 3-2*t)
}

// sincos returns sine and cosine of an angle given in turns.
func sincos(turns float64) (sin, cos float64) {
	q := math.Floor(turns*4 + 0.5)
	r := mul(turns-q/4, 2*math.Pi)
	r2 := mul(r, r)
	s := mul(r, 1+mul(r2, -1.0/6+mul(r2, 1.0/120+mul(r2, -1.0/5040+mul(r2, 1.0/362880)))))
	c := 1 + mul(r2, -1.0/2+mul(r2, 1.0/24+mul(r2, -1.0/720+mul(r2, 1.0/40320))))
	switch int(q) & 3 {
	case 0:
		return s, c
	case 1:
		return c, -s
	case 2:
		return -s, -c
	}
	return -c, s
}

func sin(turns float64) float64 { s, _ := sincos(turns); return s }

// vec is a point or direction (x right, y away from the camera, z up), or a
// colour (linear red, green, blue).
type vec struct{ x, y, z float64 }

func (a vec) add(b vec) vec       { return vec{a.x + b.x, a.y + b.y, a.z + b.z} }
func (a vec) sub(b vec) vec       { return vec{a.x - b.x, a.y - b.y, a.z - b.z} }
func (a vec) times(s float64) vec { return vec{mul(a.x, s), mul(a.y, s), mul(a.z, s)} }
func (a vec) each(b vec) vec      { return vec{mul(a.x, b.x), mul(a.y, b.y), mul(a.z, b.z)} }
func (a vec) toward(b vec, t float64) vec {
	return vec{lerp(a.x, b.x, t), lerp(a.y, b.y, t), lerp(a.z, b.z, t)}
}
func (a vec) dot(b vec) float64 { return mul(a.x, b.x) + mul(a.y, b.y) + mul(a.z, b.z) }

func (a vec) cross(b vec) vec {
	return vec{mul(a.y, b.z) - mul(a.z, b.y), mul(a.z, b.x) - mul(a.x, b.z), mul(a.x, b.y) - mul(a.y, b.x)}
}

// unit is a scaled to length one; the null vector stays what it is.
func (a vec) unit() vec {
	n := a.dot(a)
	if n < 1e-24 {
		return a
	}
	return a.times(1 / sqrt(n))
}

// rgb is an sRGB colour written 0xRRGGBB, made linear with a gamma of two,
// which the tone curve undoes.
func rgb(hex uint32) vec {
	c := func(shift uint) float64 { v := float64(hex>>shift&255) / 255; return mul(v, v) }
	return vec{c(16), c(8), c(0)}
}

// frame is an affine map from an object's own coordinates to the world.
type frame struct{ x, y, z, o vec }

func world() frame { return frame{x: vec{1, 0, 0}, y: vec{0, 1, 0}, z: vec{0, 0, 1}} }

func (f frame) apply(p vec) vec {
	return vec{
		f.o.x + mul(f.x.x, p.x) + mul(f.y.x, p.y) + mul(f.z.x, p.z),
		f.o.y + mul(f.x.y, p.x) + mul(f.y.y, p.y) + mul(f.z.y, p.z),
		f.o.z + mul(f.x.z, p.x) + mul(f.y.z, p.y) + mul(f.z.z, p.z),
	}
}

// move, spin, tip, lean and scale change the frame as seen from inside it: what
// is drawn next is moved, rotated about z, x or y, or scaled first.
func (f frame) move(x, y, z float64) frame { f.o = f.apply(vec{x, y, z}); return f }

func (f frame) spin(turns float64) frame {
	s, c := sincos(turns)
	f.x, f.y = f.x.times(c).add(f.y.times(s)), f.y.times(c).sub(f.x.times(s))
	return f
}

func (f frame) tip(turns float64) frame {
	s, c := sincos(turns)
	f.y, f.z = f.y.times(c).add(f.z.times(s)), f.z.times(c).sub(f.y.times(s))
	return f
}

func (f frame) lean(turns float64) frame {
	s, c := sincos(turns)
	f.z, f.x = f.z.times(c).add(f.x.times(s)), f.x.times(c).sub(f.z.times(s))
	return f
}

func (f frame) scale(x, y, z float64) frame {
	f.x, f.y, f.z = f.x.times(x), f.y.times(y), f.z.times(z)
	return f
}

func sqrt(x float64) float64 { return math.Sqrt(x) }
