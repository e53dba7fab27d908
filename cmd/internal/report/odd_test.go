package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/record"
)

// allForms writes a report in its three forms and returns them.
func allForms(t *testing.T, r *Report) (data, page, card string) {
	t.Helper()
	var a, b, c bytes.Buffer
	for _, write := range []error{r.WriteJSON(&a), r.WriteHTML(&b), r.WriteMarkdown(&c)} {
		if write != nil {
			t.Fatal(write)
		}
	}
	return a.String(), b.String(), c.String()
}

// of returns a report on answers.
func of(t *testing.T, classes []string, items []*record.Item, truth, said []int) *Report {
	t.Helper()
	a := NewAccumulator(dataset.Test, classes)
	for i, item := range items {
		p := make([]float32, len(classes))
		p[said[i]] = 1
		if err := a.Add(item, truth[i], p, false); err != nil {
			t.Fatal(err)
		}
	}
	return &Report{Classes: classes, Options: map[string]any{}, History: []Epoch{}, Evaluation: a.Evaluation()}
}

// TestOddEvaluations: what is not defined is left out in every form, and is no
// number of a float's making.
func TestOddEvaluations(t *testing.T) {
	items := func(n int) (list []*record.Item) {
		for i := range n {
			list = append(list, item(i))
		}
		return list
	}
	for name, r := range map[string]*Report{
		"one item":                of(t, []string{"a", "b"}, items(1), []int{0}, []int{0}),
		"two items":               of(t, []string{"a", "b"}, items(2), []int{0, 1}, []int{1, 0}),
		"a class that never is":   of(t, []string{"a", "b", "c"}, items(4), []int{0, 1, 0, 1}, []int{0, 1, 1, 1}),
		"a class only predicted":  of(t, []string{"a", "b", "c"}, items(4), []int{0, 1, 0, 1}, []int{0, 2, 2, 1}),
		"one class alone":         of(t, []string{"a", "b"}, items(12), make([]int, 12), make([]int, 12)),
		"without pixels or facts": of(t, []string{"a", "b"}, []*record.Item{{Key: "x"}, {Key: "y"}}, []int{0, 1}, []int{0, 0}),
		"nothing at all":          {Classes: []string{"a", "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "one item" {
				r.Head = &Head{C: 1, Table: []HeadFit{{C: 1, ValLoss: Number(math.NaN()), ValAccuracy: Number(math.NaN())}}}
				r.Provenance.Backbone = nil
			}
			data, page, card := allForms(t, r)
			if !json.Valid([]byte(data)) {
				t.Error("the JSON is not valid")
			}
			for form, text := range map[string]string{"page": page, "card": card} {
				if bad := regexp.MustCompile(`NaN|\bInf\b|%!|<nil>|<no value>|ZgotmplZ`).FindString(text); bad != "" {
					t.Errorf("the %s says %s", form, bad)
				}
			}
			if e := r.Evaluation; e != nil && e.Details != nil {
				for _, c := range e.Details.Classes {
					if !c.Few && e.Items < 10 || c.F1 != nil && e.Items < 10 {
						t.Errorf("%+v", c)
					}
				}
			}
		})
	}
}

// TestCardIsYAML: names of all kinds leave the front matter what it is.
func TestCardIsYAML(t *testing.T) {
	python := oitest.Python(t, "yaml")
	for _, name := range []string{
		"plain", `quo"ted`, "two\nlines", "---", "a: b", "- x", "{curly", "#no", "back\\slash", "\x7f\u0085\u200e\u2028", "日本 🍔", "bad\xff", "tab\t", "'", "!tag", "%d", strings.Repeat("long ", 300), hostile,
	} {
		r := of(t, []string{name, "b"}, []*record.Item{item(0), item(1)}, []int{0, 1}, []int{0, 1})
		_, _, card := allForms(t, r)
		front, _, _ := strings.Cut(strings.TrimPrefix(card, "---\n"), "\n---\n")
		ask := exec.Command(python, "-c", `import sys, json, yaml; print(json.dumps(yaml.safe_load(sys.stdin.buffer.read().decode("utf-8"))))`)
		ask.Stdin = strings.NewReader(front)
		out, err := ask.CombinedOutput()
		if err != nil {
			t.Errorf("%q: %v: %s", name, err, out)
			continue
		}
		var got struct {
			Index []struct {
				Name    string
				Results []struct {
					Metrics []struct{ Value float64 }
				}
			} `json:"model-index"`
		}
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatal(err)
		}
		if want := strings.ToValidUTF8(name, "\xff") + " or b"; len(got.Index) != 1 || got.Index[0].Name != strings.ReplaceAll(want, "\xff", "ÿ") || got.Index[0].Results[0].Metrics[0].Value != 1 {
			t.Errorf("%q: %s", name, out)
		}
	}
}

