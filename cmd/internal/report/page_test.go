package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// bothForms writes a report as JSON and as a page.
func bothForms(t *testing.T, r *Report) (data map[string]any, page string) {
	t.Helper()
	var asJSON, asPage bytes.Buffer
	if err := errors.Join(r.WriteJSON(&asJSON), r.WriteHTML(&asPage)); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(asJSON.Bytes(), &data); err != nil {
		t.Fatal(err)
	}
	return data, asPage.String()
}

// A readPage is what a reader sees of a page: its words, and its tables by the
// names of the regions that they are in.
type readPage struct {
	words  []string
	tables map[string][][]string
	alts   []string
}

// read reads a page, without its style and the ticks of its charts.
func read(t *testing.T, page string) readPage {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	p := readPage{tables: map[string][][]string{}}
	var open []string
	region := ""
	var rows [][]string
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return p
		}
		if err != nil {
			t.Fatal(err)
		}
		switch v := token.(type) {
		case xml.StartElement:
			open = append(open, v.Name.Local)
			for _, a := range v.Attr {
				switch {
				case v.Name.Local == "div" && a.Name.Local == "aria-label":
					region, rows = a.Value, nil
				case v.Name.Local == "img" && a.Name.Local == "alt":
					p.alts = append(p.alts, a.Value)
				}
			}
			switch v.Name.Local {
			case "tr":
				rows = append(rows, nil)
			case "td", "th":
				if n := len(rows); n > 0 {
					rows[n-1] = append(rows[n-1], "")
				}
			}
		case xml.EndElement:
			for len(open) > 0 && open[len(open)-1] != v.Name.Local {
				open = open[:len(open)-1]
			}
			if len(open) > 0 {
				open = open[:len(open)-1]
			}
			if v.Name.Local == "table" && region != "" {
				p.tables[region], region = rows, ""
			}
		case xml.CharData:
			if slices.Contains(open, "style") || slices.Contains(open, "text") {
				continue
			}
			text := strings.Join(strings.Fields(string(v)), " ")
			if text == "" {
				continue
			}
			p.words = append(p.words, text)
			if n := len(rows); n > 0 && region != "" && len(rows[n-1]) > 0 {
				cell := &rows[n-1][len(rows[n-1])-1]
				*cell = strings.TrimSpace(*cell + " " + text)
			}
		}
	}
}

var numbers = regexp.MustCompile(`\d+(?:[.,]\d+)*(?:e[+-]\d+)?`)

// forms adds the forms in which the page may write the numbers of a report.
func forms(v any, to map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		to[strconv.Itoa(len(v))] = true
		for key, value := range v {
			forms(key, to)
			forms(value, to)
		}
	case []any:
		to[strconv.Itoa(len(v))] = true
		for _, value := range v {
			forms(value, to)
		}
	case string:
		for _, n := range numbers.FindAllString(v, -1) {
			to[n] = true
		}
	case float64:
		v = math.Abs(v)
		for _, text := range []string{
			strconv.FormatFloat(v, 'g', -1, 64), strconv.FormatFloat(v, 'f', -1, 64), fmt.Sprintf("%.1f", 100*v), fmt.Sprintf("%.0f", 100*v),
			fmt.Sprintf("%.2f", v), fmt.Sprintf("%.3f", v), fmt.Sprintf("%.4f", v),
		} {
			to[text] = true
		}
	}
}

