package openimages

import (
	"context"
	"errors"
	"io"
	"math"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
)

// A Count is how often a class occurs in a list.
type Count struct {
	MID    string
	Rows   int64 // boxes, or labels, repeated ones too
	Photos int64 // with at least one of them
}

// Counts counts the rows of every class in a list of boxes or of image-level
// labels, sorted by MID. It reads the list's index alone, where there is one.
// Only a list that is not sorted by photo, as the official ones are, takes
// memory for its rows, 8 bytes and more each.
func Counts(ctx context.Context, src Source, file File) (_ []Count, err error) {
	f, err := openFile(ctx, src, file.Path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	list, sorted, err := csvscan.CountValues(ctx, f, file.Path, bindLabels, boxPacking)
	if err == nil && !sorted {
		list, err = csvscan.CountValuesFrom(ctx, io.NewSectionReader(f, 0, math.MaxInt64), file.Path, bindLabels)
	}
	return classCounts(list), err
}

func classCounts(list []csvscan.Count) []Count {
	var counts []Count
	for _, c := range list {
		counts = append(counts, Count{c.Value, c.Rows, c.Keys})
	}
	return counts
}

func bindLabels(h csvscan.Header) (label, photo int, err error) {
	err = h.Require("ImageID", "LabelName")
	return h.Column("LabelName"), h.Column("ImageID"), err
}
