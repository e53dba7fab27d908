package fetch

import (
	"fmt"
	"testing"
)

// flickrPhoto is a photo on Flickr, and what it came to.
func flickrPhoto(name, detail string) (*address, Attempt) {
	c := &address{source: "flickr", url: "https://flickr/" + name, key: "GET " + name}
	return c, Attempt{Source: "flickr", URL: c.url, Reason: Gone, Status: 410, Attempts: 2, Seconds: 1.5, Detail: detail}
}

func TestDeadListForgetsTheOldest(t *testing.T) {
	d := newDeadList(3)
	for _, k := range []string{"a", "b", "c", "c", "d", "e", "f"} {
		c, a := flickrPhoto(k, k)
		d.put(c, a)
		if got := d.get(c); got == nil || *got != a {
			t.Errorf("%s: %+v, want %+v", k, got, a)
		}
	}
	for k, want := range map[string]bool{"a": false, "d": true, "e": true, "f": true, "g": false} {
		c, _ := flickrPhoto(k, "")
		if got := d.get(c); (got != nil) != want {
			t.Errorf("%s: %v", k, got)
		}
	}
	if n := len(d.young) + len(d.old); n > 6 {
		t.Errorf("%d remembered, want 6 at most", n)
	}
	// The same address may be asked for under another source's name.
	c, _ := flickrPhoto("f", "")
	c.source = "thumbnail"
	if got := d.get(c); got == nil || got.Source != "thumbnail" {
		t.Errorf("another source: %+v", got)
	}
}

// TestDeadListSharesVerdicts: a million photos that are not there take no
// million verdicts.
func TestDeadListSharesVerdicts(t *testing.T) {
	d := newDeadList(1 << 20)
	for i := range maxVerdicts + 100 {
		d.put(flickrPhoto(fmt.Sprint(i), "404 Not Found"))
	}
	if n := len(d.verdicts); n != 1 {
		t.Errorf("%d verdicts, want 1", n)
	}
	for i := range maxVerdicts + 100 {
		d.put(flickrPhoto(fmt.Sprint(i), fmt.Sprint("unlike all others: ", i)))
	}
	if n := len(d.verdicts); n > maxVerdicts+1 {
		t.Errorf("%d verdicts, want %d at most", n, maxVerdicts)
	}
	c, _ := flickrPhoto(fmt.Sprint(maxVerdicts+99), "")
	if a := d.get(c); a == nil || a.Reason != Gone || a.Detail != "" {
		t.Errorf("got %+v", a)
	}
}
