package dataset

import (
	"errors"
	"math"
	"slices"
	"strings"
)

// A column holds a value of each row. It grows by blocks, so that no row is
// ever moved: a slice that grows by append has room for a quarter more rows
// than there are, and twice that while it grows.
type column[T any] struct {
	blocks [][]T
	n      int
}

const columnBlock = 1 << 12 // rows

// add appends the value of the next row.
func (c *column[T]) add(v T) {
	if c.n%columnBlock == 0 {
		c.blocks = append(c.blocks, make([]T, columnBlock))
	}
	*c.at(c.n) = v // which exists already
	c.n++
}

// at is where the value of a row is.
func (c *column[T]) at(row int) *T { return &c.blocks[row/columnBlock][row%columnBlock] }

// len is the number of rows.
func (c *column[T]) len() int { return c.n }

// clone returns a copy.
func (c *column[T]) clone() column[T] {
	blocks := make([][]T, len(c.blocks))
	for i, block := range c.blocks {
		blocks[i] = slices.Clone(block)
	}
	return column[T]{blocks, c.n}
}

// texts holds a text of each row, one after the other: four bytes for each
// besides its own, and nothing that the garbage collector has to follow.
type texts struct {
	blocks []*strings.Builder
	starts column[uint32] // the block and the place in it
}

const (
	textBits  = 16
	textBlock = 1 << textBits // bytes, unless a text is longer
)

var errTexts = errors.New("the keys of all items take more than 4 GiB")

// add appends the text of the next row.
func (t *texts) add(text string) error {
	last := len(t.blocks) - 1
	if last < 0 || t.blocks[last].Len()+len(text) >= textBlock {
		if last == math.MaxUint32>>textBits {
			return errTexts
		}
		block := new(strings.Builder)
		block.Grow(max(textBlock, len(text)))
		t.blocks = append(t.blocks, block)
		last++
	}
	t.starts.add(uint32(last)<<textBits | uint32(t.blocks[last].Len()))
	t.blocks[last].WriteString(text)
	return nil
}

// at returns the text of a row, which is not copied.
func (t *texts) at(row int) string {
	start := *t.starts.at(row)
	text := t.blocks[start>>textBits].String()
	if row+1 < t.starts.len() {
		if next := *t.starts.at(row + 1); next>>textBits == start>>textBits {
			text = text[:next%textBlock]
		}
	}
	return text[start%textBlock:]
}
