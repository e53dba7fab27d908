package sample

import (
	"flag"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

var (
	update = flag.Bool("update", false, "write boxes.txt anew")
	every  = flag.Int("every", 11, "hold every so many photos against boxes.txt")
)

// TestMeasures holds boxes.txt against what the painter draws.
func TestMeasures(t *testing.T) {
	s := New()
	var all []*photo
	for _, sub := range subsets {
		for i := range s.index[sub.name] {
			all = append(all, &s.index[sub.name][i])
		}
	}
	if *update {
		*every = 1
	}
	lines := make([]string, len(all))
	workers := runtime.GOMAXPROCS(0)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w * *every; i < len(all); i += workers * *every {
				m := s.measure(all[i])
				lines[i] = m.String()
			}
		})
	}
	wg.Wait()
	if *update {
		if err := os.WriteFile("boxes.txt", []byte(strings.Join(lines, "\n")+"\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want := strings.Split(strings.TrimSuffix(boxesText, "\n"), "\n")
	if len(want) != len(all) {
		t.Fatalf("boxes.txt has %d lines for %d photos", len(want), len(all))
	}
	for i := 0; i < len(lines); i += *every {
		if lines[i] != want[i] {
			t.Errorf("boxes.txt:%d: has %s, the drawing has %s (after a change of the painter run with -update)", i+1, want[i], lines[i])
		}
	}
}

// TestBoxesAreTight paints each object's mask on the stored picture and
// compares its extent with the box.
func TestBoxesAreTight(t *testing.T) {
	s := New()
	turns := map[int]int{}
	for i := range s.index["train"] {
		p := &s.index["train"][i]
		if turns[p.rotated]++; turns[p.rotated] > 4 {
			continue
		}
		v := compose(p.seed, p.habit, s.noise(), false).rasterize()
		mask := &pixels{v.seen.w, v.seen.h, make([]uint8, 3*v.seen.w*v.seen.h)}
		for j := range v.seen.triangle {
			mask.rgb[3*j] = uint8(v.owner(j) + 1)
		}
		mask = mask.rotated(p.rotated)
		want := s.measure(p).boxes
		var got []box
		for o := range v.objects {
			b := box{class: v.objects[o].class, x0: mask.w, y0: mask.h}
			for j := 0; j < len(mask.rgb); j += 3 {
				if int(mask.rgb[j]) == o+1 {
					x, y := j/3%mask.w, j/3/mask.w
					b.x0, b.x1, b.y0, b.y1 = min(b.x0, x), max(b.x1, x+1), min(b.y0, y), max(b.y1, y+1)
				}
			}
			for _, w := range want {
				if w.class == b.class && w.x0 == b.x0 && w.x1 == b.x1 && w.y0 == b.y0 && w.y1 == b.y1 {
					got = append(got, w)
				}
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("photo %d, rotated %d: boxes %v, masks allow %v", i, p.rotated, want, got)
		}
	}
	if len(turns) != 4 {
		t.Errorf("turns found: %v", turns)
	}
}

// TestTurned turns a picture as stored and back as the official Rotation says,
// counter-clockwise.
func TestTurned(t *testing.T) {
	p := &pixels{3, 2, []uint8{1, 0, 0, 2, 0, 0, 3, 0, 0, 4, 0, 0, 5, 0, 0, 6, 0, 0}}
	want := map[int][]uint8{0: {1, 2, 3, 4, 5, 6}, 90: {4, 1, 5, 2, 6, 3}, 180: {6, 5, 4, 3, 2, 1}, 270: {3, 6, 2, 5, 1, 4}}
	for degrees, w := range want {
		q := p.rotated(degrees)
		var got []uint8
		for i := 0; i < len(q.rgb); i += 3 {
			got = append(got, q.rgb[i])
		}
		if !slices.Equal(got, w) {
			t.Errorf("rotated %d clockwise: %v", degrees, got)
		}
		if back := q.rotated((360 - degrees) % 360); !slices.Equal(back.rgb, p.rgb) || back.w != p.w {
			t.Errorf("rotated %d and back: %v", degrees, back)
		}
	}
}

func TestParseMeasure(t *testing.T) {
	for _, line := range []string{"400x300", "400x300 0:1,2,3,4", "384x288 8otgd:0,384,0,288 1o:5,6,7,8"} {
		var m measure
		if err := m.parse(line); err != nil || m.String() != line {
			t.Errorf("%q came back as %q, %v", line, m.String(), err)
		}
	}
	for _, line := range []string{"", "x", "400", "400x", "400x300 ", "400x300 0", "400x300 0:1,2,3", "400x300 9:1,2,3,4", "400x300 0:2,2,3,4", "400x300 0:1,401,3,4", "400x300 0:1,2,3,4,5", "400x300 :1,2,3,4"} {
		var m measure
		if err := m.parse(line); err == nil {
			t.Errorf("%q was taken", line)
		}
	}
	if _, err := parseMeasures("400x300\n"); err == nil {
		t.Error("a short file was taken")
	}
	if _, err := parseMeasures(boxesText + "400x300\n"); err == nil {
		t.Error("a long file was taken")
	}
}
