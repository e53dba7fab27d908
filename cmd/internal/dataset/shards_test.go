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
	cut := func(shard string, args map[string]string) *record.Header {
		h := header("a", shard, "1")
		h.Stages[1].Args = args
		return h
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
		"no header":                 {nil, ""},
		"no query":                  {[]*record.Header{{}}, ""},
		"no shards":                 {[]*record.Header{{Stages: []record.Stage{{Tool: "oi-boxes"}}}}, ""},
		"all":                       {shards("a", "1/3", "2/3", "3/3"), ""},
		"in another order":          {shards("a", "3/3", "1/3", "2/3"), ""},
		"two queries":               {append(shards("a", "1/2", "2/2"), shards("b", "1/1")...), ""},
		"all in one header":         {[]*record.Header{merged(shards("a", "1/2", "2/2")...)}, ""},
		"one missing":               {shards("a", "1/3", "3/3"), "1 of 3 shards are missing: 2"},
		"one of another query":      {append(shards("a", "1/2", "2/2"), shards("b", "2/2")...), "1 of 2 shards are missing: 1"},
		"one missing in one header": {[]*record.Header{merged(shards("a", "1/3", "2/3")...)}, "1 of 3 shards are missing: 3"},
		"many missing":              {shards("a", "1/1000"), "999 of 1000 shards are missing: 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, …"},
		"one twice":                 {shards("a", "1/2", "2/2", "2/2"), "of 2 shards some come more than once: 2"},
		"one in place of another":   {shards("a", "1/2", "1/2"), "of 2 shards some come more than once: 1"},
		"of two numbers":            {shards("a", "1/2", "2/2", "1/3"), "some shards are of 2, others of 3"},
		"of two versions":           {[]*record.Header{header("a", "1/2", "1"), header("a", "2/2", "2")}, "oi-crop is of version 1 in shard 1/2, of 2 in shard 2/2"},
		"two versions, two queries": {[]*record.Header{header("a", "1/1", "1"), header("b", "1/1", "2")}, ""},
		"a sample on purpose":       {[]*record.Header{sample}, ""},
		"not what oi-boxes writes":  {shards("a", "x/3", "4/3", "0/3", "3"), ""},
		"cut in two ways":           {[]*record.Header{header("a", "1/2", "1"), cut("2/2", map[string]string{"size": "64"})}, `oi-crop ran with size "" in one and "64" in the other of shards 1/2 and 2/2`},
		"also of one version more":  {[]*record.Header{header("a", "1/2", "1"), cut("2/2", map[string]string{"scale": "auto"})}, `oi-crop ran with scale "" in one and "auto"`},
		"cut alike, in less memory": {[]*record.Header{header("a", "1/2", "1"), cut("2/2", map[string]string{"decode_memory": "1M"})}, ""},
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

// TestCuts: that crops are not all cut alike is said.
func TestCuts(t *testing.T) {
	crop := func(args ...string) record.Stage {
		stage := record.Stage{Tool: "oi-crop", Args: map[string]string{}}
		for _, arg := range args {
			name, value, _ := strings.Cut(arg, "=")
			stage.Args[name] = value
		}
		return stage
	}
	segment := func(stages ...record.Stage) *record.Header { return &record.Header{Stages: stages} }
	boxes := record.Stage{Tool: "oi-boxes"}
	for name, tt := range map[string]struct {
		headers []*record.Header
		want    string // "": nothing
	}{
		"none":                {[]*record.Header{segment(boxes), segment()}, ""},
		"one":                 {[]*record.Header{segment(boxes, crop("size=128"))}, ""},
		"other backgrounds":   {[]*record.Header{segment(crop("background=auto")), segment(crop("background=never"))}, ""},
		"alike":               {[]*record.Header{segment(boxes, crop("size=128")), segment(crop("size=128", "keep_bytes=true"))}, ""},
		"otherwise":           {[]*record.Header{segment(crop("context=0")), segment(crop("context=0")), segment(crop("context=0.3"))}, `context "0" in one and "0.3" in another`},
		"joined before":       {[]*record.Header{segment(boxes, crop("square=reflect"), boxes, crop())}, `square "reflect" in one and "" in another`},
		"cut anew":            {[]*record.Header{segment(boxes, crop("size=128", "keep_bytes=true"), crop("size=64")), segment(crop("size=64"))}, ""},
		"cut anew, otherwise": {[]*record.Header{segment(crop("size=64", "keep_bytes=true"), crop("size=128")), segment(crop("size=64"))}, `size "128" in one and "64"`},
	} {
		var o Origin
		for _, h := range tt.headers {
			if err := o.Begin(h); err != nil {
				t.Fatal(err)
			}
		}
		var said []string
		if err := o.Complete(false, func(text string) { said = append(said, text) }); err != nil {
			t.Fatal(err)
		}
		if tt.want == "" && said != nil || tt.want != "" && (len(said) != 1 || !strings.Contains(said[0], tt.want)) {
			t.Errorf("%s: %q, want %q", name, said, tt.want)
		}
	}
}
