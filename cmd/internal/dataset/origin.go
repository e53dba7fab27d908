package dataset

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opensandwich/oi/record"
)

// An Origin is where a stage's items came from, summed over the segments and
// files of its input.
type Origin struct {
	Header   record.Header        // of all segments: the union of classes and stages
	Counts   []record.StageCounts // of the stages before, summed
	Salvaged record.Damage

	shards shards
	cuts   cuts
	places map[string]int // of the stages within their segments

	ended bool     // a segment
	tools []string // of the first segment's counts
	mixed bool     // another segment has others
}

// Begin takes note of a segment's header.
func (o *Origin) Begin(h *record.Header) error {
	o.Header = *record.MergeHeaders(&o.Header, h)
	o.order(h.Stages)
	o.cuts.begin(h)
	return o.shards.begin(h)
}

// order puts the stages in an order that does not depend on that of the segments:
// by their place within a segment, the last one where they have several, and
// by their tools and arguments.
func (o *Origin) order(segment []record.Stage) {
	if o.places == nil {
		o.places = map[string]int{}
	}
	for i, stage := range segment {
		name := stageName(stage)
		o.places[name] = max(o.places[name], i)
	}
	type named struct {
		name  string
		stage record.Stage
	}
	all := make([]named, len(o.Header.Stages))
	for i, stage := range o.Header.Stages {
		all[i] = named{stageName(stage), stage}
	}
	slices.SortStableFunc(all, func(a, b named) int {
		return cmp.Or(cmp.Compare(o.places[a.name], o.places[b.name]), cmp.Compare(a.name, b.name))
	})
	for i := range all {
		o.Header.Stages[i] = all[i].stage
	}
}

// stageName is all that an entry of the trail says.
func stageName(s record.Stage) string { return argsWithout(s, "") + s.Version }

// Complete returns an error unless all shards of every query have come, each of
// them once. It is to be called when the last header has come. incomplete are
// the shards that are taken all the same: of them, warn is told, and of crops
// that were not all cut alike. Whole queries stand in Header as if they had not
// been divided.
func (o *Origin) Complete(incomplete bool, warn func(string)) error {
	if text := o.cuts.warning(); text != "" {
		warn(text)
	}
	err := o.shards.complete()
	if err != nil && incomplete {
		warn(err.Error() + ", on purpose")
		return nil
	}
	if err == nil && !o.shards.allowed {
		o.joinShards()
	}
	return err
}

// joinShards takes the stages of all shards of a query for those of the query as
// a whole: what comes of them is the same.
func (o *Origin) joinShards() {
	seen := map[string]bool{}
	o.Header.Stages = slices.DeleteFunc(o.Header.Stages, func(s record.Stage) bool {
		_, _, shard := parseShard(s.Args["shard"])
		name := argsWithout(s, "shard") + s.Version
		again := shard && seen[name]
		seen[name] = seen[name] || shard
		return again
	})
	for i, s := range o.Header.Stages {
		if _, _, shard := parseShard(s.Args["shard"]); shard {
			o.Header.Stages[i].Args = maps.Clone(s.Args)
			delete(o.Header.Stages[i].Args, "shard")
		}
	}
}

// Shards says in words which shards have come, or what is wrong with them. ok
// reports whether there were any.
func (o *Origin) Shards() (text string, ok bool) {
	if len(o.shards.queries) == 0 {
		return "", false
	}
	if err := o.shards.complete(); err != nil {
		return err.Error(), true
	}
	if o.shards.allowed {
		return "some may be missing: an earlier stage took those that there were, on purpose", true
	}
	return "all are here, each once", true
}

// End takes note of a segment's end. Counts of the same tool, at the same
// position among those of its name, are added up. Where segments came through
// different stages, the sums of one stage are not those of the next, so that
// none says which items it counted.
func (o *Origin) End(e *record.End) error {
	if e.Damage != nil {
		o.Salvaged.Regions += e.Damage.Regions
		o.Salvaged.Bytes += e.Damage.Bytes
	}
	var tools []string
	position := map[string]int{} // of the next count of a tool
	for _, count := range e.Stages {
		at := o.nth(count.Tool, position[count.Tool])
		position[count.Tool]++
		if err := o.Counts[at].Add(&count); err != nil {
			return err
		}
		tools = append(tools, count.Tool)
	}
	if !o.ended {
		o.ended, o.tools = true, tools
	}
	o.mixed = o.mixed || !slices.Equal(o.tools, tools)
	if o.mixed {
		for i := range o.Counts {
			o.Counts[i].Digests = nil
		}
	}
	return nil
}

// nth returns the position of the n-th count of a tool, made if need be.
func (o *Origin) nth(tool string, n int) int {
	for i, count := range o.Counts {
		if count.Tool != tool {
			continue
		}
		if n == 0 {
			return i
		}
		n--
	}
	o.Counts = append(o.Counts, record.StageCounts{Tool: tool})
	return len(o.Counts) - 1
}

// SkipLines says of each stage that skipped items how many of them, and why.
func (o *Origin) SkipLines() []string {
	var lines []string
	for _, count := range o.Counts {
		var n int64
		var reasons []string
		for _, reason := range slices.Sorted(maps.Keys(count.Skipped)) {
			n += count.Skipped[reason]
			reasons = append(reasons, fmt.Sprintf("%.80s: %d", reason, count.Skipped[reason]))
		}
		if n > 0 {
			lines = append(lines, fmt.Sprintf("%.40s skipped %d of %d (%s)", count.Tool, n, count.In, strings.Join(reasons, ", ")))
		}
	}
	return lines
}
