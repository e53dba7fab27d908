package main

import (
	"cmp"
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
// were lost for each reason, and how many are kept for each set. Of very many
// labels, it names the largest.
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
	numbers := func(t selection.Tally) []int64 {
		list := []int64{t.Rows}
		for _, reason := range reasons {
			list = append(list, t.Lost[reason])
		}
		return append(list, t.Kept, t.Sets[dataset.Train], t.Sets[dataset.Val], t.Sets[dataset.Test])
	}
	row := func(name string, numbers []int64) {
		cells := []string{name}
		for _, n := range numbers {
			cells = append(cells, fmt.Sprint(n))
		}
		rows = append(rows, cells)
	}
	shown := largest(s, len(names), maxTable)
	total, others := make([]int64, len(rows[0])-1), make([]int64, len(rows[0])-1)
	for i, name := range names {
		list := numbers(s.Tally(i))
		sums := [][]int64{total}
		if shown[i] {
			row(cli.Escape(name), list)
		} else {
			sums = append(sums, others)
		}
		for _, sum := range sums {
			for j, n := range list {
				sum[j] += n
			}
		}
	}
	if left := len(names) - len(shown); left > 0 {
		row(fmt.Sprintf("%d more labels", left), others)
	}
	if len(names) > 1 {
		row("all", total)
	}
	for _, line := range align(rows) {
		env.Infof("%s", line)
	}
}

// maxTable is the most labels that have a line of their own in the table.
const maxTable = 100

// largest returns the positions of the n labels with the most rows, the first
// among equals.
func largest(s *selection.Selection, labels, n int) map[int]bool {
	order := make([]int, labels)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(s.Tally(b).Rows, s.Tally(a).Rows) })
	shown := map[int]bool{}
	for _, i := range order[:min(n, labels)] {
		shown[i] = true
	}
	return shown
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
