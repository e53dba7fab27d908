package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/openimages/selection"
)

// writeTable tells a person, label by label, how many rows were found, how many
// were lost for each reason, and how many are kept for each set.
func writeTable(env *cli.Env, q *selection.Query, s *selection.Selection) {
	var names []string
	for _, class := range q.Classes {
		names = append(names, class.Name)
	}
	if q.Negatives > 0 {
		names = append(names, q.NotName)
	}
	found := map[string]bool{}
	for i := range names {
		for reason := range s.Tally(i).Lost {
			found[reason] = true
		}
	}
	reasons := slices.Sorted(maps.Keys(found))
	rows := [][]string{slices.Concat([]string{"label", "rows"}, reasons, []string{"kept", dataset.Train, dataset.Val, dataset.Test})}
	var total []int64
	for i, name := range names {
		t := s.Tally(i)
		numbers := []int64{t.Rows}
		for _, reason := range reasons {
			numbers = append(numbers, t.Lost[reason])
		}
		numbers = append(numbers, t.Kept, t.Sets[dataset.Train], t.Sets[dataset.Val], t.Sets[dataset.Test])
		row := []string{cli.Escape(name)}
		total = append(total, make([]int64, len(numbers)-len(total))...)
		for j, n := range numbers {
			row = append(row, fmt.Sprint(n))
			total[j] += n
		}
		rows = append(rows, row)
	}
	if len(names) > 1 {
		row := []string{"all"}
		for _, n := range total {
			row = append(row, fmt.Sprint(n))
		}
		rows = append(rows, row)
	}
	for _, line := range align(rows) {
		env.Infof("%s", line)
	}
}

// align pads columns to one width: the first to the left, the others to the
// right.
func align(rows [][]string) []string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var lines []string
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				line.WriteString(cell + pad)
			} else {
				line.WriteString("  " + pad + cell)
			}
		}
		lines = append(lines, line.String())
	}
	return lines
}
