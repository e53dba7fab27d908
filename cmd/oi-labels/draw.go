package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/classset"
	"github.com/opensandwich/oi/cmd/internal/report"
)

// draw writes the hierarchy in one of its forms.
func (l *lister) draw(ctx context.Context) error {
	if err := l.readHierarchy(ctx); err != nil {
		return err
	}
	var roots []string
	for _, query := range l.env.Args {
		name, _ := classset.CutSlash(query)
		class, err := l.find(name)
		if err != nil {
			return err
		}
		roots = append(roots, class.MID)
	}
	if len(roots) == 0 {
		roots = []string{l.hierarchy.Root()}
	}
	if l.counts || !l.tree {
		var err error
		if l.tally, err = readTally(ctx, l.src, l.dataset, l.subsets); err != nil {
			return err
		}
	}
	if l.tree {
		return l.writeTrees(roots)
	}
	g := newGraph(l.hierarchy, l.classes, roots[0], l.tally)
	title := fmt.Sprintf("Open Images %s: %s", strings.ToUpper(l.dataset.Name), l.classes.Name(roots[0]))
	if len(l.env.Args) == 0 {
		title = fmt.Sprintf("The classes of Open Images %s", strings.ToUpper(l.dataset.Name))
	}
	if l.vega {
		b := bufio.NewWriter(l.env.Stdout)
		if err := writeVega(b, g, title); err != nil {
			return err
		}
		return b.Flush()
	}
	return report.WriteFiles(report.File{Path: l.html, Write: func(w io.Writer) error { return writePage(w, g, title, l.subsets) }})
}

// writeTrees writes the text trees.
func (l *lister) writeTrees(roots []string) error {
	var note func(mid string) string
	if l.tally != nil {
		note = func(mid string) string {
			text := fmt.Sprintf("  %s", thousands(l.tally.sum(mid).boxes))
			if below := l.hierarchy.Descendants(mid); len(below) > 0 {
				text += fmt.Sprintf(" of %s", thousands(l.tally.sum(append(below, mid)...).boxes))
			}
			return text
		}
	}
	for _, root := range roots {
		if err := l.hierarchy.WriteTree(l.env.Stdout, l.classes, root, note); err != nil {
			return err
		}
	}
	return nil
}
