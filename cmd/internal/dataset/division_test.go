package dataset

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/record"
)

// A part is a segment: the arguments of its oi-boxes, nil if its trail has
// none, and its items.
type part struct {
	args  map[string]string
	items []*record.Item
}

func collectParts(t *testing.T, parts ...part) *Collection {
	t.Helper()
	c := NewCollection(NewSpool(1<<20, ""), RepeatPolicy{})
	for i, p := range parts {
		h := &record.Header{}
		if p.args != nil {
			h.Stages = []record.Stage{{Tool: "oi-boxes", Args: p.args}, {Tool: "oi-crop"}}
		}
		if err := c.Begin(h, fmt.Sprint("file ", i+1), i+1); err != nil {
			t.Fatal(err)
		}
		for _, item := range p.items {
			if err := c.Add(item); err != nil {
				t.Fatal(err)
			}
		}
	}
	return c
}

// some returns n items of a subset from number first on, three of an author.
func some(first, n int, subset string) []*record.Item {
	var items []*record.Item
	for i := first; i < first+n; i++ {
		item := picture(i, "a", "")
		item.Subset = subset
		item.Image = &record.Image{AuthorURL: fmt.Sprint("author ", i/3)}
		items = append(items, item)
	}
	return items
}

func authorOf(i int) string { return Group(fmt.Sprint("author ", i/3), "", "") }

func TestDivide(t *testing.T) {
	given := Split{Val: 0.3, Test: 0.3, Seed: 1}
	hash := map[string]string{"split": "hash", "val": "0.2", "test": "0.4", "set-seed": "7"}
	trail := Split{Val: 0.2, Test: 0.4, Seed: 7}
	official := map[string]string{"split": "official", "subset": "train,validation"}
	bySubset := func(subset string) func(int) string {
		return func(int) string { return map[string]string{"train": Train, "validation": Val, "test": Test}[subset] }
	}
	byHash := func(s Split) func(int) string { return func(i int) string { return s.Of(authorOf(i)) } }
	for name, tc := range map[string]struct {
		split Split
		parts []part
		want  []func(int) string // by the number of the item, for each part
		lines []string
	}{
		"nobody says": {DefaultSplit(), []part{{nil, some(0, 60, "train")}}, []func(int) string{byHash(DefaultSplit())},
			[]string{"60 items carried no set and were divided by author: val 0.15, test 0.15"}},
		"the user says": {given, []part{{nil, some(0, 60, "train")}}, []func(int) string{byHash(given)},
			[]string{"60 items carried no set and were divided by author: val 0.3, test 0.3"}},
		"subsets say": {DefaultSplit(), []part{{nil, some(0, 60, "train")}, {nil, some(60, 9, "validation")}},
			[]func(int) string{bySubset("train"), bySubset("validation")},
			[]string{"69 items carried no set and keep the subset of Open Images they are of: photos of one author may be in several sets (oi-boxes --split hash divides by author)"}},
		"subsets say, as others call them": {DefaultSplit(), []part{{nil, some(0, 60, "train")}, {nil, some(60, 9, "val")}},
			[]func(int) string{bySubset("train"), bySubset("validation")},
			[]string{"69 items carried no set and keep the subset of Open Images they are of: photos of one author may be in several sets (oi-boxes --split hash divides by author)"}},
		"subsets say, not the user": {given, []part{{nil, some(0, 6, "test")}}, []func(int) string{bySubset("test")},
			[]string{"6 items carried no set and keep", "--val and --test changed nothing"}},
		"the trail says hash": {DefaultSplit(), []part{{hash, slices.Concat(some(0, 60, "train"), some(60, 60, "validation"))}},
			[]func(int) string{byHash(trail)},
			[]string{"120 items carried no set and were divided by author: val 0.2, test 0.4"}},
		"the user says more than the trail": {given, []part{{hash, some(0, 60, "train")}},
			[]func(int) string{byHash(Split{Val: 0.3, Test: 0.3, Seed: 7})},
			[]string{"60 items carried no set and were divided by author: val 0.3, test 0.3"}},
		"the trail says official, and only train is left": {DefaultSplit(), []part{{official, some(0, 60, "train")}},
			[]func(int) string{bySubset("train")}, []string{"60 items carried no set and keep"}},
		"each segment its own": {DefaultSplit(), []part{{official, some(0, 30, "validation")}, {hash, some(30, 30, "validation")}, {nil, some(60, 30, "train")}},
			[]func(int) string{bySubset("validation"), byHash(trail), byHash(DefaultSplit())},
			[]string{"30 items carried no set and keep", "60 items carried no set and were divided by author: val 0.15, test 0.15 and val 0.2, test 0.4"}},
		"an older trail": {DefaultSplit(), []part{{map[string]string{"classes": "a"}, some(0, 30, "train")}}, []func(int) string{byHash(DefaultSplit())},
			[]string{"30 items carried no set and were divided by author"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := collectParts(t, tc.parts...)
			lines := c.Divide(tc.split).Lines()
			if len(lines) != len(tc.lines) {
				t.Fatalf("%q, want %q", lines, tc.lines)
			}
			for i, want := range tc.lines {
				if !strings.HasPrefix(lines[i], want) {
					t.Errorf("%q, want %q", lines[i], want)
				}
			}
			number := 0
			for i, p := range tc.parts {
				for range p.items {
					if got, want := c.Entries().At(number).Set, tc.want[i](number); got != want {
						t.Errorf("part %d: %s is in %s, want %s", i, c.Entries().At(number).Key, got, want)
					}
					number++
				}
			}
		})
	}
}

