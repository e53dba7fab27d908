package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"sort"
	"strings"
	"sync/atomic"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/csvscan"
	"github.com/opensandwich/oi/cmd/internal/keylist"
	"github.com/opensandwich/oi/cmd/internal/openimages"
)

// An idList is a set of image ids and of items' keys, which remembers what it
// has been asked for. The official ids of 16 hex digits take 13 bytes each, so
// that a list may be as long as the data set.
type idList struct {
	file     string // for messages
	official idSet[uint64]
	others   idSet[string] // ids of another form, and keys
}

// An idSet is a sorted set of ids.
type idSet[T cmp.Ordered] struct {
	ids   []T
	order []uint32 // where each stands in the file
	found []uint32 // a bit for each that a row has
}

func (s *idSet[T]) Len() int { return len(s.ids) }
func (s *idSet[T]) Less(i, j int) bool {
	return s.ids[i] < s.ids[j] || s.ids[i] == s.ids[j] && s.order[i] < s.order[j]
}
func (s *idSet[T]) Swap(i, j int) {
	s.ids[i], s.ids[j] = s.ids[j], s.ids[i]
	s.order[i], s.order[j] = s.order[j], s.order[i]
}

func (s *idSet[T]) add(id T, order uint32) {
	s.ids = append(s.ids, id)
	s.order = append(s.order, order)
}

// close sorts the ids and drops repeated ones.
func (s *idSet[T]) close() {
	sort.Sort(s)
	n := 0
	for i := range s.ids {
		if n == 0 || s.ids[i] != s.ids[n-1] {
			s.ids[n], s.order[n] = s.ids[i], s.order[i]
			n++
		}
	}
	s.ids, s.order, s.found = s.ids[:n], s.order[:n], make([]uint32, (n+31)/32)
}

// has reports whether the id of a row is in the set. It may be called on
// several goroutines.
func (s *idSet[T]) has(id T) bool {
	i, found := slices.BinarySearch(s.ids, id)
	if bit := uint32(1) << (i % 32); found && atomic.LoadUint32(&s.found[i/32])&bit == 0 {
		atomic.OrUint32(&s.found[i/32], bit)
	}
	return found
}

// seen reports whether a row has had the i-th id.
func (s *idSet[T]) seen(i int) bool { return atomic.LoadUint32(&s.found[i/32])&(1<<(i%32)) != 0 }

