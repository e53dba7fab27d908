package kernel

import (
	"errors"
	"fmt"
)

// Stage is a convolution with packed weights, and what follows it.
type Stage struct {
	Weights *PackedConv
	Act     Unary
}

// Separable is a depthwise convolution with the 1x1 convolutions before and
// after it, such as an inverted residual block of MobileNetV2:
//
//	y = act(act(act(x*expand)*depthwise)*project + add)
//
// What is between is made for a few rows at a time, and never leaves the
// second-level cache. The bits are those of one convolution after the other.
type Separable struct {
	N, H, W int // of the input
	// Expand and Project may have no weights: then they are left out.
	Expand, Depthwise, Project Stage
}

// Check reports whether the stages fit each other.
func (s Separable) Check() error {
	d := s.Depthwise.Weights
	if d == nil || d.way != convDepthwiseWay {
		return errors.New("separable convolution: no depthwise convolution")
	}
	for _, p := range []*PackedConv{s.Expand.Weights, s.Project.Weights} {
		if p != nil && (p.way != convDirectWay || !p.c.conv().pointwise()) {
			return errors.New("separable convolution: a convolution before or after is not 1x1")
		}
	}
	if e := s.Expand.Weights; e != nil && e.c.Cout != d.c.Cin {
		return fmt.Errorf("separable convolution: %d channels become %d", e.c.Cout, d.c.Cin)
	}
	if p := s.Project.Weights; p != nil && p.c.Cin != d.c.Cout {
		return fmt.Errorf("separable convolution: %d channels become %d", d.c.Cout, p.c.Cin)
	}
	return s.depthwise().Check()
}

// Pays reports whether it is faster than one convolution after the other: where
// a picture has more values between the stages than they have weights, which
// are read again for each picture.
func (s Separable) Pays() bool {
	weights, maps := 0, 0
	for _, p := range []*PackedConv{s.Expand.Weights, s.Project.Weights} {
		if p != nil {
			weights += p.c.Cin * p.c.Cout
			maps += s.H * s.W * s.Depthwise.Weights.c.Cin
		}
	}
	return maps > weights
}

func (s Separable) depthwise() Depthwise {
	c := s.Depthwise.Weights.c
	return Depthwise{N: s.N, H: s.H, W: s.W, C: c.Cin, Window: c.Window}
}

// OutHW returns the height and width of the output.
func (s Separable) OutHW() (h, w int) { return s.depthwise().OutHW(s.H, s.W) }

// separableJob computes a part of the output rows of a picture.
type separableJob struct {
	s           Separable
	d           Depthwise
	out         convOut // of the last stage
	x           []float32
	cin, cout   int
	oh, ow      int
	left, right int // as in depthwiseJob
	split       int // parts of a picture
	rows        int // of the output at a time
	inRows      int // that these see
}

// separableValues is about the number of values between the stages that are
// made at a time: half of a small second-level cache.
const separableValues = 72 << 10

// Forward computes y [N][OH][OW][Cout] of x [N][H][W][Cin]. add may be nil; it
// is like y, but not the same memory.
func (s Separable) Forward(ws *Workers, y, x, add []float32) {
	j := &ws.separable
	*j = separableJob{s: s, d: s.depthwise(), x: x}
	j.cin, j.cout = j.d.C, j.d.C
	last := s.Depthwise.Act
	if p := s.Expand.Weights; p != nil {
		j.cin = p.c.Cin
	}
	if p := s.Project.Weights; p != nil {
		j.cout, last = p.c.Cout, s.Project.Act
	}
	j.oh, j.ow = j.d.OutHW(s.H, s.W)
	mustLen("x", x, s.N*s.H*s.W*j.cin)
	mustLen("y", y, s.N*j.oh*j.ow*j.cout)
	j.out = activated(y, add, last)
	j.left, j.right = j.d.inside(j.ow)

	d, perRow := j.d, 0
	span := d.DilationH*(d.KH-1) + 1
	if s.Expand.Weights != nil {
		perRow += d.StrideH * s.W * d.C
	}
	if s.Project.Weights != nil {
		perRow += j.ow * d.C
	}
	j.rows = max(1, min(j.oh, (separableValues-max(0, span-d.StrideH)*s.W*d.C)/max(1, perRow)))
	j.inRows = (j.rows-1)*d.StrideH + span
	j.split = 1
	if threads := len(ws.workers); threads > 1 && s.N < 4*threads {
		j.split = max(1, min(j.oh/max(1, span), (4*threads+s.N-1)/s.N))
	}
	size := 0
	if s.Expand.Weights != nil {
		size = j.inRows * s.W * d.C
	}
	if s.Project.Weights != nil {
		size += j.rows * j.ow * d.C
	}
	ws.reserve(scratch{buf: size})
	ws.run(s.N*j.split, j)
}