func TestDivideRefuses(t *testing.T) {
	for _, args := range []map[string]string{
		{"split": "hash", "val": "much"}, {"split": "hash", "test": "1"}, {"split": "hash", "val": "NaN"}, {"split": "hash", "set-seed": "-1"},
	} {
		c := NewCollection(NewSpool(0, ""), RepeatPolicy{})
		if err := c.Begin(&record.Header{Stages: []record.Stage{{Tool: "oi-boxes", Args: args}}}, "x", 1); err == nil || !strings.Contains(err.Error(), "oi-boxes") {
			t.Errorf("%v: %v", args, err)
		}
	}
}

// An item that lost its set gets that of its photo, by id or by bytes.
func TestDivideFollowsThePhoto(t *testing.T) {
	var items []*record.Item
	for i := range 20 {
		carries := picture(i, "a", []string{Train, Val, Test}[i%3])
		byID, byBytes := picture(i, "a", ""), picture(100+i, "a", "")
		byID.Key, byID.Fetched = fmt.Sprintf("%04d-1", i), nil
		byBytes.Fetched = carries.Fetched
		byBytes.Subset = "validation" // which it does not go by
		items = append(items, byID, carries, byBytes)
	}
	c := collect(t, items...)
	if lines := c.Divide(DefaultSplit()).Lines(); len(lines) != 1 || lines[0] != "40 items carried no set and got that of another item of their photo" {
		t.Errorf("%q", lines)
	}
	for i, e := range c.Entries().All() {
		if want := []string{Train, Val, Test}[i/3%3]; e.Set != want {
			t.Errorf("%s is in %s, want %s", e.Key, e.Set, want)
		}
	}
}

// What is held out is not trained on: where items of a photo carry several
// sets, or others go by their subset, an item without a set goes with them.
func TestDivideFollowsWhatIsHeldOut(t *testing.T) {
	box := func(n int, name, set string) *record.Item {
		item := picture(n, "a", set)
		item.Key = fmt.Sprintf("%04d-%s", n, name)
		return item
	}
	for i := range 20 {
		kept := []*record.Item{box(i, "1", Train), box(i, "2", Test), box(i, "3", Val)}
		for range kept {
			kept = append(kept[1:], kept[0])
			c := collect(t, append(slices.Clone(kept), box(i, "4", ""))...)
			if c.Divide(DefaultSplit()); c.Entries().At(3).Set != Test {
				t.Errorf("photo %d is in %s, want test", i, c.Entries().At(3).Set)
			}
		}
		official := box(i, "1", "")
		official.Subset = "validation"
		hashed := part{map[string]string{"split": "hash"}, []*record.Item{box(i, "2", "")}}
		c := collectParts(t, hashed, part{map[string]string{"split": "official"}, []*record.Item{official}})
		if d := c.Divide(DefaultSplit()); c.Entries().At(0).Set != Val || d.ByPhoto != 1 || d.BySubset != 1 {
			t.Errorf("photo %d is in %s, want val: %+v", i, c.Entries().At(0).Set, d)
		}
	}
}

// Of a photo whose author is known for one box only, all boxes go by him.
func TestDivideByTheAuthorOfAnyBox(t *testing.T) {
	var items []*record.Item
	for i := range 60 {
		knows, does := picture(i, "a", ""), picture(i, "a", "")
		knows.Key, knows.Image = fmt.Sprintf("%04d-1", i), &record.Image{AuthorURL: fmt.Sprint("author ", i/3)}
		items = append(items, does, knows)
	}
	c := collect(t, append(items, picture(60, "a", ""))...)
	if got, want := c.Divide(DefaultSplit()).Lines(), "121 items carried no set and were divided by author, 1 of them by photo, as their author is not known: val 0.15, test 0.15"; len(got) != 1 || got[0] != want {
		t.Errorf("%q, want %q", got, want)
	}
	for i, e := range c.Entries().Part(0, 120).All() {
		if want := DefaultSplit().Of(authorOf(i / 2)); e.Set != want {
			t.Errorf("%s is in %s, want %s", e.Key, e.Set, want)
		}
	}
	if want := DefaultSplit().Of("id:0060"); c.Entries().At(120).Set != want {
		t.Errorf("a photo without author is in %s, want %s", c.Entries().At(120).Set, want)
	}
	named := picture(1, "a", "")
	named.Key = "of-a-user"
	if c := collect(t, named); c.Divide(DefaultSplit()).ByID != 1 || c.Entries().At(0).Set != DefaultSplit().Of("id:0001") {
		t.Errorf("a photo whose id is no part of its key is in %s", c.Entries().At(0).Set)
	}
	if got := collect(t, picture(1, "a", "")).Divide(DefaultSplit()).Lines()[0]; got != "1 items carried no set and were divided by photo, as no author is known: val 0.15, test 0.15" {
		t.Errorf("%q", got)
	}
}

