package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/record"
)

func TestReport(t *testing.T) {
	m := writeModel(t)
	unset := []*record.Item{picture(30, "red", "red", ""), picture(31, "red", "green", ""), picture(0, "red", "red", "")}
	for name, tc := range map[string]struct {
		items  []*record.Item
		args   []string
		want   [2][2]int
		stderr string
	}{
		"test where there is one":     {held(), nil, [2][2]int{{2, 1}, {0, 2}}, "test accuracy 0.8000 (95% interval 0.3755 to 0.9638 by photo, 5 groups, too few to judge; 4 of 5 right)"},
		"test alone is judged":        {held(), nil, [2][2]int{{2, 1}, {0, 2}}, "the figures are of 5 items (test); the other 3 were answered and not judged"},
		"val where there is no test":  {held()[5:], nil, [2][2]int{{0, 2}, {1, 0}}, "validation items are among those that the model was tried on: if its best epoch was chosen by them, the figures are too good by that much"},
		"val where asked for":         {held(), []string{"--set", "val"}, [2][2]int{{0, 2}, {1, 0}}, ""},
		"several sets":                {held(), []string{"--set", "test,val"}, [2][2]int{{2, 3}, {1, 2}}, "too good by that much\n"},
		"small batches":               {held(), []string{"--set", "test,val", "--batch", "3"}, [2][2]int{{2, 3}, {1, 2}}, ""},
		"no sets at all":              {unset, nil, [2][2]int{{0, 1}, {0, 1}}, "no item says of which set it is"},
		"those left out were of it":   {unset, nil, [2][2]int{{0, 1}, {0, 1}}, "and the figures too good by that much"},
		"sets of train items alone":   {append(unset[:len(unset):len(unset)], picture(1, "red", "green", "train")), nil, [2][2]int{{0, 1}, {0, 1}}, "those that carry no set are used"},
		"trained on":                  {append(held(), picture(1, "red", "red", "test")), nil, [2][2]int{{2, 1}, {0, 2}}, "left out 1 items whose photo the model was trained on"},
		"trained on, and asked for":   {append(held(), picture(1, "red", "red", "train")), []string{"--set", "train,test"}, [2][2]int{{2, 1}, {0, 3}}, "pictures that the model was trained on are among those it was tried on"},
		"background is no class here": {append(held(), picture(40, "red", "background", "test")), nil, [2][2]int{{2, 1}, {0, 2}}, "background: 1"},
		"unknown and not asked for":   {append(held(), picture(40, "red", "blue", "train")), []string{"--set", "test", "--max-skips", "0"}, [2][2]int{{2, 1}, {0, 2}}, "4 removed (other set: 4)"},
		"an unknown class":            {append(held(), picture(40, "red", "blue", "test"), picture(41, "red", "blue", "val")), nil, [2][2]int{{2, 1}, {0, 2}}, "skipped labels that the model does not know: blue 2"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := eval(t, encode(t, tc.items...), append(tc.args, m)...)
			if code != 0 || !strings.Contains(stderr, tc.stderr) {
				t.Errorf("exit %d; stderr %q, want %q", code, stderr, tc.stderr)
			}
			if strings.Contains(tc.stderr, "test accuracy") && strings.Contains(stderr, "was tried on") {
				t.Errorf("a test set is called a bad judge: %s", stderr)
			}
			if want := text(t, tc.want); stdout != want {
				t.Errorf("got\n%s\nwant\n%s", stdout, want)
			}
		})
	}
}

// TestAbsent: that classes have no item, which the macro averages count, is said.
func TestAbsent(t *testing.T) {
	for name, tc := range map[string]struct {
		confusion [][]int64
		want      string
	}{
		"none":         {[][]int64{{1, 0, 0}, {2, 0, 0}, {0, 0, 1}}, ""},
		"one of three": {[][]int64{{1, 3, 0}, {0, 0, 0}, {0, 0, 1}}, "1 of the 3 classes have no item here"},
		"all but one":  {[][]int64{{1, 3, 0}, {0, 0, 0}, {0, 0, 0}}, ""},
	} {
		if got := absent(tc.confusion); !strings.HasPrefix(got, tc.want) || (got == "") != (tc.want == "") {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestReportFiles(t *testing.T) {
	m, dir := writeModel(t), t.TempDir()
	args := []string{"--json"}
	for _, end := range []string{".html", ".json", ".md"} {
		args = append(args, "--report", filepath.Join(dir, "r"+end))
	}
	code, stdout, stderr := eval(t, encode(t, held()...), append(args, m)...)
	if code != 0 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	contents := map[string]string{}
	for _, end := range []string{".html", ".json", ".md"} {
		data, err := os.ReadFile(filepath.Join(dir, "r"+end))
		if err != nil {
			t.Fatal(err)
		}
		contents[end] = string(data)
	}
	if stdout != contents[".json"] {
		t.Error("stdout and the JSON file differ")
	}
	var r struct {
		Run        string
		Options    map[string]any
		Evaluation struct {
			Set       string
			Accuracy  float64
			Confusion [2][2]int
			LogLoss   float64 `json:"log_loss"`
			Mistakes  []struct{ Key string }
		}
	}
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatal(err)
	}
	e := r.Evaluation
	if r.Run != "0123456789abcdef" || r.Options["batch"] != 16.0 || e.Set != "test" || e.Accuracy != 0.8 || e.Confusion != [2][2]int{{2, 1}, {0, 2}} || len(e.Mistakes) != 1 || e.Mistakes[0].Key != "0014-00000000" {
		t.Errorf("report %+v", r)
	}
	// Four answers of -ln(sure), one of -ln(1-sure).
	if want := (4*0.01814993 + 4.01814993) / 5; e.LogLoss < want-1e-5 || e.LogLoss > want+1e-5 {
		t.Errorf("log loss %g, want %g", e.LogLoss, want)
	}
	if !strings.Contains(contents[".md"], "| red | 0.67 | 1.00 | 0.80 | 2 |") || !strings.Contains(contents[".html"], "<svg") && !strings.Contains(contents[".html"], "data:image/jpeg") {
		t.Errorf("markdown:\n%s", contents[".md"])
	}
}

// The files of a batch of which one is good.
func TestBatchOfCases(t *testing.T) {
	cases := oitest.Case(t, "eval-batch")
	file := func(name string) string { return filepath.Join(cases, name) }
	for _, bad := range []string{"page.jpg", "empty.jpg", "none.jpg"} {
		for _, args := range [][]string{{file("good.jpg"), file(bad)}, {file(bad), file("good.jpg")}} {
			code, stdout, stderr := eval(t, nil, append([]string{writeModel(t)}, args...)...)
			if code != 1 || !strings.HasPrefix(stdout, file("good.jpg")+"\t") || strings.Count(stdout, "\n") != 1 ||
				!strings.Contains(stderr, bad) || !strings.Contains(stderr, "1 of 2 pictures could not be read") {
				t.Errorf("%v: exit %d, %q, %q", args, code, stdout, stderr)
			}
		}
	}
	code, stdout, stderr := eval(t, nil, writeModel(t), cases)
	if code != 1 || !strings.HasPrefix(stdout, file("good.jpg")+"\t") || !strings.Contains(stderr, "2 of 3 pictures could not be read") {
		t.Errorf("the folder: exit %d, %q, %q", code, stdout, stderr)
	}
}
