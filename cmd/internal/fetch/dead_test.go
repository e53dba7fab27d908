package fetch

import (
	"fmt"
	"testing"
)

// dead is a plan of two sources that both failed, the second for a reason of
// its own.
func dead(detail string) []candidate {
	return []candidate{
		{source: Source{kind: kindS3}, url: "https://s3/" + detail, failed: &Attempt{Source: "s3", Reason: NotFound, Status: 404, Attempts: 1, Seconds: 0.5}},
		{source: Source{kind: kindFlickr}, url: "https://flickr/" + detail, failed: &Attempt{Source: "flickr", Reason: Gone, Status: 410, Attempts: 2, Seconds: 1.5, Detail: detail}},
	}
}

func TestDeadListForgetsTheOldest(t *testing.T) {
	d := newDeadList(3)
	for _, k := range []string{"a", "b", "c", "c", "d", "e", "f"} {
		plan := dead(k)
		d.put(k, newFailure(plan))
		for _, c := range plan {
			c.failed = nil
		}
		f := d.get(k, plan)
		if f == nil || f.Reason != Gone || f.Status != 410 || f.Attempts != 3 || f.Seconds != 2 || f.Source != "flickr" || f.URL != "https://flickr/"+k || f.Detail != k || len(f.Trail) != 2 || f.Trail[0].Reason != NotFound {
			t.Errorf("%s: %+v", k, f)
		}
	}
	for k, want := range map[string]bool{"a": false, "d": true, "e": true, "f": true, "g": false} {
		if f := d.get(k, dead(k)); (f != nil) != want {
			t.Errorf("%s: %v", k, f)
		}
	}
	if n := len(d.young) + len(d.old); n > 6 {
		t.Errorf("%d remembered, want 6 at most", n)
	}
	if f := d.get("f", dead("f")[:1]); f != nil {
		t.Errorf("another plan has failed with it: %v", f)
	}
}

// TestDeadListSharesVerdicts: a million photos that are not there take no
// million verdicts.
func TestDeadListSharesVerdicts(t *testing.T) {
	d := newDeadList(1 << 20)
	for i := range maxVerdicts + 100 {
		d.put(fmt.Sprint(i), newFailure(dead("404 Not Found")))
	}
	if n := len(d.verdicts); n != 1 {
		t.Errorf("%d verdicts, want 1", n)
	}
	for i := range maxVerdicts + 100 {
		d.put(fmt.Sprint(i), newFailure(dead(fmt.Sprint("unlike all others: ", i))))
	}
	if n := len(d.verdicts); n > maxVerdicts+1 {
		t.Errorf("%d verdicts, want %d at most", n, maxVerdicts)
	}
	if f := d.get(fmt.Sprint(maxVerdicts+99), dead("")); f == nil || f.Reason != Gone || f.Detail != "" {
		t.Errorf("got %+v", f)
	}
}
