package main

import (
	"context"
	"strings"

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
underscores, hyphens, accents, apostrophes and a simple plural, or whose MID is
one of them. CLASS/ lists the class and all kinds below it, as oi-boxes CLASS/
takes them. Nothing found is a failure.

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

--check-cache looks at what all commands have downloaded of the data set, instead:
it writes the name of each damaged file and what is wrong with it, removes it, and
fails if there is one. The official files are held against their sizes and
checksums; those of a mirror must have their columns, rows that can be read, and
a last row that is complete.

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
	cache   bool // is to be checked
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
	fs.BoolVar(&o.cache, "check-cache", false, "look for damaged downloads, name and remove them")
	o.choice.Register(fs)
}

func (o *options) run(ctx context.Context, env *cli.Env) error {
	if err := o.check(env.Args); err != nil {
		return err
	}
	if o.cache {
		return o.verifyCache(ctx, env)
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
	case o.cache && (len(args) > 0 || len(forms) > 0 || o.counts || o.all):
		return cli.Usagef("--check-cache lists no classes: it goes with --cache only")
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
