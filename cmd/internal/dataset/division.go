package dataset

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/opensandwich/oi/record"
)

// A rule is how the stages before gave items their set.
type rule struct {
	kind  ruleKind
	split Split // of byHashRule
	from  int32 // the first row that it is for
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
			rules = append(rules, rule{kind: byHashRule, split: split})
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
	photos := make([]setCode, c.Photos.len()) // their sets, by what represents one
	for _, row := range c.order {
		c.prefer(photos, row)
	}
	follow := func(row int32) bool {
		set := photos[c.photo(row)].name()
		if set != "" {
			c.rows.setSet(row, set)
			d.ByPhoto++
		}
		return set != ""
	}
	var bySubset, byHash []int32
	for _, row := range c.order {
		switch {
		case c.rows.set(row) != "" || follow(row):
		case c.ruleOf(row).kind == bySubsetRule:
			held := c.rows.sets.at(int(row)).held()
			c.rows.setSet(row, [...]string{notHeldOut: Train, heldOutVal: Val, heldOutTest: Test}[held])
			bySubset = append(bySubset, row)
		default:
			byHash = append(byHash, row)
		}
	}
	d.BySubset = len(bySubset)
	for _, row := range bySubset {
		c.prefer(photos, row)
	}
	byHash = slices.DeleteFunc(byHash, follow)
	c.divideByHash(byHash, &d)
	d.Ignored = split != DefaultSplit() && d.BySubset > 0 && len(byHash) == 0
	for _, row := range c.order {
		if c.rows.set(row) != Train {
			c.Photos.Mark(*c.rows.photos.at(int(row)), HeldOut)
		}
	}
	c.repeats.Forget()
	c.rows.ids, c.rows.others = column[uint8]{}, nil
	return d
}

// photo returns the photo that represents that of a row.
func (c *Collection) photo(row int32) Photo { return c.Photos.Find(*c.rows.photos.at(int(row))) }

// ruleOf returns the rule by which a row is divided.
func (c *Collection) ruleOf(row int32) rule {
	at, _ := slices.BinarySearchFunc(c.rules, row+1, func(r rule, row int32) int { return cmp.Compare(r.from, row) })
	return c.rules[at-1]
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
	guess := rule{kind: byHashRule, split: split}
	for _, row := range c.order {
		if at := c.rows.sets.at(int(row)); at.name() == "" && at.held() != notHeldOut && c.ruleOf(row).kind == unstated {
			guess = rule{kind: bySubsetRule}
			break
		}
	}
	for i := range c.rules {
		switch r := &c.rules[i]; {
		case r.kind == unstated:
			r.kind, r.split = guess.kind, guess.split
		case r.kind == byHashRule && split != DefaultSplit():
			r.split.Val, r.split.Test = split.Val, split.Test
		}
	}
}

// prefer notes the set of a row's photo. What is held out is not to be trained
// on.
func (c *Collection) prefer(photos []setCode, row int32) {
	own, of := c.rows.set(row), &photos[c.photo(row)]
	if own != "" && rank(own) < rank(of.name()) {
		*of = setNumber(own)
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

// divideByHash divides rows.
func (c *Collection) divideByHash(list []int32, d *Division) {
	group := c.Groups()
	names := make([]groupName, c.Photos.len()) // by the number of a group
	for by := range c.authorships {
		g := group(Entry{Photo: by.photo})
		if n := names[g]; n.author == 0 || c.authors[by.author] < c.authors[n.author-1] {
			names[g].author = by.author + 1
		}
	}
	for _, row := range list {
		g := group(c.rows.entry(row))
		if n := names[g]; n.row == 0 || c.idOf(row) < c.idOf(n.row-1) {
			names[g].row = row + 1
		}
	}
	// A group that came in two segments of different splits goes by one of
	// them.
	slices.SortStableFunc(list, func(a, b int32) int { return compareSplits(c.ruleOf(a).split, c.ruleOf(b).split) })
	sets := make([]setCode, c.Photos.len()) // by the number of a group
	for _, row := range list {
		g, split := group(c.rows.entry(row)), c.ruleOf(row).split
		n := names[g]
		if sets[g] == 0 {
			name := Group("", "", c.idOf(n.row-1))
			if n.author > 0 { // which is less than any id, see Group
				name = c.authors[n.author-1]
			}
			sets[g] = setNumber(split.Of(name))
		}
		c.rows.setSet(row, sets[g].name())
		if n.author == 0 {
			d.ByID++
		} else {
			d.ByAuthor++
		}
		if !slices.Contains(d.Splits, split) {
			d.Splits = append(d.Splits, split)
		}
	}
}

// A groupName is of whom the least name of a group is: an author, or else a
// row. Both are numbers plus one, 0 for none.
type groupName struct{ author, row int32 }

// idOf names the photo of a row that came without a set.
func (c *Collection) idOf(row int32) string {
	return cmp.Or(c.rows.id(row), c.rows.keys.at(int(row)))
}

func compareSplits(a, b Split) int {
	return cmp.Or(cmp.Compare(a.Seed, b.Seed), cmp.Compare(a.Test, b.Test), cmp.Compare(a.Val, b.Val))
}

// Groups returns a function that gives for each entry the group of items that
// must not be divided between sets: those of one photo or one author,
// transitively. It is valid until the next Add.
func (c *Collection) Groups() func(Entry) int32 {
	sets := c.Photos.sets.clone()
	photos := make([]Photo, len(c.authors)) // one of each author, plus one
	for by := range c.authorships {
		if photos[by.author] == 0 {
			photos[by.author] = by.photo + 1
		}
		sets.unite(int32(by.photo), int32(photos[by.author]-1))
	}
	return func(e Entry) int32 { return sets.find(int32(e.Photo)) }
}

// SharedAuthors returns a function that reports whether one of the given
// entries is of an author of an entry's photo. An author is known for a photo
// if any of its items names him.
func (c *Collection) SharedAuthors(entries Entries) func(Entry) bool {
	// By what represents a photo: whether it is one of the entries', and
	// whether it is of an author of such a photo.
	theirs, shared := make([]bool, c.Photos.len()), make([]bool, c.Photos.len())
	for _, row := range entries.list {
		theirs[c.photo(row)] = true
	}
	authors := make([]bool, len(c.authors))
	for by := range c.authorships {
		if theirs[c.Photos.Find(by.photo)] {
			authors[by.author] = true
		}
	}
	for by := range c.authorships {
		if authors[by.author] {
			shared[c.Photos.Find(by.photo)] = true
		}
	}
	return func(e Entry) bool { return shared[c.Photos.Find(e.Photo)] }
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
	const inVal, inTest = 1, 2
	photos := make([]uint8, c.Photos.len()) // by what represents one
	for _, row := range c.order {
		switch c.rows.set(row) {
		case Val:
			photos[c.photo(row)] |= inVal
		case Test:
			photos[c.photo(row)] |= inTest
		}
	}
	for _, set := range []string{Val, Test} {
		if remark := counts.OneClass(set); remark != "" {
			remarks = append(remarks, remark)
		}
	}
	var times [4]int // how many photos are in both, in one, in none
	for _, in := range photos {
		times[in]++
	}
	shared := times[inVal|inTest]
	switch n := times[inTest] + shared; {
	case shared == 0:
	case shared == n && times[inVal] == 0:
		remarks = append(remarks, fmt.Sprintf("the sets val and test show the same photos, all %d of them: the figures of test are as good as those by which the best epoch is chosen", n))
	default:
		remarks = append(remarks, fmt.Sprintf("%d of the %d photos of the set test are in the set val too, by which the best epoch is chosen", shared, n))
	}
	return remarks
}
