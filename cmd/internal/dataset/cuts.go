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
	for i, stage := range h.Stages {
		if !cutsPixels(stage) || stage.Args["keep_bytes"] != "" && slices.ContainsFunc(h.Stages[i+1:], cutsPixels) {
			continue // of a photo that a later stage has cut anew
		}
		if c.first == nil {
			c.first = &stage
		} else if c.differ == "" {
			c.differ = cutOtherwise(*c.first, stage)
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

func cutsPixels(stage record.Stage) bool { return stage.Tool == "oi-crop" }

// cutOtherwise says in words in which argument two stages of oi-crop differ that
// changes pixels, or in which crops there are; "" if in none.
func cutOtherwise(a, b record.Stage) string {
	all := maps.Clone(a.Args)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, b.Args)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if name == "keep_bytes" || name == "decode_memory" || name == "incomplete" {
			continue
		}
		if v, w := a.Args[name], b.Args[name]; v != w {
			return fmt.Sprintf("%.40s %.80q in one and %.80q", name, v, w)
		}
	}
	return ""
}
