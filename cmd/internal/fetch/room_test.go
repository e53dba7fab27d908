package fetch

import "testing"

func TestClasses(t *testing.T) {
	last, size := -1, int64(0)
	for n := int64(1); n < 1<<26; n += 1 + n/1000 {
		class, s := classOf(n)
		if s < n || n > 4<<10 && s > n+n/4+1 {
			t.Fatalf("%d bytes take %d", n, s)
		}
		if class < last || (class == last) != (s == size) {
			t.Fatalf("%d bytes: class %d of %d bytes after class %d of %d", n, class, s, last, size)
		}
		last, size = class, s
	}
}

func TestRoom(t *testing.T) {
	r := newRoom(10_000)
	a, b := r.take(6000), r.take(4000)
	if len(a) != 6000 || len(b) != 4000 || r.take(1) != nil {
		t.Errorf("%d and %d bytes, and room for more", len(a), len(b))
	}
	r.give(a)
	if c := r.take(5900); len(c) != 5900 {
		t.Errorf("%d bytes, want 5900", len(c))
	}
	if none := r.take(0); none == nil {
		t.Error("no room for nothing")
	}
}
