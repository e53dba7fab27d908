package detection

import (
	"cmp"
	"slices"
	"strings"
)

// classes are the labels of an export, in the order in which they came.
type classes struct {
	byName map[string]uint32
	list   []class
}

type class struct{ name, mid, super string }

func newClasses() classes { return classes{byName: map[string]uint32{}} }

// add returns the number of a label. What is known of it does not depend on the
// order.
func (c *classes) add(name, mid, super string) uint32 {
	n, ok := c.byName[name]
	if !ok {
		n = uint32(len(c.list))
		name = strings.Clone(name)
		c.byName[name] = n
		c.list = append(c.list, class{name: name})
	}
	known := &c.list[n]
	known.mid, known.super = max(known.mid, strings.Clone(mid)), max(known.super, strings.Clone(super))
	return n
}

// sorted returns the classes by name, and the place there of each number.
func (c *classes) sorted() (list []class, number []int) {
	list = slices.Clone(c.list)
	slices.SortFunc(list, func(a, b class) int { return cmp.Compare(a.name, b.name) })
	number = make([]int, len(list))
	for i, class := range list {
		number[c.byName[class.name]] = i
	}
	return list, number
}
