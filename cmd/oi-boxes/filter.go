package main

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/openimages"
	"github.com/opensandwich/oi/record"
)

// A mark is one of the five flags of a box, which are 1, 0 or -1 (unknown).
type mark struct {
	flag   string // without the minuses
	reason string // in the accounts
	of     func(*record.Box) int
}

var marks = []mark{
	{"occluded", "occluded", func(b *record.Box) int { return b.Occluded }},
	{"truncated", "truncated", func(b *record.Box) int { return b.Truncated }},
	{"group-of", "group of", func(b *record.Box) int { return b.GroupOf }},
	{"depiction", "depiction", func(b *record.Box) int { return b.Depiction }},
	{"inside", "inside", func(b *record.Box) int { return b.Inside }},
}

// What can be asked of a mark.
const (
	yes   = "yes"   // it is 1
	no    = "no"    // it is 0
	known = "known" // it is either
	all   = "any"   // it may be unknown too
)

// accepts reports whether a mark's value is what was asked for.
func accepts(want string, value int) bool {
	switch want {
	case yes:
		return value == 1
	case no:
		return value == 0
	case known:
		return value == 0 || value == 1
	}
	return true
}

// A question is a mark and what is asked of it.
type question struct {
	mark
	want string
}

// filters say which boxes are wanted.
type filters struct {
	marks      []string // what is asked of each of marks
	minSide    float64
	minArea    float64
	aspect     string
	ids        string
	excludeIDs string

	// What is known once the flags have been checked and the files read.
	asked           []question
	lowest, highest float64 // of aspect
	only, not       *idList
}

func (f *filters) register(fs *cli.FlagSet) {
	f.marks = make([]string, len(marks))
	for i, m := range marks {
		usage := "keep boxes by this flag: `yes|no|any|known`"
		if i == 0 {
			usage += "; where nobody looked it is neither yes nor no, but any"
		}
		fs.StringVar(&f.marks[i], m.flag, all, usage)
	}
	fs.Float64Var(&f.minSide, "min-side", 0, "keep boxes whose shorter side is at least this `SHARE` of the picture's")
	fs.Float64Var(&f.minArea, "min-area", 0, "keep boxes whose area is at least this `SHARE` of the picture's")
	fs.StringVar(&f.aspect, "aspect", "", "keep boxes whose width, divided by their height, is from `MIN:MAX`, both as shares of the picture's")
	fs.StringVar(&f.ids, "ids", "", "keep boxes of the photos in `FILE` only: an image id or an item's key a line")
	fs.StringVar(&f.excludeIDs, "exclude-ids", "", "leave out the photos, or single boxes, in `FILE`")
	cli.FilesOf(fs, "ids", "txt", "csv")
	cli.FilesOf(fs, "exclude-ids", "txt", "csv")
}

// check looks at the flags before any work.
func (f *filters) check() error {
	for i, m := range marks {
		if !slices.Contains([]string{yes, no, all, known}, f.marks[i]) {
			return cli.Usagef("--%s %s: want yes, no, any or known", m.flag, f.marks[i])
		}
		if f.marks[i] != all {
			f.asked = append(f.asked, question{m, f.marks[i]})
		}
	}
	for _, share := range []struct {
		flag string
		v    float64
	}{{"min-side", f.minSide}, {"min-area", f.minArea}} {
		if !(share.v >= 0 && share.v <= 1) {
			return cli.Usagef("--%s %g: want a share of the picture, from 0 to 1", share.flag, share.v)
		}
	}
	if f.aspect == "" {
		return nil
	}
	low, high, ok := strings.Cut(f.aspect, ":")
	f.lowest, f.highest = 0, math.Inf(1)
	for _, end := range []struct {
		text string
		v    *float64
	}{{low, &f.lowest}, {high, &f.highest}} {
		if end.text == "" {
			continue
		}
		v, err := strconv.ParseFloat(end.text, 64)
		if ok = ok && err == nil && v > 0; ok {
			*end.v = v
		}
	}
	if !ok || !(f.lowest <= f.highest) {
		return cli.Usagef("--aspect %s: want two numbers such as 0.5:2, or one of them", f.aspect)
	}
	return nil
}

// open reads the files.
func (f *filters) open(env *cli.Env) (err error) {
	if f.ids != "" {
		if f.only, err = readIDs(env, f.ids); err != nil {
			return fmt.Errorf("--ids: %w", err)
		}
	}
	if f.excludeIDs != "" {
		if f.not, err = readIDs(env, f.excludeIDs); err != nil {
			return fmt.Errorf("--exclude-ids: %w", err)
		}
	}
	return nil
}

// see tells the lists of ids of a row.
func (f *filters) see(row *openimages.BoxRow) {
	for _, list := range []*idList{f.only, f.not} {
		if list != nil {
			list.has(row)
		}
	}
}

// Reasons of the filters without a mark.
const (
	reasonNotAsked = "not in --ids"
	reasonExcluded = "in --exclude-ids"
	reasonSide     = "short side"
	reasonArea     = "small area"
	reasonAspect   = "aspect"
)

// refuse returns the first reason for which a box is not wanted, or "".
func (f *filters) refuse(row *openimages.BoxRow) string {
	if f.only != nil && !f.only.has(row) {
		return reasonNotAsked
	}
	if f.not != nil && f.not.has(row) {
		return reasonExcluded
	}
	for _, a := range f.asked {
		if !accepts(a.want, a.of(&row.Box)) {
			return a.reason
		}
	}
	width, height := row.Box.XMax-row.Box.XMin, row.Box.YMax-row.Box.YMin
	switch {
	case min(width, height) < f.minSide-inexact:
		return reasonSide
	case width*height < f.minArea-inexact:
		return reasonArea
	case f.aspect != "" && !(width >= f.lowest*height-inexact && width <= f.highest*height+inexact):
		return reasonAspect
	}
	return ""
}

// inexact is more than the difference of two coordinates is wrong by, and less
// than their last digit: 0.3 - 0.2 is to be at least 0.1.
const inexact = 1e-9

// byBox reports whether a filter looks at the box itself.
func (f *filters) byBox() bool {
	return f.minSide > 0 || f.minArea > 0 || f.aspect != "" || len(f.asked) > 0
}

// set reports whether anything is filtered.
func (f *filters) set() bool { return f.byBox() || f.only != nil || f.not != nil }

// rules says what refuse refuses, of filters without lists of ids.
func (f *filters) rules() string {
	args := f.args()
	var rules strings.Builder
	for _, name := range slices.Sorted(maps.Keys(args)) {
		fmt.Fprintf(&rules, "%s=%q ", name, args[name])
	}
	return rules.String()
}

// args are the filters for the trail.
func (f *filters) args() map[string]string {
	args := map[string]string{}
	for _, a := range f.asked {
		args[a.flag] = a.want
	}
	if f.minSide > 0 {
		args["min-side"] = strconv.FormatFloat(f.minSide, 'g', -1, 64)
	}
	if f.minArea > 0 {
		args["min-area"] = strconv.FormatFloat(f.minArea, 'g', -1, 64)
	}
	if f.aspect != "" {
		args["aspect"] = f.aspect
	}
	if f.only != nil {
		args["ids"] = f.only.digest()
	}
	if f.not != nil {
		args["exclude-ids"] = f.not.digest()
	}
	return args
}
