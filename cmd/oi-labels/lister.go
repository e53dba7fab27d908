package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/classset"
	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/openimages"
	"github.com/opensandwich/oi/cmd/internal/openimages/metadata"
)

// A lister answers on standard output or in a file.
type lister struct {
	*options
	env       *cli.Env
	dataset   openimages.Dataset
	src       openimages.Source
	classes   *openimages.Classes
	hierarchy *openimages.Hierarchy
	tally     *tally // nil if nothing is counted
}

func (l *lister) run(ctx context.Context) (err error) {
	read := openimages.ReadClasses
	if l.all {
		read = openimages.ReadAllClasses
	}
	if l.classes, err = read(ctx, l.src, l.dataset); err != nil {
		return err
	}
	if l.tree || l.html != "" || l.vega {
		return l.draw(ctx)
	}
	below := slices.ContainsFunc(l.env.Args, func(query string) bool {
		_, slash := classset.CutSlash(query)
		return slash
	})
	if l.json || below {
		if err := l.readHierarchy(ctx); err != nil {
			return err
		}
	}
	found, err := l.search()
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return l.nothingFound(ctx)
	}
	if l.counts {
		if l.tally, err = readTally(ctx, l.src, l.dataset, l.subsets); err != nil {
			return err
		}
	}
	if l.json {
		return l.writeJSON(found)
	}
	return l.writeList(found)
}

func (l *lister) readHierarchy(ctx context.Context) (err error) {
	l.hierarchy, err = openimages.ReadHierarchy(ctx, l.src, l.dataset)
	return err
}

// search returns the classes that the queries find, sorted by name. Of several
// queries, it says which find nothing.
func (l *lister) search() ([]openimages.Class, error) {
	found := map[string]bool{}
	var idle []string
	for _, query := range l.env.Args {
		name, slash := classset.CutSlash(query)
		if slash {
			class, err := l.find(name)
			if err != nil {
				return nil, err
			}
			found[class.MID] = true
			for _, mid := range l.hierarchy.Descendants(class.MID) {
				found[mid] = true
			}
			continue
		}
		classes := l.classes.Search(name)
		if len(classes) == 0 {
			idle = append(idle, query)
		}
		for _, class := range classes {
			found[class.MID] = true
		}
	}
	if len(found) > 0 {
		for _, query := range idle {
			l.env.Warnf("no class matches %q", query)
		}
	}
	return slices.DeleteFunc(l.classes.All(), func(class openimages.Class) bool {
		return len(l.env.Args) > 0 && !found[class.MID]
	}), nil
}

// find looks up one class. The hierarchy has been read.
func (l *lister) find(name string) (openimages.Class, error) {
	class, err := l.classes.Find(name)
	var unknown *openimages.UnknownClassError
	if errors.As(err, &unknown) {
		unknown.Suggest(l.hierarchy, l.classes)
	}
	return class, metadata.UnknownClass(err)
}

// nothingFound says what comes near the queries.
func (l *lister) nothingFound(ctx context.Context) error {
	queries := l.env.Args
	if len(queries) != 1 {
		return fmt.Errorf("no class matches %q", queries)
	}
	err := fmt.Errorf("no class matches %q", queries[0])
	if e := l.readHierarchy(ctx); e != nil {
		return errors.Join(err, e)
	}
	var unknown *openimages.UnknownClassError
	if _, e := l.classes.Find(queries[0]); errors.As(e, &unknown) {
		unknown.Suggest(l.hierarchy, l.classes)
		if hint := unknown.Hint(); hint != "" {
			return cli.WithHint(fmt.Errorf("no class matches %s", unknown.Quoted()), hint)
		}
	}
	return err
}
