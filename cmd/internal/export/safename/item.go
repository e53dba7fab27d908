package safename

import (
	"fmt"

	"github.com/opensandwich/oi/record"
)

// OfItem is the name of an item's files without their ending, and has no dot.
// Variants of one item differ in their epoch and copy.
func OfItem(item *record.Item) string {
	name := item.Key
	if name == "" {
		name = item.ID
	}
	name = WithoutDots(name)
	if a := item.Augment; a != nil {
		name += fmt.Sprintf("-e%d-c%d", a.Epoch, a.Copy)
	}
	return name
}
