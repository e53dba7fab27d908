package report

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/template"
)

//go:embed recipe.sh.tmpl
var recipeTemplate string

// A Recipe makes a model again.
type Recipe struct {
	Report *Report // of the model, as far as it is known
	// Expected is what oi-train --expect compares with, as JSON.
	Expected []byte
	// Sums are the files that the query has read, as far as their MD5 is
	// known.
	Sums []FileSum
	// Never says why the model cannot be made again from anything, "" if it
	// can.
	Never string
}

// A FileSum is an annotation file by its official relative path.
type FileSum struct{ Path, MD5 string }

// ours are the commands that a recipe can run, but for oi-train. The list is
// never changed.
var ours = []string{"oi-boxes", "oi-fetch", "oi-crop", "oi-augment"}

// Write writes the recipe as a script for a POSIX shell, with words that quote
// makes safe for one.
func (r *Recipe) Write(to io.Writer, quote func(string) string) error {
	t, err := template.New("recipe").Funcs(template.FuncMap{"q": quote, "inc": func(i int) int { return i + 1 }}).Parse(recipeTemplate)
	if err != nil {
		return err
	}
	var expected bytes.Buffer
	if err := json.Compact(&expected, r.Expected); err != nil { // no line of it can end the document
		return err
	}
	d := recipeData{Run: inComment(r.Report.Run), Never: r.Never, Sums: r.Sums, Expected: expected.String(), Version: r.Report.Provenance.Code.Version}
	d.fill(r.Report, quote)
	return t.Execute(to, d)
}

// recipeData is what the template shows.
type recipeData struct {
	Run, Never, Version, Expected string

	Query    string // why the query alone does not make the items, "" if it does
	Made     []recipeStage
	Variants string // oi-augment and what follows, "" without
	Train    string
	Check    string // oi-train --check-items
	Tools    []recipeTool
	Sums     []FileSum

	All            string   // all stages as a pipe
	Prefixes, Rest []string // after so many stages: the tools' names, and a pipe of those that are left

	Metadata, Images, ImagesWere string // values, "" unknown
	NeedsMetadata, NeedsImages   bool
	NeedsIDs, NeedsExcludeIDs    bool
	Backbone, BackboneSum        string
	Teacher, TeacherSum          string
}

type recipeStage struct{ Tool, Line string }

type recipeTool struct{ Name, Version string }

