package dataset

// disjoint is a union-find structure: numbers from 0 on in disjoint sets, one
// of each standing for it.
type disjoint struct {
	nearer column[int32] // by number, one that is nearer to that one
}

// add returns the next number, in a set of its own.
func (d *disjoint) add() int32 {
	n := int32(d.nearer.len())
	d.nearer.add(n)
	return n
}

func (d *disjoint) find(n int32) int32 {
	for {
		at := d.nearer.at(int(n))
		if *at == n {
			return n
		}
		*at = *d.nearer.at(int(*at))
		n = *at
	}
}

func (d *disjoint) unite(a, b int32) { *d.nearer.at(int(d.find(b))) = d.find(a) }

// clone returns a copy, which changes without this one.
func (d *disjoint) clone() disjoint { return disjoint{d.nearer.clone()} }
