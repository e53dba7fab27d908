package main

import (
	"context"
	_ "embed"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/openimages"
	"github.com/opensandwich/oi/cmd/internal/openimages/metadata"
)

func main() { cli.Main(command()) }

//go:embed help.txt
var help string

func command() *cli.Command {
	o := &options{}
	return &cli.Command{
		Name:  "oi-labels",
		Help:  help,
		Flags: o.flags,
		Run:   o.run,
		Instead: []cli.Instead{
			{Names: []string{"class", "classes", "category", "categories", "label", "labels", "query", "search", "find"}, Hint: "names to look for are arguments: oi-labels cat"},
			{Names: []string{"output", "out", "o", "outdir", "out-dir", "output-dir", "output-folder", "save-dir", "dest", "dest-dir"}, Hint: "the list goes to standard output: oi-labels >labels.txt"},
		},
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
	cli.ListOf(fs, "subset", openimages.Subsets()...)
	cli.FilesOf(fs, "html", "html")
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
	if o.subsets, err = metadata.CheckSubsets(o.subsets); err != nil {
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
