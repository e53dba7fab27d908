package dataset

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/opensandwich/oi/record"
)

// An origin is what is known of an entry until it has a set.
type origin struct {
	id   string // "" where it came with a set
	rule int32  // of the collection's
	held uint8  // the set that its subset is used for, see heldOut
}

// A rule is how the stages before gave items their set.
type rule struct {
	kind  ruleKind
	split Split // of byHashRule
}

type ruleKind uint8

const (
	unstated     ruleKind = iota // no stage says
	bySubsetRule                 // every item keeps the subset of Open Images
	byHashRule                   // a split divides them
)

// ruleOf returns the rule that the oi-boxes of a trail had. Where there are
// several that differ, none is known to be that of an item.
func ruleOf(trail []record.Stage) (rule, error) {
	var rules []rule
	for _, stage := range Query(trail) {
		switch stage.Args["split"] {
		case "official":
			rules = append(rules, rule{kind: bySubsetRule})
		case "hash":
			split, err := splitOf(stage.Args)
			if err != nil {
				return rule{}, fmt.Errorf("the trail's oi-boxes: %w", err)
			}
			rules = append(rules, rule{byHashRule, split})
		default:
			rules = append(rules, rule{})
		}
	}
	if len(rules) == 0 || slices.ContainsFunc(rules, func(r rule) bool { return r != rules[0] }) {
		return rule{}, nil
	}
	return rules[0], nil
}

