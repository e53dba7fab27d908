package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/google/renameio/v2"

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
underscores, hyphens and a simple plural, or whose MID is one of them. CLASS/
lists the class and all kinds below it, as oi-boxes CLASS/ takes them. Nothing
found is a failure.

--counts adds how many boxes there are of each class, and how many photos have
one, for each subset; a first line that begins with # names the columns. The
first time, the box lists are read for that, and downloaded where they are not
in the cache: 2.4 GB for all subsets, 25 MB for --subset validation.

With --tree, the hierarchy is written as an indented text tree, kinds before
parts, below each QUERY, which then names one class; without a QUERY below the
top. A class with several parents stands under each of them.

--html and --vega draw it as a radial tree with each class once, on the parent
nearest to the top, lines to its other parents and from what it is a part of,
and a disc for its boxes. --html is a page that needs nothing else, to search
and to hover; --vega a specification for Vega 5.

oi-boxes reads the list: oi-labels | fzf -m | oi-boxes -`,
		Examples: `# which classes have to do with sandwiches
oi-labels sandwich
# pick some by hand and ask for their boxes
oi-labels | fzf -m | oi-boxes - > boxes.oi
# what is below Food
oi-labels --tree food
# of which foods there are most boxes in the smallest subset
oi-labels --counts --subset validation Food/ | sort -t "$(printf '\t')" -k 3nr | head
# look at all of it
oi-labels --dataset sample --html classes.html
# the children of a class, as data
oi-labels --json sandwich | jq -r '.children[].name'`,
		Flags: o.flags,
		Run:   o.run,
	}
}

type options struct {
	choice  metadata.Choice
	counts  bool
	subsets []string
	all     bool
	tree    bool
	json    bool
	vega    bool
	html    string
}

func (o *options) flags(fs *cli.FlagSet) {
	fs.BoolVar(&o.counts, "counts", false, "add numbers of boxes and photos")
	fs.StringSliceVar(&o.subsets, "subset", openimages.Subsets(), "what is counted: a `LIST` of subsets")
	fs.BoolVar(&o.all, "image-labels", false, "the classes of image-level labels, some 20,000, as oi-boxes --image-labels takes them")
	fs.BoolVar(&o.json, "json", false, "write one JSON object a line: mid, name, parents, children, part_of, parts; with --counts, boxes and photos")
	fs.BoolVar(&o.tree, "tree", false, "write the hierarchy as a text tree")
	fs.StringVar(&o.html, "html", "", "write the hierarchy with its counts to `FILE`, as a page to look at")
	fs.BoolVar(&o.vega, "vega", false, "write the hierarchy with its counts as a Vega 5 specification")
	o.choice.Register(fs)
}

func (o *options) run(ctx context.Context, env *cli.Env) error {
	if err := o.check(env.Args); err != nil {
		return err
	}
	dataset, src, err := o.choice.Open(env)
	if err != nil {
		return err
	}
	l := &lister{options: o, env: env, dataset: dataset, src: src}
	return o.choice.Explain(l.run(ctx))
}

// check looks at the flags before any work.
func (o *options) check(args []string) (err error) {
	if o.subsets, err = checkSubsets(o.subsets); err != nil {
		return err
	}
	forms := []string{}
	for _, form := range []struct {
		name string
		on   bool
	}{{"--json", o.json}, {"--tree", o.tree}, {"--html", o.html != ""}, {"--vega", o.vega}} {
		if form.on {
			forms = append(forms, form.name)
		}
	}
	switch {
	case len(forms) > 1:
		return cli.Usagef("choose one of %s", strings.Join(forms, " and "))
	case o.all && (o.counts || o.tree || o.vega || o.html != ""):
		return cli.Usagef("--image-labels goes with a list or --json only: the hierarchy and the counts are of classes with boxes")
	case (o.vega || o.html != "") && len(args) > 1:
		return cli.Usagef("%s draws one class and what is below it", forms[0])
	case o.html != "":
		return cli.CheckOutputFile(o.html)
	}
	return nil
}

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
	below := slices.ContainsFunc(l.env.Args, func(query string) bool { return strings.HasSuffix(query, "/") })
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

// search returns the classes that the queries find, sorted by name.
func (l *lister) search() ([]openimages.Class, error) {
	var queries []string
	below := map[string]bool{}
	for _, query := range l.env.Args {
		name, slash := strings.CutSuffix(strings.TrimSpace(query), "/")
		if !slash {
			queries = append(queries, query)
			continue
		}
		class, err := l.find(name)
		if err != nil {
			return nil, err
		}
		below[class.MID] = true
		for _, mid := range l.hierarchy.Descendants(class.MID) {
			below[mid] = true
		}
	}
	found := map[string]bool{}
	if len(queries) > 0 || len(below) == 0 {
		for _, class := range l.classes.Search(queries...) {
			found[class.MID] = true
		}
	}
	return slices.DeleteFunc(l.classes.All(), func(class openimages.Class) bool {
		return !found[class.MID] && !below[class.MID]
	}), nil
}

// find looks up one class. The hierarchy has been read.
func (l *lister) find(name string) (openimages.Class, error) {
	class, err := l.classes.Find(name)
	var unknown *openimages.UnknownClassError
	if errors.As(err, &unknown) {
		unknown.LookBeside(l.hierarchy, l.classes)
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
		unknown.LookBeside(l.hierarchy, l.classes)
		if hint := unknown.Hint(); hint != "" {
			return cli.WithHint(err, hint)
		}
	}
	return err
}

// draw writes the hierarchy in one of its forms.
func (l *lister) draw(ctx context.Context) error {
	if err := l.readHierarchy(ctx); err != nil {
		return err
	}
	var roots []string
	for _, query := range l.env.Args {
		class, err := l.find(strings.TrimSuffix(query, "/"))
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
	return writeFile(l.html, func(w io.Writer) error { return writePage(w, g, title, l.subsets) })
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

// writeFile makes a file that appears whole or not at all.
func writeFile(path string, write func(io.Writer) error) (err error) {
	file, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o666))
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, file.Cleanup()) }() // nothing once it is in place
	b := bufio.NewWriter(file)
	if err := write(b); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := file.CloseAtomicallyReplace(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// writeList writes a class a line.
func (l *lister) writeList(found []openimages.Class) error {
	b := bufio.NewWriter(l.env.Stdout)
	// Flush returns the first error.
	if l.tally != nil {
		_, _ = b.WriteString("# mid\tname")
		for _, subset := range l.subsets {
			_, _ = fmt.Fprintf(b, "\t%s boxes\t%[1]s photos", subset)
		}
		_ = b.WriteByte('\n')
	}
	for _, class := range found {
		_, _ = fmt.Fprintf(b, "%s\t%s", class.MID, class.Name)
		for _, c := range l.tally.of(class.MID) {
			_, _ = fmt.Fprintf(b, "\t%d\t%d", c.boxes, c.photos)
		}
		_ = b.WriteByte('\n')
	}
	return b.Flush()
}

// entry is a class as data.
type entry struct {
	MID      string           `json:"mid"`
	Name     string           `json:"name"`
	Parents  []ref            `json:"parents"`
	Children []ref            `json:"children"`
	PartOf   []ref            `json:"part_of"`
	Parts    []ref            `json:"parts"`
	Boxes    map[string]int64 `json:"boxes,omitempty"`  // by subset
	Photos   map[string]int64 `json:"photos,omitempty"` // with such a box
}

type ref struct {
	MID  string `json:"mid"`
	Name string `json:"name"`
}

// writeJSON writes an object a line.
func (l *lister) writeJSON(found []openimages.Class) error {
	refs := func(mids []string) []ref {
		list := []ref{} // never null
		for _, mid := range mids {
			list = append(list, ref{mid, l.classes.Name(mid)})
		}
		return list
	}
	b := bufio.NewWriter(l.env.Stdout)
	encoder := json.NewEncoder(b)
	encoder.SetEscapeHTML(false)
	h := l.hierarchy
	for _, class := range found {
		e := entry{
			MID: class.MID, Name: class.Name,
			Parents: refs(h.Parents(class.MID)), Children: refs(h.Children(class.MID)),
			PartOf: refs(h.Wholes(class.MID)), Parts: refs(h.Parts(class.MID)),
		}
		for i, c := range l.tally.of(class.MID) {
			if e.Boxes == nil {
				e.Boxes, e.Photos = map[string]int64{}, map[string]int64{}
			}
			e.Boxes[l.subsets[i]], e.Photos[l.subsets[i]] = c.boxes, c.photos
		}
		if err := encoder.Encode(e); err != nil {
			return err
		}
	}
	return b.Flush()
}
