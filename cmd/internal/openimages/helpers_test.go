package openimages

import (
	"context"
	"errors"
	"github.com/opensandwich/oi/cmd/internal/csvscan"
	"io"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// mirror returns the folder of real rows, or skips.
func mirror(t testing.TB) DirSource {
	t.Helper()
	return DirSource(oitest.RealData(t, "openimages/mirror"))
}

func readFile(t testing.TB, src Source, path string) []byte {
	t.Helper()
	r, err := src.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func anything([]byte) bool { return true }

// A boxVisitor is called with the rows of a list.
type boxVisitor struct {
	BoxRequest
	Row func(*PickedRow) error
	Bad func(*RowError) error
}

func (v *boxVisitor) visit(row *csvscan.Row[PickedRow]) error {
	if row.Fault != nil {
		return v.Bad(row.Fault)
	}
	row.Value.Line, row.Value.Offset = row.At.Line, row.At.Offset
	return v.Row(&row.Value)
}

// readBoxes calls a visitor with the rows of a list of a source.
func readBoxes(ctx context.Context, src Source, file File, v boxVisitor) (err error) {
	list := OpenBoxes(src, file)
	defer func() { err = errors.Join(err, list.Close()) }()
	for rows, err := range list.Read(ctx, v.BoxRequest) {
		if err != nil {
			return err
		}
		for i := range rows {
			if err := v.visit(&rows[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// scanBoxes calls a visitor with the rows of a stream, in one go.
func scanBoxes(ctx context.Context, r io.Reader, file string, v boxVisitor) error {
	_, err := csvscan.ReadFrom(ctx, r, v.request(file), v.visit)
	return err
}

// scanAll calls row with the rows of a box list.
func scanAll(ctx context.Context, r io.Reader, file string, want func(mid []byte) bool, row func(*BoxRow) error, bad func(*RowError) error) error {
	return scanBoxes(ctx, r, file, boxVisitor{
		BoxRequest: BoxRequest{Want: want}, Bad: bad,
		Row: func(b *PickedRow) error { return row(&b.BoxRow) },
	})
}

// scanImages calls row with rows of an image list.
func scanImages(ctx context.Context, r io.Reader, file string, want func(id []byte) bool, row func(*ImageRow) error, bad func(*RowError) error) error {
	q := imageRequest(file)
	q.Want = want
	_, err := csvscan.ReadFrom(ctx, r, q, func(image *csvscan.Row[ImageRow]) error {
		if image.Fault != nil {
			return bad(image.Fault)
		}
		return row(&image.Value)
	})
	return err
}
