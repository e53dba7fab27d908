package dataset

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

func TestGroup(t *testing.T) {
	for _, tc := range []struct{ url, author, id, want string }{
		{"https://flickr.com/people/a", "A", "1", "author-url:https://flickr.com/people/a"},
		{"", "A", "1", "author:A"},
		{"", "", "1", "id:1"},
	} {
		if got := Group(tc.url, tc.author, tc.id); got != tc.want {
			t.Errorf("Group(%q, %q, %q) = %q, want %q", tc.url, tc.author, tc.id, got, tc.want)
		}
	}
	if Group("", "1", "x") == Group("", "", "1") {
		t.Error("an author and a photo of the same name share a group")
	}
}

// The assignment is part of what makes a run repeatable, so it is pinned.
func TestSplitPinned(t *testing.T) {
	s := Split{Val: 0.15, Test: 0.15, Seed: 1}
	var got []string
	for i := range 12 {
		got = append(got, s.Of(fmt.Sprintf("id:%d", i))[:2])
	}
	// Computed independently, with Python's hashlib.
	const want = "tr te tr tr te tr tr te va te tr tr"
	if s := strings.Join(got, " "); s != want {
		t.Errorf("sets of id:0 to id:11 = %q, want %q", s, want)
	}
}

func TestSplitShares(t *testing.T) {
	s := Split{Val: 0.2, Test: 0.1, Seed: 7}
	n := map[string]int{}
	const total = 20000
	for i := range total {
		n[s.Of(fmt.Sprintf("group %d", i))]++
	}
	for set, share := range map[string]float64{Train: 0.7, Val: 0.2, Test: 0.1} {
		// Five standard deviations of a binomial count.
		slack := 5 * math.Sqrt(total*share*(1-share))
		if d := math.Abs(float64(n[set]) - total*share); d > slack {
			t.Errorf("%s has %d of %d groups, want about %g", set, n[set], total, total*share)
		}
	}
	other := 0
	for i := range 100 {
		g := fmt.Sprint(i)
		if s.Of(g) != (Split{Val: 0.2, Test: 0.1, Seed: 8}).Of(g) {
			other++
		}
	}
	if other == 0 {
		t.Error("the seed makes no difference")
	}
}

func TestSplitCheck(t *testing.T) {
	for _, tc := range []struct {
		s  Split
		ok bool
	}{
		{Split{Val: 0.15, Test: 0.15}, true},
		{Split{}, true},
		{Split{Val: 0.5, Test: 0.5}, false},
		{Split{Val: -0.1}, false},
		{Split{Test: 1}, false},
		{Split{Val: math.NaN()}, false},
	} {
		if err := tc.s.Check(); (err == nil) != tc.ok {
			t.Errorf("%+v.Check() = %v, want ok %v", tc.s, err, tc.ok)
		}
	}
}