// Also if that item is dropped for another one of its key.
func TestDivideByTheAuthorOfARepeat(t *testing.T) {
	for i := range 20 {
		silent, named := picture(i, "a", ""), picture(i, "a", "")
		named.Image = &record.Image{Author: "somebody"}
		for _, items := range [][]*record.Item{{silent, named}, {named, silent}} {
			c := NewCollection(NewSpool(1<<20, ""), RepeatPolicy{Drop: true})
			for _, item := range items {
				if err := c.Add(item); err != nil {
					t.Fatal(err)
				}
			}
			c.Divide(DefaultSplit())
			if want := DefaultSplit().Of("author:somebody"); c.Entries().At(0).Set != want {
				t.Errorf("%s is in %s, want %s", c.Entries().At(0).Key, c.Entries().At(0).Set, want)
			}
		}
	}
}

// Whatever is known of photos and authors, none is in two sets, and the order
// of the items makes no difference.
func TestDivideProperty(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		n := 2 + rng.IntN(40)
		items := make([]*record.Item, n)
		for i := range items {
			item := picture(rng.IntN(n), "a", "")
			item.Key = fmt.Sprintf("%04d", i)
			item.Fetched.SHA256 = picture(rng.IntN(2*n), "a", "").Fetched.SHA256
			if rng.IntN(3) == 0 {
				item.Fetched = nil
			}
			if rng.IntN(2) == 0 {
				item.Image = &record.Image{Author: fmt.Sprint(rng.IntN(n))}
				if rng.IntN(2) == 0 {
					item.Image.AuthorURL = fmt.Sprint(rng.IntN(n))
				}
			}
			items[i] = item
		}
		sets := map[string]string{}
		for round := range 3 {
			c := NewCollection(NewSpool(1<<20, ""), RepeatPolicy{})
			var entered []*record.Item
			for _, i := range rng.Perm(n) {
				if err := c.Add(items[i]); err != nil {
					t.Fatal(err)
				}
				entered = append(entered, items[i])
			}
			c.Divide(Split{Val: 0.3, Test: 0.3, Seed: seed})
			for i, e := range c.Entries().All() {
				if old, ok := sets[e.Key]; ok && old != e.Set {
					t.Fatalf("seed %d: %s is in %s and, in another order, in %s", seed, e.Key, old, e.Set)
				}
				sets[e.Key] = e.Set
				for k, o := range c.Entries().Part(0, i).All() {
					a, b := entered[i], entered[k]
					same := a.ID == b.ID || AuthorOf(a) != "" && AuthorOf(a) == AuthorOf(b) || PictureOf(a) == PictureOf(b)
					if same && e.Set != o.Set {
						t.Fatalf("seed %d, round %d: %s is in %s, %s of the same photo or author in %s", seed, round, e.Key, e.Set, o.Key, o.Set)
					}
				}
			}
		}
	}
}

func TestRemarks(t *testing.T) {
	twice := func(n int, set string) *record.Item {
		item := picture(n, "b", set)
		item.Key += "-" + set
		return item
	}
	for name, tc := range map[string]struct {
		items []*record.Item
		want  []string
	}{
		"nothing": {[]*record.Item{picture(1, "a", Train), picture(2, "a", Val), picture(3, "b", Val), picture(4, "a", Test), picture(5, "b", Test)}, nil},
		"no test": {[]*record.Item{picture(1, "a", Train), picture(2, "a", Val), picture(3, "b", Val)}, nil},
		"a test set of one class": {[]*record.Item{picture(1, "b", Train), picture(2, "a", Val), picture(3, "b", Val), picture(4, "a", Test)},
			[]string{"the set test has one class only, a: its accuracy is the recall of that class alone"}},
		"the same photos": {[]*record.Item{picture(2, "a", Val), twice(3, Val), picture(3, "a", Test), twice(2, Test)},
			[]string{"the sets val and test show the same photos, all 2 of them"}},
		"some of them": {[]*record.Item{picture(2, "a", Val), picture(4, "b", Val), picture(3, "a", Test), twice(2, Test)},
			[]string{"1 of the 2 photos of the set test are in the set val too"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := collect(t, tc.items...)
			c.Divide(DefaultSplit())
			got := c.Remarks()
			if len(got) != len(tc.want) {
				t.Fatalf("%q, want %q", got, tc.want)
			}
			for i := range got {
				if !strings.HasPrefix(got[i], tc.want[i]) {
					t.Errorf("%q, want %q", got[i], tc.want[i])
				}
			}
		})
	}
}
