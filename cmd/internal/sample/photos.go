package sample

import (
	"fmt"
	"slices"
	"strings"
)

// subset is one of the official three.
type subset struct {
	name   string
	photos int
}

var subsets = [...]subset{{"train", 1150}, {"validation", 150}, {"test", 150}}

// photo is what is known of a picture before it is drawn.
type photo struct {
	id, subset string
	seed       uint64 // of the scene
	habit      uint64 // of the photographer
	rotated    int    // degrees clockwise, of the stored picture; the official Rotation
	rotation   string // the same as a CSV field; empty where nobody noted it
	author     person
	number     int // in its subset
}

// person is an invented photographer; the zero person is unknown.
type person struct{ name, url string }

// twins are pairs of photos that are the same picture under two ids, by subset
// and number. The second is a copy of the first.
var twins = [...][2]struct {
	subset string
	number int
}{
	{{"train", 17}, {"train", 603}},
	{{"test", 40}, {"train", 101}},
}

// newIndex lists all photos by subset, in order of number.
func newIndex() map[string][]photo {
	index := make(map[string][]photo, len(subsets))
	people := newAuthors()
	for _, s := range subsets {
		list := make([]photo, s.photos)
		for i := range list {
			list[i] = newPhoto(s.name, i, people)
		}
		index[s.name] = list
	}
	for _, t := range twins {
		from, to := &index[t[0].subset][t[0].number], &index[t[1].subset][t[1].number]
		to.seed, to.habit, to.rotated, to.rotation = from.seed, from.habit, from.rotated, from.rotation
		if to.author == from.author {
			to.author = people[(slices.Index(people, from.author)+1)%len(people)]
		}
	}
	return index
}

func newPhoto(subset string, number int, people []person) photo {
	h := hash(fmt.Sprintf("%s %d", subset, number))
	r := newRandom(h)
	p := photo{id: fmt.Sprintf("%016x", h), subset: subset, number: number, rotation: "0.0"}
	p.seed = hash("scene " + p.id)
	who := pickAuthor(r, subset, len(people))
	p.author, p.habit = people[who], hash(people[who].name)
	if r.chance(0.015) {
		p.author = person{}
	}
	switch u := r.float(); {
	case u < 0.03:
		p.rotated = 90
	case u < 0.06:
		p.rotated = 270
	case u < 0.075:
		p.rotated = 180
	case u < 0.13:
		p.rotation = ""
	}
	if p.rotated != 0 {
		p.rotation = fmt.Sprintf("%d.0", p.rotated)
	}
	return p
}

// pickAuthor picks who took a photo: some people take many. A third of the
// held-out photos are by people who also took photos in train.
func pickAuthor(r *random, subset string, people int) int {
	own := people * 4 / 5
	u := r.float()
	if subset != "train" && r.chance(0.7) {
		return own + int(mul(u, float64(people-own)))
	}
	return int(mul(mul(u, lerp(0.4, 1, u)), float64(own)))
}

// newAuthors makes up 250 photographers.
func newAuthors() []person {
	first := strings.Fields("Basil Olive Rye Ginger Saffron Juniper Clove Maple Sorrel Anise Fennel Rosemary Hazel Pepper Poppy Sage Dill Bay Laurel Tansy Quince Peach Plum Barley Caraway")
	last := strings.Fields("Crumb Butterworth Toastwell Bunting Crustley Mayo Picklefield Grillman Brioche Ketchum")
	people := make([]person, 0, len(first)*len(last))
	for _, l := range last {
		for _, f := range first {
			people = append(people, person{f + " " + l, "https://example.org/people/" + strings.ToLower(f+"-"+l) + "/"})
		}
	}
	r := newRandom(hash("people"))
	r.shuffle(len(people), func(i, j int) { people[i], people[j] = people[j], people[i] })
	return people
}
