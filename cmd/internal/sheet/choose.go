package sheet

import (
	"cmp"
	"math"
	"slices"
	"sync"

	"github.com/opensandwich/oi/cmd/internal/pix"
)

// A Choice says which items of a stream go on a sheet.
type Choice struct {
	Items    int // at most this many
	PerClass bool
	// Seed is that of a random sample; 0 takes the first items. Which items
	// are in a sample follows from their keys and the seed.
	Seed uint64
}

// An Item names an item for a Chooser.
type Item struct {
	Key         string
	Epoch, Copy int // of a variant
	Class       string
}

// A Chooser holds the entries that are chosen so far. It is safe for concurrent
// use.
type Chooser struct {
	choice Choice

	mu      sync.Mutex
	classes map[string][]chosen // each by rank; all under "" if not by class
	order   []string            // of the classes
	added   int                 // items that were offered
	held    int
	over    bool
}

type chosen struct {
	rank   uint64 // those of the lowest are chosen
	number int
	entry  Entry
}

// NewChooser returns a Chooser without entries.
func NewChooser(choice Choice) *Chooser {
	return &Chooser{choice: choice, classes: map[string][]chosen{}}
}

func (c *Chooser) rank(item Item) uint64 {
	if c.choice.Seed == 0 {
		return 0
	}
	return pix.NewRand(c.choice.Seed, item.Key, item.Epoch, item.Copy).Uint64()
}

func (c *Chooser) class(item Item) string {
	if c.choice.PerClass {
		return item.Class
	}
	return ""
}

// limit returns the rank that an item must be below.
func (c *Chooser) limit(class string) uint64 {
	there := c.classes[class]
	if len(there) < c.choice.Items {
		return math.MaxUint64
	}
	return there[len(there)-1].rank
}

// Wants reports whether an item that was not offered yet may be chosen: for one
// of which it is false, no picture needs to be made.
func (c *Chooser) Wants(item Item) bool {
	rank := c.rank(item)
	c.mu.Lock()
	defer c.mu.Unlock()
	return rank < c.limit(c.class(item))
}

// Offer chooses the item or not. If it is chosen, entry is called for it. Call
// it in the order of the stream.
func (c *Chooser) Offer(item Item, entry func() Entry) {
	rank := c.rank(item)
	class := c.class(item)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.added++
	if rank >= c.limit(class) {
		return
	}
	there, known := c.classes[class]
	if !known {
		c.order = append(c.order, class)
	}
	switch {
	case len(there) == c.choice.Items:
		there = there[:len(there)-1]
	case c.held == MaxEntries:
		c.over = true
		return
	default:
		c.held++
	}
	at, _ := slices.BinarySearchFunc(there, rank, func(x chosen, rank uint64) int {
		if x.rank <= rank { // after those of the same
			return -1
		}
		return 1
	})
	c.classes[class] = slices.Insert(there, at, chosen{rank, c.added, entry()})
}

// Over reports whether entries were left out because a sheet has at most
// MaxEntries.
func (c *Chooser) Over() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.over
}

// Sheet returns the chosen entries, those of a class together if they were
// chosen by class, in the order of the stream.
func (c *Chooser) Sheet(title string) *Sheet {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &Sheet{Title: title}
	slices.Sort(c.order)
	for _, class := range c.order {
		all := slices.Clone(c.classes[class])
		slices.SortFunc(all, func(a, b chosen) int { return cmp.Compare(a.number, b.number) })
		for _, x := range all {
			s.Add(x.entry)
		}
	}
	return s
}
