package pix

import (
	"fmt"
	"image"
	"math/rand/v2"
	"testing"
)

// placesLeft lists every corner a window of w by h can have, by trying all.
func placesLeft(width, height, w, h int, taken []image.Rectangle) map[image.Point]bool {
	free := map[image.Point]bool{}
	for y := 0; y+h <= height; y++ {
		for x := 0; x+w <= width; x++ {
			window := image.Rect(x, y, x+w, y+h)
			ok := true
			for _, t := range taken {
				ok = ok && !window.Overlaps(t)
			}
			if ok {
				free[image.Pt(x, y)] = true
			}
		}
	}
	return free
}

func TestBackgroundFindsEveryPlace(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	none := 0
	for n := range 400 {
		width, height := 1+rng.IntN(12), 1+rng.IntN(12)
		w, h := 1+rng.IntN(6), 1+rng.IntN(6)
		var taken []image.Rectangle
		for range rng.IntN(4) {
			x, y := rng.IntN(width), rng.IntN(height)
			taken = append(taken, image.Rect(x, y, x+1+rng.IntN(width-x), y+1+rng.IntN(height-y)))
		}
		free := placesLeft(width, height, w, h, taken)
		if len(free) == 0 {
			none++
			if at, ok := place(NewRand(1, "x", 0, n), width, height, w, h, taken); ok {
				t.Fatalf("%dx%d in %dx%d beside %v: %v, but there is no room", w, h, width, height, taken, at)
			}
			continue
		}
		seen := map[image.Point]bool{}
		for k := range 60 * len(free) {
			at, ok := place(NewRand(1, fmt.Sprint(n), 0, k), width, height, w, h, taken)
			if !ok || !free[at] {
				t.Fatalf("%dx%d in %dx%d beside %v: %v %v", w, h, width, height, taken, at, ok)
			}
			if seen[at] = true; len(seen) == len(free) {
				break
			}
		}
		if len(seen) != len(free) {
			t.Fatalf("%dx%d in %dx%d beside %v: %d of %d places drawn", w, h, width, height, taken, len(seen), len(free))
		}
	}
	if none < 20 || none > 380 {
		t.Errorf("%d of 400 cases without room: the test says little", none)
	}
}

func TestBackgroundShrinks(t *testing.T) {
	left := []image.Rectangle{image.Rect(0, 0, 60, 100)} // 40 columns are free
	for _, c := range []struct{ w, want int }{{40, 40}, {50, 37}, {80, 40}, {81, 40}, {82, 0}} {
		got, ok := Background(NewRand(1, "k", 0, 0), 100, 100, c.w, 10, left)
		if got.Dx() != c.want || ok != (c.want > 0) {
			t.Errorf("a window %d wide: %v %v, want %d wide", c.w, got, ok, c.want)
		}
		if ok && (got.Overlaps(left[0]) || !got.In(image.Rect(0, 0, 100, 100))) {
			t.Errorf("a window %d wide: %v", c.w, got)
		}
	}
	a, _ := Background(NewRand(1, "k", 0, 0), 1000, 1000, 40, 40, left)
	b, _ := Background(NewRand(1, "k", 0, 0), 1000, 1000, 40, 40, left)
	c, _ := Background(NewRand(1, "l", 0, 0), 1000, 1000, 40, 40, left)
	if a != b || a == c {
		t.Errorf("the same key gave %v and %v, another %v", a, b, c)
	}
}
