package dataset

import (
	"github.com/opensandwich/oi/record"
)

// An Origin is where a stage's items came from, summed over the segments and
// files of its input.
type Origin struct {
	Header   record.Header        // of all segments: the union of classes and stages
	Counts   []record.StageCounts // of the stages before, summed
	Salvaged record.Damage
}

// Begin takes note of a segment's header.
func (o *Origin) Begin(h *record.Header) { o.Header = *record.MergeHeaders(&o.Header, h) }

// End takes note of a segment's end. Counts of the same tool, at the same
// position among those of its name, are added up.
func (o *Origin) End(e *record.End) {
	if e.Damage != nil {
		o.Salvaged.Regions += e.Damage.Regions
		o.Salvaged.Bytes += e.Damage.Bytes
	}
	position := map[string]int{} // of the next count of a tool
	for _, count := range e.Stages {
		at := o.nth(count.Tool, position[count.Tool])
		position[count.Tool]++
		sum := &o.Counts[at]
		sum.In += count.In
		sum.Out += count.Out
		addCounts(&sum.Added, count.Added)
		addCounts(&sum.Removed, count.Removed)
		addCounts(&sum.Skipped, count.Skipped)
	}
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

func addCounts(to *map[string]int64, from map[string]int64) {
	for reason, n := range from {
		if *to == nil {
			*to = map[string]int64{}
		}
		(*to)[reason] += n
	}
}