// TestCardIsNotSteered: names cannot begin a heading, a link, a picture or a
// code block of their own.
func TestCardIsNotSteered(t *testing.T) {
	name := "x](https://example.org) ![i](y) `z` # h\n\n# heading\n<b>&~~s~~ $m$ |cell"
	r := of(t, []string{name, "b"}, []*record.Item{item(0), item(1)}, []int{0, 1}, []int{1, 0})
	r.Notes = []string{name}
	r.Stages = []Stage{{Tool: "oi-`boxes`\n# x", Version: "1`", Args: map[string]string{"classes": name}}}
	r.Licences = []LicenceCount{{License: name}}
	r.SetAgain(func(s string) string { return s })
	_, _, card := allForms(t, r)
	_, body, _ := strings.Cut(card, "\n---\n")
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, "    ") {
			continue // code
		}
		if strings.HasPrefix(line, "# ") && !strings.HasPrefix(line, `# x\]`) || strings.Contains(line, "](") && !strings.Contains(line, `\](`) || strings.Contains(line, "<b>") {
			t.Errorf("line %q", line)
		}
		if open := strings.ReplaceAll(line, "\\`", ""); strings.Count(open, "`")%2 != 0 {
			t.Errorf("a code span is left open: %q", line)
		}
	}
}

// TestPageIsNotSteered: addresses that are no web pages are no links, and
// nothing of an item's is markup.
func TestPageIsNotSteered(t *testing.T) {
	for _, address := range []string{"javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)", "data:text/html,x", "//example.org", "file:///etc/passwd", "vbscript:x", `https://example.org/"onmouseover="x`} {
		it := item(0)
		it.Key, it.Image.LandingURL, it.Image.License, it.Image.Author = hostile, address, address, hostile
		_, page, _ := allForms(t, of(t, []string{hostile, "b"}, []*record.Item{it, item(1)}, []int{0, 1}, []int{1, 0}))
		if strings.Contains(page, "<script") || strings.Contains(page, `"onmouseover`) {
			t.Errorf("%s: markup of an item", address)
		}
		if !strings.HasPrefix(address, "https://") && strings.Contains(page, `href="`+strings.TrimSpace(address)) {
			t.Errorf("%s is a link", address)
		}
	}
}

// TestCompareOtherClasses: a model of other classes can be compared on the
// items that both know, and that is said.
func TestCompareOtherClasses(t *testing.T) {
	var items []*record.Item
	var truth, said []int
	for i := range 20 {
		items, truth, said = append(items, item(i)), append(truth, i%2), append(said, i%2)
	}
	path := filepath.Join(t.TempDir(), "old.json")
	old := of(t, []string{"a", "b", "c"}, items, truth, said)
	files, err := old.Files(path)
	if err == nil {
		err = WriteFiles(files...)
	}
	if err != nil {
		t.Fatal(err)
	}
	base, err := ReadBaseline(path)
	if err != nil {
		t.Fatal(err)
	}
	same, err := old.Evaluation.Compare(base)
	if err != nil || same.OtherClasses || strings.Contains(same.Text(), "classes") {
		t.Errorf("%+v, %v", same, err)
	}
	other, err := of(t, []string{"b", "a"}, items, []int{1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0}, said).Evaluation.Compare(base)
	if err != nil || !other.OtherClasses || !strings.Contains(other.Text(), "which tells other classes apart") || other.Items != 20 {
		t.Errorf("%+v, %v", other, err)
	}
	if _, err := of(t, []string{"x", "y"}, items, truth, said).Evaluation.Compare(base); err == nil || !strings.Contains(err.Error(), "only 0 items are in both") {
		t.Errorf("of classes of which none is the same: %v", err)
	}
}

// TestFewAuthorsOfAClass: what is drawn by author needs ten of them in the
// class, not in the whole set.
func TestFewAuthorsOfAClass(t *testing.T) {
	var items []*record.Item
	var truth, said []int
	for i := range 60 {
		it := item(i)
		it.Image.Author = fmt.Sprint("author ", i)
		if i%2 == 1 {
			it.Image.Author = fmt.Sprint("few ", i%3)
		}
		items, truth, said = append(items, it), append(truth, i%2), append(said, (i+i/7)%2)
	}
	d := of(t, []string{"many", "few"}, items, truth, said).Evaluation.Details
	if d.Classes[0].F1 == nil || d.Classes[0].AUCInterval == nil || d.Classes[1].F1 != nil || d.Classes[1].AUCInterval != nil || d.Classes[1].Recall == nil || d.Macro.F1 == nil {
		t.Errorf("%+v", d.Classes)
	}
}
