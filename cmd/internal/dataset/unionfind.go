package dataset

// disjoint is a union-find structure: numbers from 0 on in disjoint sets, one
// of each standing for it.
type disjoint []int32 // by number, one that is nearer to that one

// add returns the next number, in a set of its own.
func (d *disjoint) add() int32 {
	n := int32(len(*d))
	*d = append(*d, n)
	return n
}

func (d disjoint) find(n int32) int32 {
	for d[n] != n {
		d[n] = d[d[n]]
		n = d[n]
	}
	return n
}

func (d disjoint) unite(a, b int32) { d[d.find(b)] = d.find(a) }
