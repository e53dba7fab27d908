package openimages

import (
	"context"
	"iter"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
)

// A BoxSum is of a row what a sample needs to know.
type BoxSum struct {
	Photo  uint64 // csvscan.Key64 of the ImageID
	Sum    uint64 // of the BoxRow
	Reason string // of SumRequest.Refuse
	Number uint32 // of the BoxRow
	Label  int32  // by SumRequest.Labels
	// Plain says that the row is one that an index holds, and its box sane;
	// then Photo stands for no other id. Of other rows, nothing but Label
	// and Photo is known.
	Plain bool
}

// A SumRequest asks for the rows of some MIDs.
type SumRequest struct {
	Labels map[string]int                    // of the MIDs
	Refuse func(box *BoxRow) (reason string) // if not nil, is asked of sane boxes, on any goroutine
}

func (v *SumRequest) request(file string, mids []string) csvscan.Request[BoxSum] {
	boxes := BoxRequest{MIDs: mids, Want: NewMIDSet(v.Labels).Has}
	all := boxes.request(file)
	return csvscan.Request[BoxSum]{
		File: file, Bind: all.Bind, Values: mids, Want: all.Want, Packing: all.Packing, Unpacker: v.unpacker,
		Parser: func(h csvscan.Header) (func([][]byte) (BoxSum, bool, error), error) {
			parse, err := all.Parser(h)
			return func(fields [][]byte) (BoxSum, bool, error) {
				row, keep, err := parse(fields)
				return BoxSum{Photo: csvscan.Key64(row.ImageID), Label: int32(v.Labels[row.MID])}, keep, err
			}, err
		},
	}
}

// unpacker returns a function that makes a BoxSum of a packed row.
func (v *SumRequest) unpacker() func(*csvscan.PackedRow, *BoxSum) {
	var (
		text  boxText
		mid   string
		label int32
		box   PickedRow
	)
	unpack := unpackBoxes()
	return func(r *csvscan.PackedRow, to *BoxSum) {
		if r.Value != mid {
			mid, label = r.Value, int32(v.Labels[r.Value])
		}
		if v.Refuse != nil {
			unpack(r, &box)
			*to = BoxSum{Photo: r.Key, Sum: box.Sum, Number: r.Number, Label: label, Plain: box.Sane()}
			if to.Plain {
				to.Reason = v.Refuse(&box.BoxRow)
			}
			return
		}
		edges := unpackEdges(r.Packed)
		sane := edges[0] < edges[1] && edges[1] <= edgeUnit && edges[2] < edges[3] && edges[3] <= edgeUnit
		*to = BoxSum{Photo: r.Key, Sum: text.sum(r.Value, &edges), Number: r.Number, Label: label, Plain: sane}
	}
}

// ReadSums yields what a sample needs to know of rows of a list of boxes, some
// at a time, in the order of the list. ok is false where the list has no index
// that holds these rows.
func (l *BoxList) ReadSums(ctx context.Context, mids []string, v SumRequest) (sums iter.Seq2[[]csvscan.Row[BoxSum], error], ok bool, err error) {
	if err := l.open(ctx); err != nil {
		return nil, false, err
	}
	q := v.request(l.path, mids)
	return csvscan.Read(ctx, l.file, q), csvscan.HoldsPacked(l.file, q), nil
}
