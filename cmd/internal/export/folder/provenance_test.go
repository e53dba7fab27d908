package folder

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opensandwich/oi/record"
)

func TestReadProvenance(t *testing.T) {
	dir := t.TempDir()
	if p, err := readProvenance(dir); p != nil || err != nil {
		t.Errorf("of none: %v, %v", p, err)
	}
	for text, want := range map[string]string{
		"":                             "does not read as JSON",
		`{"version":1,"trail":[{"to`:   "does not read as JSON",
		`{"version":1,"trail":"x"}`:    "does not read as JSON",
		`{"version":2,"trail":[{}]}`:   "is of version 2: this version knows version 1",
		`{}`:                           "is of version 0",
		`{"version":1}`:                "has no trail",
		`{"version":1,"trail":[]}`:     "has no trail",
		`{"version":1,"trail":null}`:   "has no trail",
		`null`:                         "is of version 0",
		`{"version":1,"trail":[null]}`: "",
		`{"version":1,"trail":[{"tool":"oi-crop","args":null}],"more":1}`: "",
	} {
		if err := os.WriteFile(filepath.Join(dir, provenanceName), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		p, err := readProvenance(dir)
		if want == "" && err == nil {
			if p.difference(trail{{Tool: "oi-boxes", Args: map[string]string{"a": "b"}}}) == "" {
				t.Errorf("%s: no difference", text)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

// TestTrail: shards are one run, anything else that is in a trail is not.
func TestTrail(t *testing.T) {
	stages := []record.Stage{{Tool: "oi-boxes", Version: "1", Args: map[string]string{"shard": "1/2", "seed": "3"}}, {Tool: "oi-fetch", Version: "1"}}
	trail, shard := trailOf(stages)
	if !shard || stages[0].Args["shard"] == "" {
		t.Errorf("a shard: %v, and the header has %v", shard, stages[0].Args)
	}
	p := &provenance{}
	p.add(trail)
	for _, tt := range []struct {
		stages     []record.Stage
		difference string // "" for the same run
	}{
		{[]record.Stage{{Tool: "oi-boxes", Version: "1", Args: map[string]string{"shard": "2/2", "seed": "3"}}, stages[1]}, ""},
		{[]record.Stage{{Tool: "oi-boxes", Version: "1", Args: map[string]string{"seed": "3"}}, {Tool: "oi-fetch", Version: "1", Args: map[string]string{}}}, ""},
		{[]record.Stage{{Tool: "oi-boxes", Version: "2", Args: map[string]string{"seed": "3"}}, stages[1]}, "oi-boxes 1 there, 2 here"},
		{[]record.Stage{{Tool: "oi-boxes", Version: "1"}, stages[1]}, "oi-boxes has seed=3 there, no seed here"},
		{[]record.Stage{{Tool: "oi-boxes", Version: "1", Args: map[string]string{"seed": "3", "limit": "1"}}, stages[1]}, "oi-boxes has no limit there, limit=1 here"},
		{[]record.Stage{stages[0]}, "oi-fetch is there, and not here"},
		{append(stages, record.Stage{Tool: "oi-augment"}), "oi-augment is here, and not there"},
		{[]record.Stage{stages[0], {Tool: "mine", Version: "1"}}, "oi-fetch there, mine here"},
	} {
		other, _ := trailOf(tt.stages)
		if same := p.has(other); same != (tt.difference == "") {
			t.Errorf("%v: the same run: %v", tt.stages, same)
		} else if !same && p.difference(other) != tt.difference {
			t.Errorf("%v: %q, want %q", tt.stages, p.difference(other), tt.difference)
		}
	}
}