// TestNumbersOfPage: every number on the page is one of the data, or of the
// page's own words.
func TestNumbersOfPage(t *testing.T) {
	for _, classes := range []int{2, 16, 60} {
		r := example(t)
		r.Evaluation = answered(t, 900, classes)
		r.Classes = r.Evaluation.classes
		r.Certainty = &Certainty{Temperature: 1.25, UnsureBelow: 0.7, Wanted: 0.95}
		data, page := bothForms(t, r)
		known := map[string]bool{}
		forms(data, known)
		for _, n := range numbers.FindAllString(regexp.MustCompile(`(?s)\{\{.*?\}\}|<style>.*</style>|<[^>]*>`).ReplaceAllString(pageSource, " "), -1) {
			known[n] = true
		}
		p := read(t, page)
		found := 0
		for _, text := range p.words {
			for _, n := range numbers.FindAllString(text, -1) {
				if found++; !known[n] {
					t.Errorf("%d classes: %s in %q is no number of the data", classes, n, text)
				}
			}
		}
		if found < 200 {
			t.Errorf("%d classes: %d numbers found only", classes, found)
		}
		if alts := slices.Sorted(slices.Values(p.alts)); len(alts) != len(slices.Compact(alts)) {
			t.Errorf("%d classes: pictures have the same alternative text", classes)
		}
	}
}

// TestTablesOfPage: the tables are those of the data, cell by cell.
func TestTablesOfPage(t *testing.T) {
	r := example(t)
	r.Evaluation = answered(t, 900, 16)
	r.Classes = r.Evaluation.classes
	data, page := bothForms(t, r)
	at := func(v any, path ...string) any {
		for _, key := range path {
			switch of := v.(type) {
			case map[string]any:
				v = of[key]
			case []any:
				i, err := strconv.Atoi(key)
				if err != nil {
					t.Fatal(err)
				}
				v = of[i]
			}
		}
		return v
	}
	number := func(format string, v any) string {
		if v == nil {
			return "-"
		}
		return fmt.Sprintf(format, v)
	}
	tables := read(t, page).tables
	evaluation := data["evaluation"]
	between := func(v any) string {
		if v == nil {
			return "-"
		}
		return fmt.Sprintf("%.2f to %.2f", at(v, "low"), at(v, "high"))
	}
	row := func(name string, scores, details any) []string {
		cells := []string{name}
		for _, figure := range []struct{ score, interval string }{{"precision", "precision_interval"}, {"recall", "recall_interval"}, {"f1-score", "f1_interval"}} {
			cells = append(cells, number("%.2f", at(scores, figure.score))+" "+between(at(details, figure.interval)))
		}
		return append(cells, "", number("%.3f", at(details, "roc_auc"))+" "+between(at(details, "roc_auc_interval")),
			strings.TrimPrefix(number("%.3f", at(details, "average_precision")), "-"), number("%.0f", at(scores, "support")))
	}
	got := tables["figures of each class"]
	for i, class := range r.Classes {
		want := row(class, at(evaluation, "report", class), at(evaluation, "details", "classes", strconv.Itoa(i)))
		if !slices.Equal(got[1+i], want) {
			t.Errorf("class %s: %q, want %q", class, got[1+i], want)
		}
	}
	if want := row("macro avg", at(evaluation, "report", "macro avg"), at(evaluation, "details", "macro_avg")); !slices.Equal(got[17], want) {
		t.Errorf("%q, want %q", got[17], want)
	}
	for i, v := range at(evaluation, "details", "coverage").([]any) {
		want := []string{number("%g", at(v, "threshold")), fmt.Sprintf("%.1f %%", 100*at(v, "answered").(float64)), "-"}
		if right, ok := at(v, "accuracy").(float64); ok {
			want[2] = fmt.Sprintf("%.1f %%", 100*right)
		}
		if got := tables["thresholds"][1+i]; !slices.Equal(got, want) {
			t.Errorf("threshold: %q, want %q", got, want)
		}
	}
	for i, v := range at(evaluation, "details", "slices").([]any) {
		want := []string{at(v, "by").(string), at(v, "value").(string), number("%.3f", at(v, "accuracy")), between(at(v, "accuracy_interval")), number("%.0f", at(v, "items")), number("%.0f", at(v, "groups"))}
		if got := tables["figures of slices"][1+i]; !slices.Equal(got, want) {
			t.Errorf("slice: %q, want %q", got, want)
		}
	}
	for i, v := range at(evaluation, "confusion").([]any) {
		want := []string{r.Classes[i]}
		for _, n := range v.([]any) {
			want = append(want, number("%.0f", n))
		}
		if got := tables["confusion matrix"][1+i]; !slices.Equal(got, want) {
			t.Errorf("confusion: %q, want %q", got, want)
		}
	}
	for i, v := range data["history"].([]any) {
		want := []string{number("%g", at(v, "epoch")), number("%.4f", at(v, "train_loss")), number("%.4f", at(v, "val_loss")), number("%.4f", at(v, "train_accuracy")), number("%.4f", at(v, "val_accuracy"))}
		if got := tables["training by epoch"][1+i]; !slices.Equal(got, want) {
			t.Errorf("history: %q, want %q", got, want)
		}
	}
}

