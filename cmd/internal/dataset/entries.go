package dataset

import (
	"cmp"
	"iter"
	"slices"
)

// An Entry is what is known of each item, whatever its size.
type Entry struct {
	Key    string
	Label  string
	Set    string // train, val or test
	Number int    // in the spool, -1 for an item that is not kept
	Photo  Photo  // among the collection's
	row    int32  // of the collection's
}

// Entries are some of the entries of a collection, in an order. The zero Entries
// are none.
type Entries struct {
	rows *rows
	list []int32
}

// Len is the number of entries.
func (e Entries) Len() int { return len(e.list) }

// At returns the i-th entry.
func (e Entries) At(i int) Entry { return e.rows.entry(e.list[i]) }

// Part returns the entries from one up to another, which is not one of them.
func (e Entries) Part(from, to int) Entries { return Entries{e.rows, e.list[from:to:to]} }

// All yields the entries with their places.
func (e Entries) All() iter.Seq2[int, Entry] {
	return func(yield func(int, Entry) bool) {
		for i, row := range e.list {
			if !yield(i, e.rows.entry(row)) {
				return
			}
		}
	}
}

// Pick returns the entries at some places.
func (e Entries) Pick(places iter.Seq[int]) Entries {
	picked := Entries{rows: e.rows}
	for i := range places {
		picked.list = append(picked.list, e.list[i])
	}
	return picked
}

// Concat returns the entries of all, which are of one collection.
func Concat(all ...Entries) Entries {
	var joined Entries
	n := 0
	for _, e := range all {
		n += e.Len()
	}
	joined.list = make([]int32, 0, n)
	for _, e := range all {
		joined.list = append(joined.list, e.list...)
		joined.rows = cmp.Or(joined.rows, e.rows)
	}
	return joined
}

// sort puts the entries in an order, and those between which it makes no
// difference in that of the stream.
func (e Entries) sort(compare func(a, b int32) int) {
	slices.SortFunc(e.list, func(a, b int32) int { return cmp.Or(compare(a, b), cmp.Compare(a, b)) })
}

// rows are what a collection knows of each item, by columns. With the spool and
// what finds repeats and photos it comes to some 130 bytes an item.
type rows struct {
	keys    texts
	labels  column[int32] // numbers of names
	sets    column[setCode]
	photos  column[Photo]
	authors column[int32] // by number, -1 unknown
	ids     column[uint8] // see setID; none once the items are divided
	others  map[int32]string

	names   []string // of labels
	numbers map[string]int32
}

// A setCode is the set of an item, and in higher bits that for which its subset
// is used, and whether it is not kept.
type setCode uint8

const (
	heldShift         = 2
	setBits   setCode = 3
	passed    setCode = 1 << 4
)

var setNames = [...]string{"", Train, Val, Test}

func setNumber(set string) setCode { return setCode(slices.Index(setNames[:], set)) }

func (s setCode) name() string { return setNames[s&setBits] }

// held is the set that the subset is used for, see heldOut.
func (s setCode) held() uint8 { return uint8(s >> heldShift & setBits) }

// add adds a row for an entry and returns its number.
func (r *rows) add(e Entry, author int32, held uint8) (int32, error) {
	if err := r.keys.add(e.Key); err != nil {
		return 0, err
	}
	row := int32(r.labels.len())
	r.labels.add(r.labelNumber(e.Label))
	set := setNumber(e.Set) | setCode(held)<<heldShift
	if e.Number < 0 {
		set |= passed
	}
	r.sets.add(set)
	r.photos.add(e.Photo)
	r.authors.add(author)
	r.ids.add(0)
	return row, nil
}

// len is the number of rows.
func (r *rows) len() int { return r.labels.len() }

// entry returns a row, whose number is that in the spool.
func (r *rows) entry(row int32) Entry {
	i := int(row)
	set := *r.sets.at(i)
	e := Entry{Key: r.keys.at(i), Label: r.label(row), Set: set.name(), Number: i, Photo: *r.photos.at(i), row: row}
	if set&passed != 0 {
		e.Number = -1
	}
	return e
}

func (r *rows) label(row int32) string { return r.names[*r.labels.at(int(row))] }

func (r *rows) set(row int32) string { return r.sets.at(int(row)).name() }

func (r *rows) setSet(row int32, set string) {
	at := r.sets.at(int(row))
	*at = *at&^setBits | setNumber(set)
}

// labelNumber returns the number of a label.
func (r *rows) labelNumber(name string) int32 {
	number, known := r.numbers[name]
	if !known {
		number = int32(len(r.names))
		r.numbers[name], r.names = number, append(r.names, name)
	}
	return number
}

// otherID says that an id is not what the key begins with.
const otherID = 255

// setID keeps the id of a row, which mostly is the beginning of its key.
func (r *rows) setID(row int32, id string) {
	if key := r.keys.at(int(row)); len(id) < otherID && len(id) <= len(key) && key[:len(id)] == id {
		*r.ids.at(int(row)) = uint8(len(id))
		return
	}
	*r.ids.at(int(row)) = otherID
	r.others[row] = id
}

// id returns what was set.
func (r *rows) id(row int32) string {
	n := *r.ids.at(int(row))
	if n == otherID {
		return r.others[row]
	}
	return r.keys.at(int(row))[:n]
}
