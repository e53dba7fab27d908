package kernel

import (
	"fmt"
	"testing"
)

// TestSeparableSameBits: the stages together give the bits of one after the
// other, whatever is left out, at any number of threads.
func TestSeparableSameBits(t *testing.T) {
	for _, c := range []struct {
		n, h, w, cin, mid, cout int
		window                  Window
	}{
		{2, 9, 12, 8, 40, 24, square(3, 1, 1)},
		{1, 40, 40, 16, 96, 24, Window{3, 3, 2, 2, 1, 1, 0, 0, 1, 1}},
		{3, 7, 7, 5, 19, 7, square(5, 2, 2)},
		{1, 33, 60, 24, 144, 32, square(3, 1, 1)},
		{2, 20, 9, 16, 32, 16, Window{3, 2, 1, 1, 4, 2, 3, 0, 1, 2}},
		{1, 3, 3, 16, 32, 16, square(3, 1, 6)},    // rows of padding only
		{1, 50, 30, 16, 100, 16, square(1, 3, 0)}, // rows that no window sees
	} {
		rng := newRand(t)
		d := Depthwise{c.n, c.h, c.w, c.mid, c.window}
		oh, ow := d.OutHW(c.h, c.w)
		expand := GroupedConv{c.n, c.h, c.w, c.cin, c.mid, 1, square(1, 1, 0)}
		depthwise := GroupedConv{c.n, c.h, c.w, c.mid, c.mid, c.mid, c.window}
		project := GroupedConv{c.n, oh, ow, c.mid, c.cout, 1, square(1, 1, 0)}
		_, x, w1, b1 := expand.values(rng)
		m1, m2, w2, b2 := depthwise.values(rng)
		m1, m2 = make([]float32, len(m2)), m1
		y, _, w3, b3 := project.values(rng)
		add := values(rng, len(y))
		add2 := values(rng, len(m2))
		for _, threads := range []int{1, 2, 7} {
			ws := NewWorkers(threads)
			p1, p2, p3 := expand.Pack(ws, w1, b1), depthwise.Pack(ws, w2, b2), project.Pack(ws, w3, b3)
			for _, act := range []Unary{Clip{0, 2}.Limit(), {Op: UnarySiLU}} {
				s := Separable{N: c.n, H: c.h, W: c.w, Expand: Stage{p1, act}, Depthwise: Stage{p2, act}, Project: Stage{Weights: p3}}
				check := func(name string, s Separable, want, x, add []float32) {
					t.Helper()
					if err := s.Check(); err != nil {
						t.Fatal(err)
					}
					got := values(newRand(t), len(want))
					s.Forward(ws, got, x, add)
					checkSame(t, fmt.Sprint(name, c, threads), got, want)
					noAllocation(t, name, func() { s.Forward(ws, got, x, add) })
				}
				expand.ForwardPacked(ws, m1, x, p1, nil, act)
				depthwise.ForwardPacked(ws, m2, m1, p2, nil, act)
				project.ForwardPacked(ws, y, m2, p3, add, Unary{})
				check("all", s, y, x, add)
				s.Expand = Stage{}
				check("no expansion", s, y, m1, add)
				s.Project = Stage{}
				check("depthwise alone", s, m2, m1, nil)
				s.Expand = Stage{p1, act}
				check("no projection", s, m2, x, nil)
				depthwise.ForwardPacked(ws, m2, m1, p2, add2, act)
				check("no projection but a sum", s, m2, x, add2)
			}
			ws.Close()
		}
	}
}

func TestSeparableCheck(t *testing.T) {
	ws := NewWorkers(1)
	defer ws.Close()
	pack := func(c GroupedConv) Stage {
		_, _, w, b := c.values(newRand(t))
		return Stage{Weights: c.Pack(ws, w, b)}
	}
	expand := pack(GroupedConv{1, 8, 8, 16, 32, 1, square(1, 1, 0)})
	depthwise := pack(GroupedConv{1, 8, 8, 32, 32, 32, square(3, 1, 1)})
	wide := pack(GroupedConv{1, 8, 8, 16, 32, 1, square(3, 1, 1)})
	for name, s := range map[string]Separable{
		"no depthwise":    {1, 8, 8, expand, Stage{}, Stage{}},
		"wrong kind":      {1, 8, 8, expand, expand, Stage{}},
		"wide before":     {1, 8, 8, wide, depthwise, Stage{}},
		"channels after":  {1, 8, 8, expand, depthwise, expand},
		"channels before": {1, 8, 8, pack(GroupedConv{1, 8, 8, 16, 16, 1, square(1, 1, 0)}), depthwise, Stage{}},
		"no picture":      {1, 0, 8, expand, depthwise, Stage{}},
	} {
		if s.Check() == nil {
			t.Errorf("%s passes", name)
		}
	}
	s := Separable{1, 8, 8, expand, depthwise, Stage{}}
	if err := s.Check(); err != nil {
		t.Error(err)
	}
	if !s.Pays() {
		t.Error("2048 values between stages, 512 weights")
	}
	if s.H, s.W = 3, 3; s.Pays() {
		t.Error("288 values between stages, 512 weights")
	}
}
