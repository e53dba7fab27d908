package metrics

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/oitest"
)

const sklearnScript = `
import json, sys
from sklearn.metrics import classification_report
for line in sys.stdin:
    case = json.loads(line)
    arguments = dict(labels=range(len(case["classes"])), target_names=case["classes"], zero_division=0)
    print(json.dumps({
        "text": classification_report(case["truth"], case["said"], digits=case["digits"], **arguments),
        "dict": classification_report(case["truth"], case["said"], output_dict=True, **arguments),
    }))
`

// Text and Dict against scikit-learn itself, on random answers.
func TestAgainstScikitLearn(t *testing.T) {
	python := oitest.Python(t, "sklearn")
	type question struct {
		Classes []string `json:"classes"`
		Truth   []int    `json:"truth"`
		Said    []int    `json:"said"`
		Digits  int      `json:"digits"`
	}
	rng := rand.New(rand.NewPCG(1, 2))
	var questions []question
	var stdin bytes.Buffer
	for i := range 150 {
		q := question{Digits: 2 + i%3*7}
		for k := range 2 + rng.IntN(20)*(i%5) {
			q.Classes = append(q.Classes, fmt.Sprintf("%.*s%d", rng.IntN(20), "Ünïcode class name x", k))
		}
		if i%7 == 0 { // names that mean something to a formatter or in the report itself
			odd := []string{"accuracy", "macro avg", "micro avg", "{0} %s {}", "  blanks  ", strings.Repeat("long ", 40), "e\u0301 日本 🍔", ""}
			copy(q.Classes, odd[rng.IntN(len(odd)):])
		}
		skill := rng.Float64()
		for range 1 + rng.IntN(300) {
			truth := rng.IntN(len(q.Classes))
			said := truth
			if rng.Float64() > skill {
				said = rng.IntN(len(q.Classes))
			}
			q.Truth, q.Said = append(q.Truth, truth), append(q.Said, said)
		}
		questions = append(questions, q)
		if err := json.NewEncoder(&stdin).Encode(q); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.Command(python, "-c", sklearnScript)
	command.Stdin = &stdin
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("scikit-learn: %v\n%s", err, stderr.String())
	}
	answers := json.NewDecoder(bytes.NewReader(out))
	for i, q := range questions {
		var want struct {
			Text string
			Dict map[string]any
		}
		if err := answers.Decode(&want); err != nil {
			t.Fatal(err)
		}
		c := NewConfusion(q.Classes)
		for k := range q.Truth {
			if err := c.Add(q.Truth[k], q.Said[k]); err != nil {
				t.Fatal(err)
			}
		}
		if got := c.Text(q.Digits); got != want.Text {
			t.Errorf("case %d: got\n%s\nwant\n%s", i, got, want.Text)
		}
		raw, err := json.Marshal(c.Dict())
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(raw, &got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want.Dict) { // to the last bit
			t.Errorf("case %d: got %v\nwant %v", i, got, want.Dict)
		}
	}
}
