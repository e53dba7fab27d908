package report

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/model"
)

// singleQuoted makes a word for a shell.
func singleQuoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// runRecipe runs a recipe where every command tells its version and does
// nothing else but fail, and returns what it says.
func runRecipe(t *testing.T, r *Recipe, environment []string, args ...string) string {
	t.Helper()
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh")
	}
	dir := t.TempDir()
	for _, tool := range append([]string{"oi-train"}, ours...) {
		text := "#!/bin/sh\n[ \"$1\" = --version ] && echo \"" + tool + " 1 (binary 0)\" && exit\necho RAN " + tool + " \"$@\" >&2\nexit 1\n"
		if err := os.WriteFile(filepath.Join(dir, tool), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	var script bytes.Buffer
	if err := r.Write(&script, singleQuoted); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "recipe.sh"), script.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(shell, append([]string{"recipe.sh"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append([]string{"PATH=" + dir + string(os.PathListSeparator) + os.Getenv("PATH"), "TMPDIR=" + dir}, environment...)
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Errorf("it succeeds:\n%s", out)
	}
	if entries, err := filepath.Glob(filepath.Join(dir, "recipe.??????")); err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	return string(out)
}

// What is missing, or cannot be made again, is said before anything is run.
func TestRecipeRefuses(t *testing.T) {
	list := filepath.Join(t.TempDir(), "x.csv")
	if err := os.WriteFile(list, []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	boxes := func(args map[string]string) Stage {
		if args["classes"] == "" {
			args["classes"] = "/m/1"
		}
		return Stage{Tool: "oi-boxes", Version: "1", Args: args}
	}
	images := func(list string) Stage {
		return Stage{Tool: "oi-fetch", Version: "1", Args: map[string]string{"images": list}}
	}
	crop := Stage{Tool: "oi-crop", Version: "1", Args: map[string]string{"size": "32"}}
	fresh := func(stages ...Stage) *Recipe {
		return &Recipe{Report: &Report{Run: "ab\nrm -rf x", Stages: stages, Provenance: Provenance{Code: Code{Version: "1"}}}, Expected: []byte("{}")}
	}
	taught := func(sum string) *Recipe {
		r := fresh(boxes(map[string]string{}), crop)
		r.Report.Provenance.Teacher = &Teacher{Architecture: "net, linear head", FileSHA256: sum}
		r.Report.Options = map[string]any{"teacher": sum, "teacher_weight": 0.5}
		return r
	}
	change := func(r *Recipe, change func(*Recipe)) *Recipe { change(r); return r }
	for name, tc := range map[string]struct {
		recipe      *Recipe
		environment []string
		args        []string
		want        string // at the beginning
		run         string // that is tried, "" for none
	}{
		"as it was":       {fresh(boxes(map[string]string{"dataset": "v7"}), images("s3,flickr"), crop), nil, nil, "RAN ", "RAN oi-boxes --dataset v7 /m/1\n"},
		"other place":     {fresh(boxes(map[string]string{"dataset": "v7"}), crop), []string{"METADATA=/a b"}, nil, "RAN ", "RAN oi-boxes --dataset v7 --metadata /a b /m/1\n"},
		"server":          {fresh(boxes(map[string]string{"metadata": "https://m/"}), crop), nil, nil, "RAN ", "RAN oi-boxes --metadata https://m/ /m/1\n"},
		"odd labels":      {fresh(boxes(map[string]string{"classes": "-a'b\n$(x)=/m/1+/m/2,/m/3", "without": "/m/4,/m/5"}), crop), nil, nil, "RAN ", "RAN oi-boxes --without=/m/4 --without=/m/5 -- -a'b\n$(x)=/m/1+/m/2 /m/3\n"},
		"metadata folder": {fresh(boxes(map[string]string{"metadata": "folder"}), crop), nil, nil, "recipe: the annotations came from a folder: METADATA=DIR\n", ""},
		"its folder":      {fresh(boxes(map[string]string{"metadata": "folder"}), crop), []string{"OI_METADATA=x"}, nil, "RAN ", "RAN oi-boxes --metadata x /m/1\n"},
		"photo folder":    {fresh(boxes(map[string]string{}), images("dir,s3"), crop), nil, nil, "recipe: photos came from a folder (--images dir,s3): IMAGES=DIR", ""},
		"its photos":      {fresh(boxes(map[string]string{}), images("dir:{subset}/{class}"), crop), []string{"IMAGES=p"}, nil, "RAN ", "RAN oi-fetch --images p\n"},
		"ids":             {fresh(boxes(map[string]string{"ids": "2:ab"}), crop), nil, nil, "recipe: oi-boxes had a list of ids: IDS=FILE\n", ""},
		"other ids":       {fresh(boxes(map[string]string{"exclude-ids": "2:ab"}), crop), nil, nil, "recipe: oi-boxes had a list of ids to leave out: EXCLUDE_IDS=FILE\n", ""},
		"sums": {change(fresh(boxes(map[string]string{}), crop), func(r *Recipe) { r.Sums = []FileSum{{"x.csv", "00"}, {"y.csv", "11"}} }),
			[]string{"METADATA=" + filepath.Dir(list)}, nil, "recipe: other annotations: the MD5 of " + list + " is 795f3202b17cb6bc3d4b771d8c6c9eaf, want 00\n", ""},
		"JSON":           {change(fresh(boxes(map[string]string{}), crop), func(r *Recipe) { r.Report.Completeness = "unchecked" }), nil, nil, "recipe: the query alone does not make the items again: plain JSON", ""},
		"foreign":        {fresh(boxes(map[string]string{}), Stage{Tool: "my tool", Version: "1"}, crop), nil, nil, `recipe: the query alone does not make the items again: "my tool", which`, ""},
		"no query":       {fresh(crop), nil, nil, "recipe: the query alone does not make the items again: the items do not come from oi-boxes;", ""},
		"nothing":        {fresh(), nil, nil, "recipe: the query alone does not make the items again: the model does not say where", ""},
		"joined":         {fresh(boxes(map[string]string{}), boxes(map[string]string{"limit": "1"})), nil, nil, "recipe: the query alone does not make the items again: the items are of several", ""},
		"interrupted":    {change(fresh(boxes(map[string]string{})), func(r *Recipe) { r.Never = "it's over" }), nil, nil, "recipe: it's over\n", ""},
		"variants":       {fresh(boxes(map[string]string{}), Stage{Tool: "oi-augment", Version: "1"}, Stage{Tool: "rm"}), nil, nil, `recipe: "rm" is none of the commands`, ""},
		"writes":         {fresh(boxes(map[string]string{"failures": "/x"})), nil, nil, `recipe: oi-boxes has the option "failures"`, ""},
		"option":         {fresh(boxes(map[string]string{"x;touch y": "1", "$(z)": "true"}), crop), nil, nil, "RAN ", "RAN oi-boxes --$(z) --x;touch y 1 /m/1\n"},
		"another code":   {change(fresh(boxes(map[string]string{})), func(r *Recipe) { r.Report.Provenance.Code.Version = "2" }), nil, nil, "recipe: another version: oi-train 1 (binary 0) is here, the model was made with oi-train 2\n", ""},
		"any code":       {change(fresh(boxes(map[string]string{})), func(r *Recipe) { r.Report.Provenance.Code.Version = "2" }), []string{"ANY_VERSION=1"}, nil, "RAN ", "RAN oi-boxes /m/1\n"},
		"no backbone":    {change(fresh(boxes(map[string]string{})), func(r *Recipe) { r.Report.Provenance.Backbone = &model.Backbone{Name: "net", FileSHA256: "ff"} }), nil, nil, "recipe: the network net is needed: BACKBONE=FILE.onnx, or", ""},
		"other backbone": {change(fresh(boxes(map[string]string{})), func(r *Recipe) { r.Report.Provenance.Backbone = &model.Backbone{Name: "net", FileSHA256: "ff"} }), []string{"BACKBONE=" + list}, nil, "recipe: another backbone: the SHA-256 of " + list, ""},
		"no teacher":     {taught("ff"), nil, nil, "recipe: the model that it learnt from is needed (net, linear head): TEACHER=FILE.onnx, whose SHA-256 is ff;", ""},
		"nowhere":        {taught("ff"), []string{"TEACHER=nosuch.onnx"}, nil, "recipe: no file nosuch.onnx, which is to be the teacher\n", ""},
		"other teacher":  {taught("ff"), []string{"TEACHER=" + list}, nil, "recipe: another teacher: the SHA-256 of " + list + " is d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa, want ff\n", ""},
		"two arguments":  {fresh(boxes(map[string]string{})), nil, []string{"a", "b"}, "recipe: want one stream or folder, or none\n", ""},
		"no file":        {fresh(boxes(map[string]string{})), nil, []string{"-a b"}, "recipe: no file or folder ./-a b\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := runRecipe(t, tc.recipe, tc.environment, tc.args...)
			if !strings.HasPrefix(got, tc.want) || tc.run != "" && !strings.Contains(got, tc.run) || tc.run == "" && strings.Contains(got, "RAN") {
				t.Errorf("got\n%s\nwant %s\n%s", got, tc.want, tc.run)
			}
			if strings.Contains(got, "RAN oi-train --expect") || strings.Contains(got, "not found") {
				t.Errorf("it trains, or runs something else:\n%s", got)
			}
		})
	}
}