func (d *recipeData) fill(r *Report, quote func(string) string) {
	stand := Placeholders{
		IDs: `"$IDS"`, ExcludeIDs: `"$EXCLUDE_IDS"`, Backbone: `"$BACKBONE"`, Teacher: `"$TEACHER"`, Output: `"$OUT"`, Expect: `"$work/expected.json"`,
		Images: func(string) string { return `"$IMAGES"` },
	}
	var reasons []string
	if len(r.Stages) == 0 {
		reasons = append(reasons, "the model does not say where its items came from")
	}
	if r.Completeness != "" {
		reasons = append(reasons, "plain JSON was read on the way, in which a filter such as jq leaves no trace")
	}
	queries, variants := 0, []string(nil)
	for _, s := range r.Stages {
		known := slices.Contains(ours, s.Tool)
		if !known {
			reasons = append(reasons, fmt.Sprintf("%q, which is none of these commands, has changed the items", s.Tool))
		}
		if known && !slices.Contains(d.Tools, recipeTool{s.Tool, s.Version}) {
			d.Tools = append(d.Tools, recipeTool{s.Tool, s.Version})
		}
		own := stand
		if s.Tool == "oi-boxes" {
			queries++
			if place, ok := s.Args["metadata"]; ok {
				own.Metadata = `"$METADATA"`
				if d.NeedsMetadata = place == "folder"; !d.NeedsMetadata {
					d.Metadata = place
				}
			}
			d.NeedsIDs, d.NeedsExcludeIDs = d.NeedsIDs || s.Args["ids"] != "", d.NeedsExcludeIDs || s.Args["exclude-ids"] != ""
		}
		if images, ok := s.Args["images"]; ok && s.Tool == "oi-fetch" {
			if d.NeedsImages = slices.ContainsFunc(strings.Split(images, ","), isFolder); !d.NeedsImages {
				d.Images = images
			}
			d.ImagesWere = images
		}
		line := commandLine(s.Tool, s.Args, quote, own)
		if name := writes(s.Args); name != "" {
			d.Never = fmt.Sprintf("%s has the option %q, which names a file to be written and is never in a trail", s.Tool, name)
		}
		if s.Tool == "oi-augment" || variants != nil {
			if variants = append(variants, line); !known {
				d.Never = fmt.Sprintf("%q is none of the commands that a recipe can run", s.Tool)
			}
			continue
		}
		if !known {
			line = "fail " + quote(fmt.Sprintf("%q is none of the commands that a recipe can run", s.Tool))
		}
		d.Made = append(d.Made, recipeStage{s.Tool, line})
	}
	if name := writes(r.options()); name != "" {
		d.Never = fmt.Sprintf("oi-train has the option %q, which names a file to be written and is no option that changes results", name)
	}
	if queries > 1 {
		reasons = append(reasons, "the items are of several queries, whose streams were joined")
	}
	if len(r.Stages) > 0 && (queries == 0 || r.Stages[0].Tool != "oi-boxes") {
		reasons = append(reasons, "the items do not come from oi-boxes")
	}
	d.Query = strings.Join(reasons, "; ")
	d.pipes()
	d.Variants = strings.Join(variants, " | ")
	d.Tools = append(d.Tools, recipeTool{"oi-train", d.Version})
	d.Train = r.trainLine(quote, stand)
	d.Check = checkLine(r, quote, stand)
	if of := r.Provenance.Backbone; of != nil {
		d.Backbone, d.BackboneSum = of.Name, of.FileSHA256
	}
	if of := r.Provenance.Teacher; of != nil {
		d.Teacher, d.TeacherSum = of.Architecture, of.FileSHA256
	}
}

// writes returns an option that names a file to be written, "" if there is none.
// None is ever in a trail that these commands have written, but a recipe is
// made to be run.
func writes(args map[string]string) string {
	for name := range args {
		switch strings.ReplaceAll(name, "_", "-") {
		case "output", "o", "dir", "tar", "sheet", "failures", "attribution", "manifest", "photos", "cache", "near-list", "double-list", "resume", "force", "generate":
			return name
		}
	}
	return ""
}

// inComment makes a text of which nothing is run where it stands in a comment.
func inComment(text string) string {
	return strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || r == '-' {
			return r
		}
		return '_'
	}, text)
}

// pipes writes the stages as pipes, from each of them to the last.
func (d *recipeData) pipes() {
	prefix := ""
	for i, s := range d.Made {
		prefix += s.Tool + " "
		var rest []string
		for k := i + 1; k < len(d.Made); k++ {
			rest = append(rest, fmt.Sprintf("stage%d", k+1))
		}
		if i == 0 {
			d.All = strings.Join(append([]string{"stage1"}, rest...), " | ")
		}
		if len(rest) > 0 {
			rest[0] += ` <"$from"`
		}
		d.Prefixes, d.Rest = append(d.Prefixes, prefix), append(d.Rest, strings.Join(rest, " | "))
	}
}

// isFolder reports whether a source of photos was a folder, whose name a trail
// does not keep.
func isFolder(source string) bool {
	return source == "dir" || strings.HasPrefix(source, "dir:") || strings.HasPrefix(source, "dir/")
}

// checkLine is a command line that compares items with those of the report: it
// has the options on which it depends which items these are.
func checkLine(r *Report, quote func(string) string, stand Placeholders) string {
	args := map[string]string{}
	for name, value := range r.options() {
		switch name {
		case "val", "test", "repeats", "incomplete", "near_duplicates", "poor_crops":
			args[name] = value
		}
	}
	return commandLine("oi-train", args, quote, stand) + " --check-items --expect " + stand.Expect
}
