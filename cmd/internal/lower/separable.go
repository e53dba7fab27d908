package lower

import "slices"

// Separable is a convolution of each channel with a kernel of its own, with the
// 1x1 convolution before it, the one after it, or both: what is between them
// needs no memory. Expand and Project may be nil. X, Y and Add are those of the
// first and the last.
type Separable struct {
	named
	X, Y, Add                  *Value
	Expand, Depthwise, Project *Conv
}

func (s *Separable) reads() []*Value  { return withOptional(s.X, s.Add) }
func (s *Separable) writes() []*Value { return []*Value{s.Y} }

// depthwise reports whether each channel has a kernel of its own.
func (s *Conv) depthwise() bool {
	return s.Weights != nil && !s.Pool && s.Groups == s.X.Shape[1].Const && s.Groups == s.Weights.Shape[0]
}

// pointwise reports whether each pixel is computed of one pixel and all
// channels.
func (s *Conv) pointwise() bool {
	w := s.Window
	return s.Weights != nil && !s.Pool && s.Groups == 1 && w.KH*w.KW*w.StrideH*w.StrideW == 1 && max(w.PadTop, w.PadLeft, w.PadBottom, w.PadRight) == 0
}

// fuseSeparable makes one step of a depthwise convolution and its neighbours,
// where a picture has more values between them than they have weights, which
// are read again for each picture.
func (r *Program) fuseSeparable() {
	made, readers := map[*Buffer]int{}, map[*Buffer]int{}
	for i, s := range r.Steps {
		for _, v := range s.writes() {
			made[v.Buffer] = i
		}
		for _, v := range s.reads() {
			readers[v.Buffer]++
		}
	}
	for _, v := range r.Outputs {
		readers[v.Buffer]++
	}
	before := func(v *Value) (int, *Conv) {
		i, ok := made[v.Buffer]
		if !ok || readers[v.Buffer] != 1 {
			return 0, nil
		}
		c, _ := r.Steps[i].(*Conv)
		return i, c
	}
	after := map[*Buffer]int{} // the step that reads it, if one alone does
	for i, s := range r.Steps {
		for _, v := range s.reads() {
			if readers[v.Buffer] == 1 {
				after[v.Buffer] = i
			}
		}
	}
	for i, step := range r.Steps {
		d, ok := step.(*Conv)
		if !ok || !d.depthwise() {
			continue
		}
		s := &Separable{named: d.named, X: d.X, Y: d.Y, Add: d.Add, Depthwise: d}
		last := i
		weights, maps := 0, 0
		in, _ := fixed(d.X.Shape[1:])
		size := in[0] * in[1] * in[2]
		k, e := before(d.X)
		if e != nil && e.pointwise() && !e.depthwise() && e.Add == nil {
			s.Expand, s.X = e, e.X
			weights, maps = e.Weights.Size(), size
		}
		if j, ok := after[d.Y.Buffer]; ok && d.Add == nil {
			if p, ok := r.Steps[j].(*Conv); ok && p.pointwise() && !p.depthwise() && p.X.Buffer == d.Y.Buffer {
				s.Project, s.Y, s.Add = p, p.Y, p.Add
				weights, maps, last = weights+p.Weights.Size(), maps+size, j
			}
		}
		if maps <= weights {
			continue
		}
		// The step stands where the last of them stood: all that it
		// reads is there.
		if s.Expand != nil {
			r.Steps[k] = nil
		}
		r.Steps[i] = nil
		r.Steps[last] = s
	}
	r.Steps = slices.DeleteFunc(r.Steps, func(s Step) bool { return s == nil })
}
