package dataset

import (
	"slices"
	"testing"

	"github.com/opensandwich/oi/record"
)

func TestHash(t *testing.T) {
	trail := []record.Stage{{Tool: "oi-boxes", Args: map[string]string{"classes": "a", "limit": "3"}}, {Tool: "oi-crop"}}
	entries := collect(t, picture(1, "a", Train), picture(2, "b", Val), picture(3, "b", Test)).Entries
	base := Hash(entries, trail)
	if len(base) != 64 {
		t.Fatalf("hash %q", base)
	}
	turned := slices.Clone(entries)
	slices.Reverse(turned)
	if Hash(turned, trail) != base {
		t.Error("the order of the items makes a difference")
	}
	if Hash(entries, append(slices.Clone(trail), record.Stage{Tool: "oi-augment"})) != base {
		t.Error("a stage that chooses nothing makes a difference")
	}
	changes := map[string]func([]Entry) []Entry{
		"key":     func(e []Entry) []Entry { e[0].Key = "x"; return e },
		"label":   func(e []Entry) []Entry { e[0].Label = "x"; return e },
		"set":     func(e []Entry) []Entry { e[0].Set = Val; return e },
		"picture": func(e []Entry) []Entry { e[0].Picture[31]++; return e },
		"number":  func(e []Entry) []Entry { return e[1:] },
	}
	for name, change := range changes {
		if Hash(change(slices.Clone(entries)), trail) == base {
			t.Errorf("%s makes no difference", name)
		}
	}
	if Hash(entries, nil) == base {
		t.Error("the query makes no difference")
	}
}
