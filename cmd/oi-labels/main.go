package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/openimages"
	"github.com/opensandwich/oi/cmd/internal/openimages/metadata"
)

func main() { cli.Main(command()) }

func command() *cli.Command {
	o := &options{}
	return &cli.Command{
		Name:    "oi-labels",
		Summary: "list and search the classes of Open Images",
		Usage:   "[QUERY...]",
		Description: `Without a QUERY, all classes are listed, sorted by name, one a line: the MID
(Open Images' identifier), a tab, the name. With one or several, those are
listed whose name contains one of them, without regard to case, spaces,
underscores, hyphens and a simple plural, or whose MID is one of them. Nothing
found is a failure.

With --tree, the hierarchy is written as an indented text tree, kinds before
parts, below each QUERY, which then names one class; without a QUERY below the
top. A class with several parents stands under each of them.

oi-boxes reads the list: oi-labels | fzf -m | oi-boxes -`,
		Examples: `# which classes have to do with sandwiches
oi-labels sandwich
# pick some by hand and ask for their boxes
oi-labels | fzf -m | oi-boxes - > boxes.oi
# what is below Food
oi-labels --tree food
# the children of a class, as data
oi-labels --json sandwich | jq -r '.children[].name'`,
		Flags: o.flags,
		Run:   o.run,
	}
}

type options struct {
	choice metadata.Choice
	tree   bool
	json   bool
}

func (o *options) flags(fs *cli.FlagSet) {
	fs.BoolVar(&o.tree, "tree", false, "write the hierarchy as a text tree")
	fs.BoolVar(&o.json, "json", false, "write one JSON object a line: mid, name, parents, children, part_of, parts")
	o.choice.Register(fs)
}

func (o *options) run(ctx context.Context, env *cli.Env) error {
	if o.tree && o.json {
		return cli.Usagef("choose one of --tree and --json")
	}
	dataset, src, err := o.choice.Open(env)
	if err != nil {
		return err
	}
	return o.choice.Explain(o.write(ctx, env, dataset, src))
}

func (o *options) write(ctx context.Context, env *cli.Env, dataset openimages.Dataset, src openimages.Source) error {
	classes, err := openimages.ReadClasses(ctx, src, dataset)
	if err != nil {
		return err
	}
	if o.tree {
		return writeTrees(ctx, env, dataset, src, classes)
	}
	found := classes.Search(env.Args...)
	if len(found) == 0 {
		return nothingFound(classes, env.Args)
	}
	if o.json {
		hierarchy, err := openimages.ReadHierarchy(ctx, src, dataset)
		if err != nil {
			return err
		}
		return writeJSON(env.Stdout, found, classes, hierarchy)
	}
	return writeList(env.Stdout, found)
}

func writeList(w io.Writer, found []openimages.Class) error {
	b := bufio.NewWriter(w)
	for _, class := range found {
		// Flush returns the first error.
		_, _ = fmt.Fprintf(b, "%s\t%s\n", class.MID, class.Name)
	}
	return b.Flush()
}

// nothingFound says what comes near the queries.
func nothingFound(classes *openimages.Classes, queries []string) error {
	err := fmt.Errorf("no class matches %q", queries)
	if len(queries) != 1 {
		return err
	}
	err = fmt.Errorf("no class matches %q", queries[0])
	var unknown *openimages.UnknownClassError
	if _, e := classes.Find(queries[0]); errors.As(e, &unknown) && unknown.Hint() != "" {
		return cli.WithHint(err, unknown.Hint())
	}
	return err
}

func writeTrees(ctx context.Context, env *cli.Env, dataset openimages.Dataset, src openimages.Source, classes *openimages.Classes) error {
	var roots []string
	for _, query := range env.Args {
		class, err := classes.Find(query)
		if err != nil {
			return metadata.UnknownClass(err)
		}
		roots = append(roots, class.MID)
	}
	hierarchy, err := openimages.ReadHierarchy(ctx, src, dataset)
	if err != nil {
		return err
	}
	if len(roots) == 0 {
		roots = []string{hierarchy.Root()}
	}
	for _, root := range roots {
		if err := hierarchy.WriteTree(env.Stdout, classes, root); err != nil {
			return err
		}
	}
	return nil
}

// entry is a class as data.
type entry struct {
	MID      string `json:"mid"`
	Name     string `json:"name"`
	Parents  []ref  `json:"parents"`
	Children []ref  `json:"children"`
	PartOf   []ref  `json:"part_of"`
	Parts    []ref  `json:"parts"`
}

type ref struct {
	MID  string `json:"mid"`
	Name string `json:"name"`
}

func writeJSON(w io.Writer, found []openimages.Class, classes *openimages.Classes, h *openimages.Hierarchy) error {
	refs := func(mids []string) []ref {
		list := []ref{} // never null
		for _, mid := range mids {
			list = append(list, ref{mid, classes.Name(mid)})
		}
		return list
	}
	b := bufio.NewWriter(w)
	encoder := json.NewEncoder(b)
	encoder.SetEscapeHTML(false)
	for _, class := range found {
		err := encoder.Encode(entry{
			MID: class.MID, Name: class.Name,
			Parents: refs(h.Parents(class.MID)), Children: refs(h.Children(class.MID)),
			PartOf: refs(h.Wholes(class.MID)), Parts: refs(h.Parts(class.MID)),
		})
		if err != nil {
			return err
		}
	}
	return b.Flush()
}