// readIDs reads a list, one a line: an image id, alone or as lists and folders
// of photos have it, with a subset in front, ".jpg" or the like behind or more
// columns after a comma or a space; or an item's key. A first line ImageID and
// lines that begin with "key," or # say nothing; but a list with such a line,
// which oi-boxes or oi-train has written, may be empty.
func readIDs(env *cli.Env, name string) (_ *idList, err error) {
	r := io.NopCloser(env.Stdin)
	if name != "-" {
		if r, err = env.Open(name); err != nil {
			return nil, err
		}
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	ids := &idList{file: name}
	if name == "-" {
		ids.file = "standard input"
	}
	count := uint32(0)
	ours := false // it has the header of the lists that commands here write
	lines := openimages.TextLines(r)
	for n := 1; lines.Scan(); n++ {
		id, _, _ := strings.Cut(strings.TrimSpace(lines.Text()), ",")
		if fields := strings.Fields(id); len(fields) > 0 {
			id = strings.Trim(fields[0], `"`)
		}
		if n == 1 && !isHeader(id) && !isKeyHeader(lines.Text()) && slices.ContainsFunc(strings.Split(lines.Text(), ","), isColumn) {
			return nil, fmt.Errorf("%s:1: expected ImageID or %s as the first column", name, keylist.KeyColumn)
		}
		if isKeyHeader(lines.Text()) {
			ours = true
			continue
		}
		if id == "" || id[0] == '#' || n == 1 && isHeader(id) {
			continue
		}
		id = path.Base(id)
		if ending := path.Ext(id); slices.Contains([]string{".jpg", ".jpeg", ".png", ".webp"}, strings.ToLower(ending)) {
			id = strings.TrimSuffix(id, ending)
		}
		if !keylist.Valid(id) {
			err := fmt.Errorf("%s:%d: expected an image id such as 000cd56bb02e4edb, found %.40q", name, n, id)
			if openimages.FloatID(id) {
				err = cli.WithHint(err, openimages.FloatIDHint)
			}
			return nil, err
		}
		if v, ok := csvscan.Hex16(id); ok {
			ids.official.add(v, count)
		} else {
			ids.others.add(id, count)
		}
		count++
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if count == 0 && !ours {
		return nil, fmt.Errorf("no id in %s", ids.file)
	}
	ids.official.close()
	ids.others.close()
	return ids, nil
}

// isKeyHeader reports whether a line is the first one of a list with keys, of
// which there may be several in a file: of CSV, or as lists of suspects were
// once written, with tabs.
func isKeyHeader(line string) bool {
	return strings.HasPrefix(line, keylist.KeyColumn+",") || line == keylist.KeyColumn || strings.HasPrefix(line, "#"+keylist.KeyColumn+"\t")
}

// isHeader reports whether a field of a first line names the column of ids.
func isHeader(field string) bool {
	return strings.EqualFold(strings.Trim(strings.TrimSpace(field), `"`), "ImageID")
}

// isColumn reports whether a field of a first line names a column of ids or keys.
func isColumn(field string) bool {
	return isHeader(field) || strings.Trim(strings.TrimSpace(field), `"`) == keylist.KeyColumn
}

// has reports whether the row's photo or the row itself is listed.
func (l *idList) has(row *openimages.BoxRow) bool {
	found := false
	if v, ok := csvscan.Hex16(row.ImageID); ok {
		found = l.official.has(v)
	}
	if len(l.others.ids) > 0 {
		photo, box := l.others.has(row.ImageID), l.others.has(row.Key())
		found = found || photo || box
	}
	return found
}

// unmatched returns how many of how many ids no row has had, and the first few
// of them in the file's order.
func (l *idList) unmatched(few int) (missing, all int, first []string) {
	type entry struct {
		order uint32
		id    string
	}
	var list []entry
	miss := func(order uint32, id func() string) {
		missing++
		if len(list) == few && order > list[few-1].order {
			return
		}
		at, _ := slices.BinarySearchFunc(list, order, func(e entry, order uint32) int { return cmp.Compare(e.order, order) })
		list = slices.Insert(list, at, entry{order, id()})
		list = list[:min(few, len(list))]
	}
	for i := range l.official.ids {
		if !l.official.seen(i) {
			miss(l.official.order[i], func() string { return fmt.Sprintf("%016x", l.official.ids[i]) })
		}
	}
	for i := range l.others.ids {
		if !l.others.seen(i) {
			miss(l.others.order[i], func() string { return l.others.ids[i] })
		}
	}
	for _, e := range list {
		first = append(first, e.id)
	}
	return missing, len(l.official.ids) + len(l.others.ids), first
}

// restorable returns the first id, in the file's order, that no row has had and
// that has another form than the official ones, with that form.
func (l *idList) restorable() (id, restored string) {
	first := uint32(0)
	for i := range l.others.ids {
		if l.others.seen(i) || id != "" && l.others.order[i] > first {
			continue
		}
		if form, ok := openimages.RestoreID(l.others.ids[i]); ok {
			id, restored, first = l.others.ids[i], form, l.others.order[i]
		}
	}
	return id, restored
}

// tell warns of the ids that no row has had.
func (l *idList) tell(env *cli.Env, flag string) {
	if l == nil {
		return
	}
	missing, all, first := l.unmatched(3)
	if missing == 0 {
		return
	}
	more := ""
	if missing > len(first) {
		more = ", ..."
	}
	env.Warnf("%s: %d of the %d ids in %s match no row: %s%s", flag, missing, all, l.file, strings.Join(first, ", "), more)
	if id, restored := l.restorable(); id != "" {
		env.Warnf("hint: %s may be %s: official ids have 16 digits, zeros in front and no capitals", id, restored)
	}
}

// digest names the list's content, for the trail.
func (l *idList) digest() string {
	var text bytes.Buffer
	for _, v := range l.official.ids {
		fmt.Fprintf(&text, "%016x\n", v)
	}
	for _, id := range l.others.ids {
		fmt.Fprintln(&text, id)
	}
	return fmt.Sprintf("sha256:%x", sha256.Sum256(text.Bytes()))
}