func (j *separableJob) task(i int, ws *Workers, w *worker) {
	n, part := i/j.split, i%j.split
	s, d := j.s, j.d
	first, last := part*j.oh/j.split, (part+1)*j.oh/j.split
	x := j.x[n*s.H*s.W*j.cin:][:s.H*s.W*j.cin]
	packed := s.Depthwise.Weights.data
	at := len(packed) - d.C
	middle := activated(nil, nil, s.Depthwise.Act)
	row := depthwiseRow{d: d, left: j.left, right: j.right, ow: j.ow, x: x, w: packed[:at], b: packed[at:]}
	row.clip = middle.clip
	expanded, buf := []float32(nil), w.buf
	if s.Expand.Weights != nil {
		expanded, buf = buf[:j.inRows*s.W*d.C], buf[j.inRows*s.W*d.C:]
		row.x = expanded
	}
	if s.Project.Weights == nil && j.out.add != nil {
		row.clip = Unclipped()
	}
	size := j.ow * d.C
	done := 0 // the first input row that is not expanded yet
	for top := first; top < last; top += j.rows {
		bottom := min(top+j.rows, last)
		if expanded != nil {
			from := max(0, min(s.H, top*d.StrideH-d.PadTop))
			to := max(from, min(s.H, (bottom-1)*d.StrideH-d.PadTop+d.DilationH*(d.KH-1)+1))
			j.expand(ws.backend, expanded, x, row.base, from, max(from, min(done, to)), to)
			row.base, done = from, to
		}
		for r := top; r < bottom; r++ {
			if s.Project.Weights == nil {
				row.y = j.out.y[(n*j.oh+r)*size:][:size]
			} else {
				row.y = buf[(r-top)*size:][:size]
			}
			row.compute(ws.backend, r)
		}
		if s.Project.Weights == nil {
			from, to := (n*j.oh+top)*size, (n*j.oh+bottom)*size
			if j.out.add != nil {
				j.out.finish(ws, from, to)
			} else {
				j.out.activate(ws.backend, from, bottom-top, size, 0, size)
			}
			continue
		}
		middle.y = buf[:(bottom-top)*size]
		middle.activate(ws.backend, 0, bottom-top, size, 0, size)
		at := (n*j.oh + top) * j.ow * j.cout
		pointwiseRows(ws.backend, j.out, s.Project.Weights, at, middle.y, (bottom-top)*j.ow)
	}
}

// expand makes the buffer hold the expanded input rows from, ..., to-1, of
// which those before have are in it, from row base on.
func (j *separableJob) expand(be *backend, buf, x []float32, base, from, have, to int) {
	s, size := j.s, j.s.W*j.d.C
	if have > from {
		copy(buf, buf[(from-base)*size:(have-base)*size])
	}
	out := activated(buf, nil, s.Expand.Act)
	pointwiseRows(be, out, s.Expand.Weights, (have-from)*size, x[have*s.W*j.cin:], (to-have)*s.W)
}

// pointwiseRows computes n pixels of a 1x1 convolution.
func pointwiseRows(be *backend, out convOut, p *PackedConv, at int, x []float32, n int) {
	cin, cout := p.c.Cin, p.c.Cout
	blocks := (cout + lanes - 1) / lanes
	g := gemmRows{w: p.data[:blocks*cin*lanes], b: p.data[blocks*cin*lanes:], cin: cin, cout: cout, to: blocks}
	for first := 0; first < n; first += pointwisePixels {
		g.n = min(pointwisePixels, n-first)
		g.at, g.x = at+first*cout, x[first*cin:]
		out.rows(be, g)
	}
}
