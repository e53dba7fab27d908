package record

import "fmt"

// An AccountError reports that the counts of the stages, or the items
// themselves, do not fit one another: items were lost, replaced or doubled
// between two stages, although each of them finished well.
type AccountError struct {
	Tool string // the stage that sent the items on, or whose own counts are wrong
	What string // for people
}

func (e *AccountError) Error() string { return e.What }

// checkStages holds the counts of the stages to one another: what one sent is
// what came in at the next. Only stages that say which items they counted are
// looked at.
func checkStages(stages []StageCounts) error {
	for i, c := range stages {
		if c.Digests == nil {
			continue
		}
		if !c.Balanced() || !c.Digests.Balanced() {
			return &AccountError{c.Tool, fmt.Sprintf("the counts of %.40s do not balance: not every item that came in is accounted for", c.Tool)}
		}
		if i == 0 || stages[i-1].Digests == nil || c.Digests.Source {
			continue
		}
		sent := stages[i-1]
		to := fmt.Sprintf("came in at %.40s", c.Tool)
		if err := sameItems(sent.Tool, sent.Out, sent.Digests.Out, to, c.In, c.Digests.In); err != nil {
			return err
		}
	}
	return nil
}

// sameItems returns an *AccountError unless the items that tool sent on are
// those that are counted in another place.
func sameItems(tool string, sent int64, digest Digest, place string, n int64, other Digest) error {
	switch {
	case sent != n:
		return &AccountError{tool, fmt.Sprintf("%.40s sent %d items on, %d %s", tool, sent, n, place)}
	case digest != other:
		return &AccountError{tool, fmt.Sprintf("%.40s sent %d items on, as many %s, but not the same ones: some are missing, and others stand in their place", tool, sent, place)}
	}
	return nil
}

// A tally is the items of a segment or piece that were read.
type tally struct {
	n      int64
	digest Digest
}

func (t *tally) add(item *Item) {
	t.n++
	t.digest = t.digest.Plus(DigestOf(item))
}

// check holds the items that were read to the counts of the stages, of which
// the last one has written them.
func (t *tally) check(stages []StageCounts) error {
	if err := checkStages(stages); err != nil || len(stages) == 0 {
		return err
	}
	last := stages[len(stages)-1]
	if last.Digests == nil {
		return nil
	}
	return sameItems(last.Tool, last.Out, last.Digests.Out, "arrived", t.n, t.digest)
}

// checkDamaged is check after damage, by which items are lost and none are won.
// More than were sent are those of two streams, between which an end and a
// header were lost.
func (t *tally) checkDamaged(stages []StageCounts) error {
	if len(stages) == 0 {
		return nil
	}
	last := stages[len(stages)-1]
	if last.Digests == nil || t.n <= last.Out {
		return nil
	}
	return &AccountError{last.Tool, fmt.Sprintf("%.40s sent %d items on, %d arrived: two streams, and the end of one and the header of the other are among what was lost", last.Tool, last.Out, t.n)}
}
