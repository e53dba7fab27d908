package sample

import "math"

// camera looks at target from a distance, elev turns above the table, rolled a
// little.
type camera struct {
	w, h             int
	right, up, ahead vec
	target           vec
	distance, focal  float64 // units; pixels
}

func newCamera(w, h int, target vec, elev, roll, distance, width float64) *camera {
	s, c := sincos(elev)
	rs, rc := sincos(roll)
	right, up := vec{1, 0, 0}, vec{0, s, c}
	return &camera{
		w: w, h: h, target: target, distance: distance,
		right: right.times(rc).add(up.times(rs)),
		up:    up.times(rc).sub(right.times(rs)),
		ahead: vec{0, c, -s},
		focal: mul(float64(w), distance) / width,
	}
}

// project places a point on the picture. Points behind the eye or level with it
// are held just before it, far outside the picture.
func (c *camera) project(p vec) projected {
	p = p.sub(c.target)
	inv := 1 / max(p.dot(c.ahead)+c.distance, 0.5)
	f := mul(mul(c.focal, inv), subpixel)
	x := mul(float64(c.w), subpixel/2) + mul(p.dot(c.right), f)
	y := mul(float64(c.h), subpixel/2) - mul(p.dot(c.up), f)
	const far = 1 << 20
	return projected{int64(math.Floor(clamp(x, -far, far) + 0.5)), int64(math.Floor(clamp(y, -far, far) + 0.5)), inv}
}

// eye is where the camera stands.
func (c *camera) eye() vec { return c.target.sub(c.ahead.times(c.distance)) }

// ray is the direction, not of unit length, from the eye through the middle of
// a pixel.
func (c *camera) ray(x, y int) vec {
	u := (float64(x) + 0.5 - float64(c.w)/2) / c.focal
	v := (float64(c.h)/2 - float64(y) - 0.5) / c.focal
	return c.ahead.add(c.right.times(u)).add(c.up.times(v))
}

// sun is the main light and the shadow it throws: a depth buffer seen along it.
type sun struct {
	to           vec // towards the light
	right, up    vec
	colour       vec
	sky, bounce  vec // light from above and from below
	half         vec // between the light and the eye: where highlights lie
	blur         int // texels between looks at the shadow buffer
	shadow       *visibilityBuffer
	scale, shift float64
}

const (
	shadowSize = 192 // texels along a side
	shadowLift = 64  // keeps depths above 0, which stands for nothing there
)

// project places a point on the shadow buffer; the light is so far away that
// there is no perspective. The buffer is drawn upside down against a picture,
// so the backs of closed surfaces are drawn in it and not their fronts, which
// then cannot shade themselves.
func (s *sun) project(p vec) projected {
	x := mul(mul(p.dot(s.right), s.scale)+s.shift, subpixel)
	y := mul(mul(p.dot(s.up), s.scale)+s.shift, subpixel)
	return projected{int64(math.Floor(x + 0.5)), int64(math.Floor(y + 0.5)), p.dot(s.to) + shadowLift}
}

func newSun(r *random, radius float64) *sun {
	es, ec := sincos(r.in(0.09, 0.21))
	as, ac := sincos(r.float())
	to := vec{mul(ac, ec), mul(as, ec), es}
	right := vec{0, 0, 1}.cross(to).unit()
	s := &sun{to: to, right: right, up: to.cross(right)}
	s.scale = shadowSize / (2 * radius)
	s.shift = shadowSize / 2
	warm := r.float()
	s.colour = vec{1.0, 0.98, 0.95}.toward(vec{1.1, 0.86, 0.6}, mul(warm, warm)).times(r.in(0.55, 1.05))
	s.sky = vec{0.42, 0.44, 0.48}.toward(vec{0.5, 0.43, 0.34}, r.float()).times(r.in(0.7, 1.2))
	s.bounce = s.sky.times(0.55)
	s.blur = r.between(1, 3)
	return s
}

// visibility is how much of the sun reaches p, 0 to 1: the mean of nine texels
// of the shadow buffer (percentage-closer filtering). A surface with normal n
// is looked up a little above itself.
func (s *sun) visibility(p, n vec) float64 {
	p = p.add(n.times(0.045))
	x := int(mul(p.dot(s.right), s.scale) + s.shift)
	y := int(mul(p.dot(s.up), s.scale) + s.shift)
	d := s.blur
	if x < d || y < d || x >= shadowSize-d || y >= shadowSize-d {
		return 1
	}
	z := float32(p.dot(s.to) + shadowLift + 0.03)
	seen := 0
	for row := (y - d) * shadowSize; row <= (y+d)*shadowSize; row += d * shadowSize {
		near := s.shadow.depth[row+x-d : row+x+d+1]
		if near[0] <= z {
			seen++
		}
		if near[d] <= z {
			seen++
		}
		if near[2*d] <= z {
			seen++
		}
	}
	return float64(seen) / 9
}
