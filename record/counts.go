package record

import (
	"errors"
	"fmt"
	"math"
)

// Balanced reports whether everything that came in is accounted for:
// In + ΣAdded = Out + ΣRemoved + ΣSkipped.
func (c StageCounts) Balanced() bool {
	balance := c.In - c.Out
	for _, n := range c.Added {
		balance += n
	}
	for _, reasons := range []map[string]int64{c.Removed, c.Skipped} {
		for _, n := range reasons {
			balance -= n
		}
	}
	return balance == 0
}

// AllSkipped reports whether items came in, and every one of them was skipped.
func (c StageCounts) AllSkipped() bool { return c.In > 0 && c.skips() == c.In }

// skips returns the number of skipped items.
func (c StageCounts) skips() int64 {
	var n int64
	for _, k := range c.Skipped {
		n += min(k, math.MaxInt64-n) // anybody may have written them
	}
	return n
}

// Add adds the numbers of d, which must be of the same tool. Limits are not
// added up: they hold for the sums.
func (c *StageCounts) Add(d *StageCounts) error {
	if c.Tool != d.Tool {
		return fmt.Errorf("counts of %.40q after counts of %.40q", d.Tool, c.Tool)
	}
	if c.noItems() && d.Digests != nil {
		c.Digests = &Digests{Source: d.Digests.Source}
	}
	c.Digests = c.Digests.plus(d.Digests)
	if err := addInto(&c.In, d.In); err != nil {
		return err
	}
	if err := addInto(&c.Out, d.Out); err != nil {
		return err
	}
	for _, m := range []struct {
		to   *map[string]int64
		from map[string]int64
	}{{&c.Added, d.Added}, {&c.Removed, d.Removed}, {&c.Skipped, d.Skipped}} {
		for reason, n := range m.from {
			if *m.to == nil {
				*m.to = make(map[string]int64)
			}
			sum := (*m.to)[reason]
			if err := addInto(&sum, n); err != nil {
				return err
			}
			(*m.to)[reason] = sum
		}
	}
	c.Extra = mergeFields(c.Extra, d.Extra)
	return nil
}

// noItems reports whether nothing was counted yet.
func (c *StageCounts) noItems() bool {
	return c.In == 0 && c.Out == 0 && len(c.Added)+len(c.Removed)+len(c.Skipped) == 0
}

// addInto adds two counts, neither of which is negative.
func addInto(to *int64, n int64) error {
	if n > math.MaxInt64-*to {
		return errors.New("the sum of the counts is too large")
	}
	*to += n
	return nil
}

// addDamage returns the sum of two damages, of which either may be nil.
func addDamage(a, b *Damage) *Damage {
	if a == nil {
		return b
	}
	if b == nil {
		return a
	}
	return &Damage{Regions: a.Regions + b.Regions, Bytes: a.Bytes + b.Bytes, Extra: mergeFields(a.Extra, b.Extra)}
}