// TestContrast: text and lines stand out from what is behind them as WCAG 2.1
// wants it, 4.5 to 1 and 3 to 1, in the light and in the dark.
func TestContrast(t *testing.T) {
	style, _, _ := strings.Cut(pageSource, "</style>")
	light, dark, _ := strings.Cut(style, "prefers-color-scheme: dark")
	for name, css := range map[string]string{"light": light, "dark": dark} {
		colours := map[string][3]float64{}
		for _, m := range regexp.MustCompile(`--([a-z0-9]+): #([0-9a-f]{6});`).FindAllStringSubmatch(css, -1) {
			v, err := strconv.ParseUint(m[2], 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			colours[m[1]] = [3]float64{float64(v >> 16), float64(v >> 8 & 255), float64(v & 255)}
		}
		check := func(what string, a, b [3]float64, least float64) {
			if c := contrast(a, b); c < least {
				t.Errorf("%s: %s: contrast %.2f, want %g", name, what, c, least)
			}
		}
		for _, back := range []string{"paper", "card"} {
			for _, text := range []string{"ink", "soft", "one"} {
				check(text+" on "+back, colours[text], colours[back], 4.5)
			}
		}
		for _, line := range []string{"one", "two", "c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7"} {
			check(line, colours[line], colours["paper"], 3)
		}
		for _, m := range regexp.MustCompile(`--(good|bad): (\d+),(\d+),(\d+);`).FindAllStringSubmatch(light, -1) {
			var cell [3]float64
			for i, text := range m[2:] {
				v, err := strconv.Atoi(text)
				if err != nil {
					t.Fatal(err)
				}
				cell[i] = maxShade*float64(v) + (1-maxShade)*colours["paper"][i]
			}
			check("number on the darkest cell that is "+m[1], colours["ink"], cell, 4.5)
		}
	}
}

// contrast is the ratio of WCAG 2.1.
func contrast(a, b [3]float64) float64 {
	luminance := func(c [3]float64) float64 {
		sum := 0.0
		for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
			v := c[i] / 255
			if v <= 0.04045 {
				v /= 12.92
			} else {
				v = math.Pow((v+0.055)/1.055, 2.4)
			}
			sum += weight * v
		}
		return sum
	}
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// TestSizeOfPage: a page of all pictures that it shows, of a thousand pixels
// each way, and one of 600 classes stay below two megabytes.
func TestSizeOfPage(t *testing.T) {
	many := example(t)
	many.Evaluation = answered(t, 1200, 600)
	many.Classes = many.Evaluation.classes
	_, page := bothForms(t, many)
	if len(page) > 2<<20 {
		t.Errorf("600 classes: %d bytes", len(page))
	}
	noise := make([]byte, 400*300*3)
	for i := range noise {
		noise[i] = byte(i * i >> 7)
	}
	full := example(t)
	var examples []Example
	for i := range 60 {
		examples = append(examples, Example{Key: strconv.Itoa(i), Truth: "a", Predicted: "b", pixels: noise})
		examples[i].size.Width, examples[i].size.Height = 400, 300
	}
	full.Evaluation.Mistakes = examples
	_, page = bothForms(t, full)
	if n := strings.Count(page, "data:image/jpeg"); n < 60 || len(page) > 2<<20 {
		t.Errorf("%d pictures: %d bytes", n, len(page))
	}
}
