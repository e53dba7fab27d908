package report

import (
	"cmp"
	"fmt"
	"slices"
)

// maxMatrix is how many classes have their whole matrix on the page, and
// maxConfusions how many pairs stand there if there are more.
const (
	maxMatrix     = 40
	maxConfusions = 40
)

// maxShade leaves a cell's number readable on its colour.
const maxShade = 0.55

type matrixRow struct {
	Class string
	Cells []matrixCell
}

type matrixCell struct {
	N     int64
	Share string  // of its row, in percent
	Shade float64 // 0 to maxShade
	Right bool
}

// matrix returns the matrix with a shade for each cell.
func matrix(e *Evaluation) []matrixRow {
	var rows []matrixRow
	for i, class := range e.classes {
		row := matrixRow{Class: class}
		for k, n := range e.Matrix[i] {
			cell := matrixCell{N: n, Right: i == k, Share: "0"}
			if support := e.scores[i].Support; support > 0 {
				share := float64(n) / float64(support)
				cell.Share, cell.Shade = fmt.Sprintf("%.0f", 100*share), round(1000*maxShade*share)/1000
			}
			row.Cells = append(row.Cells, cell)
		}
		rows = append(rows, row)
	}
	return rows
}

// A confused is how many items of a class are taken for another.
type confused struct {
	Truth, Predicted string
	N, Of            int64
}

// confusions returns the most frequent ones.
func confusions(e *Evaluation) []confused {
	var list []confused
	for i, row := range e.Matrix {
		for k, n := range row {
			if i != k && n > 0 {
				list = append(list, confused{e.classes[i], e.classes[k], n, e.scores[i].Support})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b confused) int { return cmp.Compare(b.N, a.N) })
	return list[:min(len(list), maxConfusions)]
}
