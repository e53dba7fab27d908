package fetch

import (
	"fmt"
	"testing"
)

// flickrPhoto is a photo on Flickr, and how it failed.
func flickrPhoto(name, detail string) (*serverPhoto, Attempt) {
	c := &serverPhoto{source: "flickr", url: "https://flickr/" + name, key: "GET " + name}
	return c, Attempt{Source: "flickr", URL: c.url, Reason: Gone, Status: 410, Attempts: 2, Seconds: 1.5, Detail: detail}
}

func TestNegativeCacheForgetsTheOldest(t *testing.T) {
	n := newNegativeCache(3)
	for _, k := range []string{"a", "b", "c", "c", "d", "e", "f"} {
		c, a := flickrPhoto(k, k)
		n.put(c, a)
		if got := n.get(c); got == nil || *got != a {
			t.Errorf("%s: %+v, want %+v", k, got, a)
		}
	}
	for k, want := range map[string]bool{"a": false, "d": true, "e": true, "f": true, "g": false} {
		c, _ := flickrPhoto(k, "")
		if got := n.get(c); (got != nil) != want {
			t.Errorf("%s: %v", k, got)
		}
	}
	if got := len(n.current) + len(n.previous); got > 6 {
		t.Errorf("%d remembered, want 6 at most", got)
	}
	// The same address may be asked for under another source's name.
	c, _ := flickrPhoto("f", "")
	c.source = "thumbnail"
	if got := n.get(c); got == nil || got.Source != "thumbnail" {
		t.Errorf("another source: %+v", got)
	}
}

// TestNegativeCacheSharesOutcomes: a million photos that are not there take no
// million outcomes.
func TestNegativeCacheSharesOutcomes(t *testing.T) {
	n := newNegativeCache(1 << 20)
	for i := range maxOutcomes + 100 {
		n.put(flickrPhoto(fmt.Sprint(i), "404 Not Found"))
	}
	if got := len(n.outcomes); got != 1 {
		t.Errorf("%d outcomes, want 1", got)
	}
	for i := range maxOutcomes + 100 {
		n.put(flickrPhoto(fmt.Sprint(i), fmt.Sprint("unlike all others: ", i)))
	}
	if got := len(n.outcomes); got > maxOutcomes+1 {
		t.Errorf("%d outcomes, want %d at most", got, maxOutcomes)
	}
	c, _ := flickrPhoto(fmt.Sprint(maxOutcomes+99), "")
	if a := n.get(c); a == nil || a.Reason != Gone || a.Detail != "" {
		t.Errorf("got %+v", a)
	}
}
