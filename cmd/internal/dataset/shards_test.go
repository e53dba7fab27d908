package dataset

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandwich/oi/record"
)

func TestShards(t *testing.T) {
	header := func(class, shard, version string) *record.Header {
		return &record.Header{Stages: []record.Stage{
			{Tool: "oi-boxes", Version: "1", Args: map[string]string{"classes": class, "shard": shard}},
			{Tool: "oi-crop", Version: version},
		}}
	}
	shards := func(class string, names ...string) []*record.Header {
		var all []*record.Header
		for _, name := range names {
			all = append(all, header(class, name, "1"))
		}
		return all
	}
	merged := func(headers ...*record.Header) *record.Header {
		var m *record.Header
		for _, h := range headers {
			m = record.MergeHeaders(m, h)
		}
		return m
	}
	sample := header("a", "1/3", "1")
	sample.Stages = append(sample.Stages, record.Stage{Tool: "oi-augment", Args: map[string]string{"incomplete": "true"}})
	for name, tt := range map[string]struct {
		headers []*record.Header
		want    string // "": no error
	}{
		"no header":                  {nil, ""},
		"no query":                   {[]*record.Header{{}}, ""},
		"no shards":                  {[]*record.Header{{Stages: []record.Stage{{Tool: "oi-boxes"}}}}, ""},
		"all":                        {shards("a", "1/3", "2/3", "3/3"), ""},
		"in another order":           {shards("a", "3/3", "1/3", "2/3"), ""},
		"two queries":                {append(shards("a", "1/2", "2/2"), shards("b", "1/1")...), ""},
		"all in one header":          {[]*record.Header{merged(shards("a", "1/2", "2/2")...)}, ""},
		"one missing":                {shards("a", "1/3", "3/3"), "1 of 3 shards are missing: 2"},
		"one of another query":       {append(shards("a", "1/2", "2/2"), shards("b", "2/2")...), "1 of 2 shards are missing: 1"},
		"one missing in one header":  {[]*record.Header{merged(shards("a", "1/3", "2/3")...)}, "1 of 3 shards are missing: 3"},
		"many missing":               {shards("a", "1/1000"), "999 of 1000 shards are missing: 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, …"},
		"one twice":                  {shards("a", "1/2", "2/2", "2/2"), "of 2 shards some come more than once: 2"},
		"one in place of another":    {shards("a", "1/2", "1/2"), "of 2 shards some come more than once: 1"},
		"of two numbers":             {shards("a", "1/2", "2/2", "1/3"), "some shards are of 2, others of 3"},
		"of two versions":            {[]*record.Header{header("a", "1/2", "1"), header("a", "2/2", "2")}, "oi-crop is of version 1 in shard 1/2, of 2 in shard 2/2"},
		"two versions, two queries":  {[]*record.Header{header("a", "1/1", "1"), header("b", "1/1", "2")}, ""},
		"a sample on purpose":        {[]*record.Header{sample}, ""},
		"not what oi-boxes writes":   {shards("a", "x/3", "4/3", "0/3", "3"), ""},
		"other options of one stage": {[]*record.Header{header("a", "1/2", "1"), {Stages: []record.Stage{header("a", "2/2", "1").Stages[0], {Tool: "oi-crop", Version: "2", Args: map[string]string{"size": "64"}}}}}, ""},
	} {
		var o Origin
		var err error
		for _, h := range tt.headers {
			if err == nil {
				err = o.Begin(h)
			}
		}
		if err == nil {
			err = o.Complete(false, nil)
		}
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: error %v, want %q", name, err, tt.want)
		}
	}
}

// Of all shards the trail is that of one run.
func TestShardsJoined(t *testing.T) {
	stages := func(shards ...string) []record.Stage {
		var o Origin
		for _, shard := range shards {
			args := map[string]string{"classes": "a"}
			if shard != "" {
				args["shard"] = shard
			}
			if err := o.Begin(&record.Header{Stages: []record.Stage{{Tool: "oi-boxes", Args: args}, {Tool: "oi-crop"}}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := o.Complete(true, func(string) {}); err != nil {
			t.Fatal(err)
		}
		return o.Header.Stages
	}
	if diff := cmp.Diff(stages(""), stages("2/3", "3/3", "1/3")); diff != "" {
		t.Error(diff)
	}
	if got := stages("2/3", "1/3"); len(got) != 3 || got[1].Args["shard"] != "2/3" {
		t.Errorf("of some shards the trail is %v", got)
	}
}
