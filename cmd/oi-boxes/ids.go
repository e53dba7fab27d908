package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/openimages"
)

// An idList is a set of image ids and of items' keys. The official ids of 16
// hex digits take 8 bytes each, so that a list may be as long as the data set.
type idList struct {
	official []uint64 // sorted
	others   []string // sorted; ids of another form, and keys
}

// readIDs reads a list, one a line: an image id, alone or as lists and folders
// of photos have it, with a subset in front, ".jpg" behind or more columns
// after a comma or a space; or an item's key. A first line ImageID and lines
// that begin with # say nothing.
func readIDs(env *cli.Env, name string) (_ *idList, err error) {
	r := io.NopCloser(env.Stdin)
	if name != "-" {
		if r, err = env.Open(name); err != nil {
			return nil, err
		}
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	ids := &idList{}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		id, _, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff")), ",")
		if fields := strings.Fields(id); len(fields) > 0 {
			id = strings.Trim(fields[0], `"`)
		}
		if n == 1 && !isHeader(id) && slices.ContainsFunc(strings.Split(lines.Text(), ","), isHeader) {
			return nil, fmt.Errorf("%s:1: expected ImageID as the first column", name)
		}
		if id == "" || id[0] == '#' || n == 1 && isHeader(id) {
			continue
		}
		id = strings.TrimSuffix(path.Base(id), ".jpg")
		if !validID(id) {
			return nil, fmt.Errorf("%s:%d: expected an image id such as 000cd56bb02e4edb, found %.40q", name, n, id)
		}
		ids.add(id)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	slices.Sort(ids.official)
	ids.official = slices.Compact(ids.official)
	slices.Sort(ids.others)
	ids.others = slices.Compact(ids.others)
	return ids, nil
}

// isHeader reports whether a field of a first line names the column of ids.
func isHeader(field string) bool {
	return strings.EqualFold(strings.Trim(strings.TrimSpace(field), `"`), "ImageID")
}

// validID reports whether an id, or a key, has the form of one: letters,
// digits, minuses and underscores, up to 64 and the 9 that a key adds.
func validID(id string) bool {
	return len(id) <= 64+9 && strings.IndexFunc(id, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_')
	}) < 0
}

func (l *idList) add(id string) {
	if v, ok := official(id); ok {
		l.official = append(l.official, v)
		return
	}
	l.others = append(l.others, id)
}

// official returns the number that an official id spells.
func official(id string) (uint64, bool) {
	if len(id) != 16 || strings.ToLower(id) != id {
		return 0, false
	}
	v, err := strconv.ParseUint(id, 16, 64)
	return v, err == nil
}

// has reports whether the row's photo or the row itself is listed.
func (l *idList) has(row *openimages.BoxRow) bool {
	if v, ok := official(row.ImageID); ok {
		if _, found := slices.BinarySearch(l.official, v); found {
			return true
		}
	}
	if len(l.others) == 0 {
		return false
	}
	_, photo := slices.BinarySearch(l.others, row.ImageID)
	_, box := slices.BinarySearch(l.others, row.Key())
	return photo || box
}

// digest names the list's content, for the trail.
func (l *idList) digest() string {
	var text bytes.Buffer
	for _, v := range l.official {
		fmt.Fprintf(&text, "%016x\n", v)
	}
	for _, id := range l.others {
		fmt.Fprintln(&text, id)
	}
	return fmt.Sprintf("sha256:%x", sha256.Sum256(text.Bytes()))
}
