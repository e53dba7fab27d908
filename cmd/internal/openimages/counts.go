package openimages

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// A Count is how often a class occurs in a list.
type Count struct {
	MID    string
	Rows   int64 // boxes, or labels, repeated ones too
	Photos int64 // with at least one of them
}

// Counts counts the rows of every class in a list of boxes or of image-level
// labels, sorted by MID. It reads the list's index alone, where there is one.
func Counts(ctx context.Context, src Source, file File) (_ []Count, err error) {
	r, err := src.Open(ctx, file.Path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	counts := map[string]*Count{}
	last := map[string]string{}
	err = ScanBoxes(ctx, r, file.Path, func([]byte) bool { return true }, func(row *BoxRow) error {
		c := counts[row.MID]
		if c == nil {
			c = &Count{MID: row.MID}
			counts[row.MID] = c
		}
		c.Rows++
		if last[row.MID] != row.ImageID || c.Photos == 0 {
			last[row.MID] = row.ImageID
			c.Photos++
		}
		return nil
	}, func(*RowError) error { return nil })
	if err != nil {
		return nil, err
	}
	var list []Count
	for _, c := range counts {
		list = append(list, *c)
	}
	slices.SortFunc(list, func(a, b Count) int { return strings.Compare(a.MID, b.MID) })
	return list, nil
}
