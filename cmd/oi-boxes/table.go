package main

import (
	"fmt"
	"unicode/utf8"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/openimages"
)

// writeTable tells a person, class by class, what was found and kept.
func writeTable(env *cli.Env, q *openimages.Query, s *openimages.Selection) {
	names := []string{"class"}
	for _, class := range q.Classes {
		names = append(names, cli.Escape(class.Name))
	}
	if q.Negatives > 0 {
		names = append(names, cli.Escape(q.NotName))
	}
	width := 0
	for _, name := range names {
		width = max(width, utf8.RuneCountInString(name))
	}
	for i, name := range names {
		cells := []any{"rows", "kept", dataset.Train, dataset.Val, dataset.Test}
		if i > 0 {
			t := s.Tally(i - 1)
			cells = []any{t.Rows, t.Kept, t.Sets[dataset.Train], t.Sets[dataset.Val], t.Sets[dataset.Test]}
		}
		line := fmt.Sprintf("%-*s", width, name)
		for _, cell := range cells {
			line += fmt.Sprintf(" %8v", cell)
		}
		env.Infof("%s", line)
	}
}
