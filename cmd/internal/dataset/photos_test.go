package dataset

import (
	"math/rand/v2"
	"testing"
)

// pic returns a picture for a letter, that of "-" being unknown.
func pic(letter string) (p Picture) {
	if letter != "-" {
		p[0], p[31] = letter[0], 1
	}
	return p
}

// photo is an item's id and picture, each a letter, "-" if unknown.
type photo struct{ id, picture string }

func (p photo) add(to *Photos) Photo {
	id := p.id
	if id == "-" {
		id = ""
	}
	return to.Add(id, pic(p.picture))
}

// The same id or the same bytes is one photo, transitively, in any order.
func TestPhotos(t *testing.T) {
	for _, tc := range []struct {
		photos []photo
		want   []int // the group of each
	}{
		{[]photo{{"a", "x"}, {"b", "y"}}, []int{0, 1}},
		{[]photo{{"a", "x"}, {"a", "y"}}, []int{0, 0}},
		{[]photo{{"a", "x"}, {"b", "x"}}, []int{0, 0}},
		{[]photo{{"a", "x"}, {"a", "y"}, {"b", "y"}}, []int{0, 0, 0}},
		{[]photo{{"a", "x"}, {"b", "y"}, {"c", "z"}, {"b", "x"}}, []int{0, 0, 2, 0}},
		{[]photo{{"a", "-"}, {"a", "x"}, {"-", "x"}}, []int{0, 0, 0}},
		{[]photo{{"a", "-"}, {"b", "-"}, {"-", "-"}, {"-", "-"}}, []int{0, 1, 2, 3}},
		{[]photo{{"x", "a"}, {"a", "x"}}, []int{0, 1}}, // an id is no file
		{[]photo{{"a", "x"}, {"b", "y"}, {"c", "z"}, {"a", "w"}, {"c", "w"}, {"d", "y"}}, []int{0, 1, 0, 0, 0, 1}},
	} {
		rng := rand.New(rand.NewPCG(1, 2))
		for range 20 {
			var p Photos
			got := make([]Photo, len(tc.photos))
			for _, i := range rng.Perm(len(got)) {
				got[i] = tc.photos[i].add(&p)
			}
			for i := range got {
				for k := range got {
					if same := p.Find(got[i]) == p.Find(got[k]); same != (tc.want[i] == tc.want[k]) {
						t.Fatalf("%v: %d and %d are the same: %v", tc.photos, i, k, same)
					}
				}
			}
		}
	}
}

// Marks hold for a photo whatever is found out about it later.
func TestMarks(t *testing.T) {
	var p Photos
	a, b, c := photo{"a", "x"}.add(&p), photo{"b", "y"}.add(&p), photo{"c", "z"}.add(&p)
	p.Mark(a, HeldOut)
	p.Mark(b, Trained)
	if p.Has(a, Trained) || p.Has(b, HeldOut) || p.Has(c, HeldOut) {
		t.Error("a mark is everywhere")
	}
	d := photo{"b", "x"}.add(&p)
	for _, photo := range []Photo{a, b, d} {
		if !p.Has(photo, HeldOut|Trained) {
			t.Errorf("photo %d lost a mark", photo)
		}
	}
	if p.Has(c, HeldOut) || p.Has(c, Trained) {
		t.Error("another photo got a mark")
	}
}

// A model remembers every id and all bytes of the photos it was trained on, and
// an older one its bytes alone.
func TestKnown(t *testing.T) {
	var p Photos
	trained := photo{"a", "x"}.add(&p)
	photo{"a", "y"}.add(&p) // left out, for example as a window of background
	photo{"b", "y"}.add(&p)
	photo{"c", "z"}.add(&p)
	p.Mark(trained, Trained)
	known := p.Known(Trained)
	read, err := DecodeKnown(known.IDs(), known.Pictures())
	if err != nil {
		t.Fatal(err)
	}
	if ids, pictures := read.Len(); ids != 2 || pictures != 2 {
		t.Errorf("%d ids and %d pictures, want 2 of each", ids, pictures)
	}
	older, err := DecodeKnown("", known.Pictures())
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		id, picture string
		want, older bool
	}{
		{"a", "-", true, false},
		{"b", "-", true, false},
		{"-", "x", true, true},
		{"d", "y", true, true},
		{"c", "z", false, false},
		{"d", "-", false, false},
		{"-", "-", false, false},
	} {
		id := tc.id
		if id == "-" {
			id = ""
		}
		if got := read.Has(id, pic(tc.picture)); got != tc.want {
			t.Errorf("Has(%s, %s) = %v", tc.id, tc.picture, got)
		}
		if got := older.Has(id, pic(tc.picture)); got != tc.older {
			t.Errorf("an older model: Has(%s, %s) = %v", tc.id, tc.picture, got)
		}
	}
	if (Known{}).Has("a", pic("x")) {
		t.Error("one that knows nothing knows a photo")
	}
	var q Photos
	q.Mark(photo{"c", "z"}.add(&q), Trained)
	q.Mark(photo{"a", "-"}.add(&q), Trained)
	both := known.With(q.Known(Trained))
	if ids, pictures := both.Len(); ids != 3 || pictures != 3 {
		t.Errorf("both: %d ids and %d pictures, want 3 of each", ids, pictures)
	}
	for _, id := range []string{"a", "b", "c"} {
		if !both.Has(id, Picture{}) {
			t.Errorf("both do not know %s", id)
		}
	}
	if !both.Has("", pic("x")) || !both.Has("", pic("z")) || both.Has("d", Picture{}) {
		t.Error("both know other pictures")
	}
	if got := known.With(Known{}); got.IDs() != known.IDs() || got.Pictures() != known.Pictures() {
		t.Error("with one that knows nothing it is another")
	}
	for _, bad := range []string{"!", "AAAA"} {
		if _, err := DecodeKnown(bad, ""); err == nil {
			t.Errorf("ids %q were read", bad)
		}
		if _, err := DecodeKnown("", bad); err == nil {
			t.Errorf("pictures %q were read", bad)
		}
	}
}

// What models of older versions have as trained_on is read, and written in the
// same way: the first 8 bytes of each hash, sorted.
func TestKnownOnDisk(t *testing.T) {
	var p Photos
	for _, text := range []string{"b", "a"} {
		p.Mark(photo{text, text}.add(&p), Trained)
	}
	const (
		// SHA-256 of "a" is ca978112ca1bbdca..., of "b"
		// 3e23e8160039594a...
		ids      = "PiPoFgA5WUrKl4ESyhu9yg=="
		pictures = "YQAAAAAAAABiAAAAAAAAAA=="
	)
	if known := p.Known(Trained); known.IDs() != ids || known.Pictures() != pictures {
		t.Errorf("ids %s, pictures %s", known.IDs(), known.Pictures())
	}
}
