package dataset

// PoorCrop is the reason for which items are left out whose crop shows little.
const PoorCrop = "tiny, extreme or blurred crop"

// RemovePoor removes the items of train that are in a set of numbers in the
// spool, for PoorCrop, and returns how many these were.
func (c *Collection) RemovePoor(poor map[int]bool) int {
	return c.remove(PoorCrop, func(e Entry) bool { return e.Set == Train && e.Number >= 0 && poor[e.Number] })
}
