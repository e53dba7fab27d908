package dataset

import (
	"fmt"
	"maps"
	"slices"

	"github.com/opensandwich/oi/record"
)

// cuts finds out whether all crops were cut in one way: where those of one
// class were cut otherwise, a network tells the classes by that. The zero cuts
// have seen nothing.
type cuts struct {
	first  *record.Stage
	differ string // in words
}

// begin takes note of a segment's header.
func (c *cuts) begin(h *record.Header) {
	for _, stage := range Cuts(h.Stages) {
		if c.first == nil {
			c.first = &stage
		} else if c.differ == "" {
			c.differ = cutOtherwise(*c.first, stage, PixelArgs())
		}
	}
}

// warning says what is wrong, or nothing.
func (c *cuts) warning() string {
	if c.differ == "" {
		return ""
	}
	return "the crops are not all cut alike: oi-crop ran with " + c.differ +
		" in another stream; where one class has more of either, a network tells the classes by that"
}

// Cuts are the stages of a trail that cut the pixels that its items have: one,
// or several where streams were joined.
func Cuts(trail []record.Stage) []record.Stage {
	var cuts []record.Stage
	for i, stage := range trail {
		if !cutsPixels(stage) || stage.Args["keep_bytes"] != "" && slices.ContainsFunc(trail[i+1:], cutsPixels) {
			continue // of a photo that a later stage has cut anew
		}
		cuts = append(cuts, stage)
	}
	return cuts
}

func cutsPixels(stage record.Stage) bool { return stage.Tool == "oi-crop" }

// PixelArgs are the arguments of oi-crop by which a box's pixels differ.
func PixelArgs() []string {
	return []string{"context", "filter", "scale", "size", "square", "two_views", "view_context"}
}

// cropArgs are all arguments that two stages of oi-crop have, but for those that
// change no crop.
func cropArgs(a, b record.Stage) []string {
	all := map[string]bool{}
	for name := range a.Args {
		all[name] = true
	}
	for name := range b.Args {
		all[name] = true
	}
	for _, name := range []string{"keep_bytes", "decode_memory", "incomplete"} {
		delete(all, name)
	}
	return slices.Sorted(maps.Keys(all))
}

// cutOtherwise says in words in which of some arguments two stages of oi-crop
// differ, "" if in none.
func cutOtherwise(a, b record.Stage, args []string) string {
	for _, name := range args {
		if v, w := a.Args[name], b.Args[name]; v != w {
			return fmt.Sprintf("%s %.80q in one and %.80q", name, v, w)
		}
	}
	return ""
}