// splitOf reads a split from the arguments of oi-boxes.
func splitOf(args map[string]string) (Split, error) {
	s := DefaultSplit()
	var err error
	for name, share := range map[string]*float64{"val": &s.Val, "test": &s.Test} {
		if text, ok := args[name]; ok {
			if *share, err = strconv.ParseFloat(text, 64); err != nil {
				return s, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	if text, ok := args["set-seed"]; ok {
		if s.Seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			return s, fmt.Errorf("set-seed: %w", err)
		}
	}
	return s, s.Check()
}

// A Division says how items that carried no set got one.
type Division struct {
	ByPhoto  int     // that of another item of their photo
	BySubset int     // that of their subset
	ByAuthor int     // by a hash of the author
	ByID     int     // by a hash of the photo, whose author is not known
	Splits   []Split // of these hashes
	// Ignored says that a split was asked for and divided nothing.
	Ignored bool
}

// Divide gives a set to the items that came without one.
//
// An item of a photo of which another item carries a set gets that set. Others
// are divided as the oi-boxes of their segment's trail divided them: by subset,
// or by a hash of the author with the shares and the seed given there. Where no
// trail says, items keep their subsets if any of them is of Open Images' own
// validation or test subset, and split divides them if not. A split other than
// the default is what the user asked for and goes before that of a trail.
//
// What a hash divides are authors and photos in the widest sense: all photos of
// an author and all authors of a photo are in one set, transitively.
func (c *Collection) Divide(split Split) Division {
	var d Division
	c.settleRules(split)
	photos := map[Photo]string{} // their sets
	for _, e := range c.Entries {
		c.prefer(photos, e)
	}
	follow := func(e *Entry) bool {
		e.Set = photos[c.Photos.Find(e.Photo)]
		if e.Set != "" {
			d.ByPhoto++
		}
		return e.Set != ""
	}
	var bySubset, byHash []int
	for i, o := range c.origins {
		switch e := &c.Entries[i]; {
		case e.Set != "" || follow(e):
		case c.rules[o.rule].kind == bySubsetRule:
			e.Set = [...]string{notHeldOut: Train, heldOutVal: Val, heldOutTest: Test}[o.held]
			bySubset = append(bySubset, i)
		default:
			byHash = append(byHash, i)
		}
	}
	d.BySubset = len(bySubset)
	for _, i := range bySubset {
		c.prefer(photos, c.Entries[i])
	}
	byHash = slices.DeleteFunc(byHash, func(i int) bool { return follow(&c.Entries[i]) })
	c.divideByHash(byHash, &d)
	d.Ignored = split != DefaultSplit() && d.BySubset > 0 && len(byHash) == 0
	for _, e := range c.Entries {
		if e.Set != Train {
			c.Photos.Mark(e.Photo, HeldOut)
		}
	}
	c.origins = nil
	return d
}

const (
	notHeldOut uint8 = iota
	heldOutVal
	heldOutTest
)

// heldOut tells the set that an official subset other than train is used for.
func heldOut(subset string) uint8 {
	switch subset {
	case "validation", "val": // as others call it
		return heldOutVal
	case "test":
		return heldOutTest
	}
	return notHeldOut
}

// settleRules gives every item without a set the rule by which it is divided.
func (c *Collection) settleRules(split Split) {
	guess := rule{byHashRule, split}
	for i, o := range c.origins {
		if c.Entries[i].Set == "" && c.rules[o.rule].kind == unstated && o.held != notHeldOut {
			guess = rule{kind: bySubsetRule}
			break
		}
	}
	for i := range c.rules {
		switch r := &c.rules[i]; {
		case r.kind == unstated:
			*r = guess
		case r.kind == byHashRule && split != DefaultSplit():
			r.split.Val, r.split.Test = split.Val, split.Test
		}
	}
}

// prefer notes the set of an entry's photo. What is held out is not to be
// trained on.
func (c *Collection) prefer(photos map[Photo]string, e Entry) {
	photo := c.Photos.Find(e.Photo)
	if set, ok := photos[photo]; e.Set != "" && (!ok || rank(e.Set) < rank(set)) {
		photos[photo] = e.Set
	}
}

// rank is the order in which sets are preferred where a photo has several.
func rank(set string) int {
	switch set {
	case Test:
		return 0
	case Val:
		return 1
	case Train:
		return 2
	}
	return 3
}

// divideByHash divides the entries at the given positions.
func (c *Collection) divideByHash(positions []int, d *Division) {
	group := c.Groups()
	names := map[int32]string{}
	least := func(g int32, name string) {
		if other, ok := names[g]; !ok || name < other {
			names[g] = name
		}
	}
	// Of several names that of an author is the least, see Group.
	for _, by := range c.by {
		least(group(Entry{Photo: by.photo}), c.authors[by.author])
	}
	for _, i := range positions {
		least(group(c.Entries[i]), Group("", "", cmp.Or(c.origins[i].id, c.Entries[i].Key)))
	}
	// A group that came in two segments of different splits goes by one of
	// them.
	slices.SortStableFunc(positions, func(i, j int) int { return compareSplits(c.splitOf(i), c.splitOf(j)) })
	sets := map[int32]string{}
	for _, i := range positions {
		e, split := &c.Entries[i], c.splitOf(i)
		g := group(*e)
		set, ok := sets[g]
		if !ok {
			set = split.Of(names[g])
			sets[g] = set
		}
		e.Set = set
		if strings.HasPrefix(names[g], Group("", "", "")) {
			d.ByID++
		} else {
			d.ByAuthor++
		}
		if !slices.Contains(d.Splits, split) {
			d.Splits = append(d.Splits, split)
		}
	}
}

// splitOf is by which the entry at a position is divided.
func (c *Collection) splitOf(i int) Split { return c.rules[c.origins[i].rule].split }

func compareSplits(a, b Split) int {
	return cmp.Or(cmp.Compare(a.Seed, b.Seed), cmp.Compare(a.Test, b.Test), cmp.Compare(a.Val, b.Val))
}

// Groups returns a function that gives for each entry the group of items that
// must not be divided between sets: those of one photo or one author,
// transitively. It is valid until the next Add.
func (c *Collection) Groups() func(Entry) int32 {
	sets := slices.Clone(c.Photos.sets)
	photos := map[int32]Photo{} // one of each author
	for _, by := range c.by {
		if _, ok := photos[by.author]; !ok {
			photos[by.author] = by.photo
		}
		sets.unite(int32(by.photo), int32(photos[by.author]))
	}
	return func(e Entry) int32 { return sets.find(int32(e.Photo)) }
}

// SharedAuthors returns a function that reports whether one of the given
// entries is of an author of an entry's photo. An author is known for a photo
// if any of its items names him.
func (c *Collection) SharedAuthors(entries []Entry) func(Entry) bool {
	of := make([]authorship, len(c.by)) // of what represents a photo
	for i, by := range c.by {
		of[i] = authorship{c.Photos.Find(by.photo), by.author}
	}
	byPhoto := func(a authorship, photo Photo) int { return cmp.Compare(a.photo, photo) }
	slices.SortFunc(of, func(a, b authorship) int { return byPhoto(a, b.photo) })
	authors := func(e Entry) iter.Seq[int32] {
		photo := c.Photos.Find(e.Photo)
		at, _ := slices.BinarySearchFunc(of, photo, byPhoto)
		return func(yield func(int32) bool) {
			for _, a := range of[at:] {
				if a.photo != photo || !yield(a.author) {
					return
				}
			}
		}
	}
	theirs := map[int32]bool{}
	for _, e := range entries {
		for author := range authors(e) {
			theirs[author] = true
		}
	}
	return func(e Entry) bool {
		for author := range authors(e) {
			if theirs[author] {
				return true
			}
		}
		return false
	}
}

// Lines says in words what was done, in a line for each way.
func (d Division) Lines() []string {
	var lines []string
	say := func(n int, format string, args ...any) {
		if n > 0 {
			lines = append(lines, fmt.Sprintf("%d items carried no set and ", n)+fmt.Sprintf(format, args...))
		}
	}
	say(d.ByPhoto, "got that of another item of their photo")
	say(d.BySubset, "keep the subset of Open Images they are of: photos of one author may be in several sets (oi-boxes --split hash divides by author)")
	var shares []string
	for _, s := range d.Splits {
		shares = append(shares, fmt.Sprintf("val %g, test %g", s.Val, s.Test))
	}
	how := "by author"
	switch {
	case d.ByAuthor == 0:
		how = "by photo, as no author is known"
	case d.ByID > 0:
		how = fmt.Sprintf("by author, %d of them by photo, as their author is not known", d.ByID)
	}
	say(d.ByAuthor+d.ByID, "were divided %s: %s", how, strings.Join(slices.Compact(shares), " and "))
	if d.Ignored {
		lines = append(lines, "--val and --test changed nothing: every item keeps its subset")
	}
	return lines
}

// Remarks says in words what is odd about the sets that a model is judged by:
// one of a single class, and two that show the same photos. Call it after
// Divide.
func (c *Collection) Remarks() []string {
	var remarks []string
	counts := c.Counts()
	photos := map[string]map[Photo]bool{Val: {}, Test: {}}
	for _, e := range c.Entries {
		if set := photos[e.Set]; set != nil {
			set[c.Photos.Find(e.Photo)] = true
		}
	}
	for _, set := range []string{Val, Test} {
		if remark := counts.OneClass(set); remark != "" {
			remarks = append(remarks, remark)
		}
	}
	shared := 0
	for photo := range photos[Test] {
		if photos[Val][photo] {
			shared++
		}
	}
	switch n := len(photos[Test]); {
	case shared == 0:
	case shared == n && n == len(photos[Val]):
		remarks = append(remarks, fmt.Sprintf("the sets val and test show the same photos, all %d of them: the figures of test are as good as those by which the best epoch is chosen", n))
	default:
		remarks = append(remarks, fmt.Sprintf("%d of the %d photos of the set test are in the set val too, by which the best epoch is chosen", shared, n))
	}
	return remarks
}
