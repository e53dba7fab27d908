package fetch

import "testing"

func TestSizeClasses(t *testing.T) {
	last, size := -1, int64(0)
	for n := int64(1); n < 1<<26; n += 1 + n/1000 {
		class, s := sizeClass(n)
		if s < n || n > 4<<10 && s > n+n/4+1 {
			t.Fatalf("%d bytes take %d", n, s)
		}
		if class < last || (class == last) != (s == size) {
			t.Fatalf("%d bytes: class %d of %d bytes after class %d of %d", n, class, s, last, size)
		}
		last, size = class, s
	}
}

func TestBufferPool(t *testing.T) {
	p := newBufferPool(10_000)
	a, b := p.acquire(6000), p.acquire(4000)
	if len(a) != 6000 || len(b) != 4000 || p.acquire(1) != nil {
		t.Errorf("%d and %d bytes, and more of the budget", len(a), len(b))
	}
	p.release(a)
	if c := p.acquire(5900); len(c) != 5900 {
		t.Errorf("%d bytes, want 5900", len(c))
	}
	if none := p.acquire(0); none == nil {
		t.Error("no buffer of no bytes")
	}
}
