package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/cmd/internal/openimages"
	"github.com/opensandwich/oi/cmd/internal/sample"
)

// realRows returns the folder of real rows, or skips.
func realRows(t *testing.T) string {
	t.Helper()
	return oitest.RealData(t, "openimages/mirror")
}

// graphOf lays out the hierarchy of a data set with the counts of its rows.
func graphOf(t *testing.T, src openimages.Source, dataset string) (*graph, *openimages.Hierarchy) {
	t.Helper()
	d, err := openimages.LookupDataset(dataset)
	if err != nil {
		t.Fatal(err)
	}
	names, err := openimages.ReadClasses(t.Context(), src, d)
	if err != nil {
		t.Fatal(err)
	}
	h, err := openimages.ReadHierarchy(t.Context(), src, d)
	if err != nil {
		t.Fatal(err)
	}
	tally, err := readTally(t.Context(), src, d, openimages.Subsets())
	if err != nil {
		t.Fatal(err)
	}
	return newGraph(h, names, h.Root(), tally), h
}

// eachGraph runs a test with the sample's hierarchy, and with the official one
// where it is at hand. largest is the class with the most boxes.
func eachGraph(t *testing.T, test func(t *testing.T, g *graph, largest string)) {
	t.Run("sample", func(t *testing.T) {
		g, _ := graphOf(t, sample.New(), "sample")
		test(t, g, "Sandwich")
	})
	t.Run("official", func(t *testing.T) {
		g, _ := graphOf(t, openimages.DirSource(realRows(t)), "v7")
		test(t, g, "Doughnut")
	})
}

// TestGraph checks the picture of the official hierarchy: every class once,
// every edge of the file once.
func TestGraph(t *testing.T) {
	g, h := graphOf(t, openimages.DirSource(realRows(t)), "v7")
	if len(g.nodes) != 602 {
		t.Errorf("%d classes, the file has 602", len(g.nodes))
	}
	at := map[string]int{}
	for i, v := range g.nodes {
		if _, again := at[v.class.MID]; again {
			t.Errorf("%s is there twice", v.class.Name)
		}
		at[v.class.MID] = i
	}
	type drawn struct {
		from, to string
		part     bool
	}
	edges := map[drawn]int{}
	several := 0
	for i, v := range g.nodes {
		if v.parent >= 0 {
			edges[drawn{g.nodes[v.parent].class.MID, v.class.MID, v.part}]++
			if !slices.Contains(g.nodes[v.parent].children, i) {
				t.Errorf("%s is no child of its parent", v.class.Name)
			}
		}
		if len(v.kindOf)+len(v.partOf) > 1 {
			several++
		}
		if v.turn < 0 || v.turn >= 1 || g.ring(v) < 0 || g.ring(v) > 1 {
			t.Errorf("%s lies at %g, %g", v.class.Name, v.turn, g.ring(v))
		}
		if v.parent >= 0 && g.ring(g.nodes[v.parent]) >= g.ring(v) {
			t.Errorf("%s is no further out than its parent", v.class.Name)
		}
	}
	if several != 83 {
		t.Errorf("%d classes with several parents, the file has 83", several)
	}
	for _, e := range g.more {
		edges[drawn{g.nodes[e.from].class.MID, g.nodes[e.to].class.MID, e.part}]++
	}
	want := 0
	for mid := range at {
		for _, child := range h.Children(mid) {
			want++
			if edges[drawn{mid, child, false}] != 1 {
				t.Errorf("%s to %s is drawn %d times", mid, child, edges[drawn{mid, child, false}])
			}
		}
		for _, part := range h.Parts(mid) {
			want++
			if edges[drawn{mid, part, true}] != 1 {
				t.Errorf("%s to its part %s is drawn %d times", mid, part, edges[drawn{mid, part, true}])
			}
		}
	}
	if len(edges) != want {
		t.Errorf("%d edges, the file has %d", len(edges), want)
	}
	// Labels at the rim keep their distance.
	var rim []float64
	for _, v := range g.nodes {
		if len(v.children) == 0 {
			rim = append(rim, v.turn)
		}
	}
	slices.Sort(rim)
	for i := range rim[1:] {
		if d := rim[i+1] - rim[i]; d < 0.999/g.room {
			t.Errorf("leaves %d and %d are %g apart", i, i+1, d*g.room)
		}
	}
	fruit := g.nodes[at["/m/02xwb"]]
	if fruit.boxes != 0 || fruit.below != 2547 || g.nodes[0].below < fruit.below {
		t.Errorf("Fruit has %d boxes and %d with those below", fruit.boxes, fruit.below)
	}
}

// TestVega looks at the specification as data.
func TestVega(t *testing.T) {
	eachGraph(t, func(t *testing.T, g *graph, _ string) {
		var spec struct {
			Schema string `json:"$schema"`
			Data   []struct {
				Name   string
				Values []map[string]any
			}
		}
		if err := json.Unmarshal(vega(t, g), &spec); err != nil {
			t.Fatal(err)
		}
		if spec.Schema != "https://vega.github.io/schema/vega/v5.json" || len(spec.Data) != 3 {
			t.Fatalf("schema %s, %d data sets", spec.Schema, len(spec.Data))
		}
		seen := map[any]bool{}
		for i, n := range spec.Data[0].Values {
			if i > 0 && !seen[n["parent"]] {
				t.Errorf("%s comes before its parent", n["name"])
			}
			seen[n["id"]] = true
		}
		if len(spec.Data[0].Values) != len(g.nodes) || len(spec.Data[2].Values) != len(g.more) || len(g.more) == 0 {
			t.Errorf("%d classes, %d further edges", len(spec.Data[0].Values), len(spec.Data[2].Values))
		}
	})
}

func vega(t *testing.T, g *graph) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := writeVega(&b, g, "Classes"); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// vegaScript checks a specification with Vega itself, and against its schema
// where ajv is there too.
const vegaScript = `
const vega = require('vega'), spec = JSON.parse(require('fs').readFileSync(0));
if (!vega.version.startsWith('5.')) { console.error('Vega ' + vega.version); process.exit(3); }
let Ajv;
try { Ajv = require('ajv'); } catch { }
if (Ajv) {
  const ajv = new Ajv({ strict: false, allErrors: true, allowUnionTypes: true, validateFormats: false });
  if (!ajv.validate(require('vega/build/vega-schema.json'), spec)) throw new Error(JSON.stringify(ajv.errors.slice(0, 3)));
}
const complain = (...words) => { throw new Error(words.join(' ')); };
const logger = { level() { return this; }, error: complain, warn: complain, info() {}, debug() {} };
const view = new vega.View(vega.parse(spec), { renderer: 'none', logger });
(async () => {
  await view.runAsync();
  const count = () => [view.data('tree').length, view.data('links').length, view.data('more').filter(d => d.path && d.source && d.target).length];
  const drawn = ((await view.toSVG()).match(/<text/g) || []).length;
  await view.signal('search', 'HAMBURG').runAsync();
  const found = view.data('tree').filter(d => d.found === 2).map(d => d.name);
  await view.signal('layout', 'tidy').signal('links', 'orthogonal').signal('rotate', 90).runAsync();
  const largest = view.data('tree').reduce((a, b) => a.boxes > b.boxes ? a : b);
  console.log(JSON.stringify([...count(), drawn > view.data('tree').length, found, largest.name, view.scale('size')(largest.boxes) === 700]));
})().catch(e => { console.error(e); process.exit(1); });
`

// TestVegaItself runs the specification where node finds Vega 5, as with
// NODE_PATH naming the node_modules of an npm install vega@5.
func TestVegaItself(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("no node")
	}
	if err := exec.Command(node, "-e", "require('vega')").Run(); err != nil {
		t.Skip("node finds no vega: npm install vega@5 somewhere and set NODE_PATH")
	}
	eachGraph(t, func(t *testing.T, g *graph, largest string) {
		c := exec.Command(node, "-e", vegaScript)
		c.Stdin = bytes.NewReader(vega(t, g))
		out, err := c.CombinedOutput()
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.ExitCode() == 3 {
			t.Skipf("node has %s", out)
		}
		want := fmt.Sprintf(`[%d,%d,%d,true,["Hamburger"],%q,true]`, len(g.nodes), len(g.nodes)-1, len(g.more), largest)
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%v: got %s, want %s", err, out, want)
		}
	})
}

// TestPage looks at the page as text: nothing is loaded, and names cannot
// break out of it.
func TestPage(t *testing.T) {
	bad := "</script><script>alert(1)</script>'\"&"
	classes := "/m/a,\"" + strings.ReplaceAll(bad, `"`, `""`) + "\"\n/m/b,Bee\n"
	names, err := openimages.ParseClasses(strings.NewReader(classes), "classes")
	if err != nil {
		t.Fatal(err)
	}
	h, err := openimages.ParseHierarchy(strings.NewReader(`{"LabelName":"/m/0bl9f","Subcategory":[{"LabelName":"/m/a","Part":[{"LabelName":"/m/b"}]},{"LabelName":"/m/c"}]}`), "tree")
	if err != nil {
		t.Fatal(err)
	}
	g := newGraph(h, names, h.Root(), &tally{subsets: []string{"train"}, counts: map[string][]count{"/m/b": {{1234, 5}}}})
	var page bytes.Buffer
	if err := writePage(&page, g, bad, []string{"train"}); err != nil {
		t.Fatal(err)
	}
	text := page.String()
	if strings.Contains(text, "alert(1)</") || strings.Count(text, "<script") != 1 || strings.Count(text, "</script") != 1 {
		t.Error("a name broke out")
	}
	for _, outside := range []string{"http:", "https:", "src=", "@import", "url("} {
		if strings.Contains(text, outside) {
			t.Errorf("the page mentions %s", outside)
		}
	}
	if !strings.Contains(text, "1,234 boxes") || !strings.Contains(text, `class="part"`) || !strings.Contains(text, ">Bee<") {
		t.Error("something is missing")
	}
	if spec := vega(t, g); !json.Valid(spec) {
		t.Errorf("no JSON: %s", spec)
	}
	one := newGraph(h, names, "/m/c", nil)
	if err := writePage(&page, one, "one class", nil); err != nil || !json.Valid(vega(t, one)) {
		t.Errorf("one class: %v", err)
	}
}

// TestPageItself opens the page in a browser, where there is one, at a class
// with two parents.
func TestPageItself(t *testing.T) {
	browser, err := exec.LookPath("chromium")
	if err != nil || testing.Short() {
		t.Skip("no chromium, or no time for it")
	}
	for _, tt := range []struct {
		name  string
		args  func(t *testing.T) []string
		count string // of Muffin
	}{
		{"sample", func(*testing.T) []string { return []string{"--dataset", "sample"} }, "<td>train</td><td>80</td><td>79</td>"},
		{"official", func(t *testing.T) []string { return []string{"--metadata", realRows(t)} }, "<td>train</td><td>337</td><td>261</td>"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "classes.html")
			if code, stdout, stderr := execute(t.Context(), append(tt.args(t), "--html", path)...); code != 0 || stdout != "" || stderr != "" {
				t.Fatalf("got %d %s %s", code, stdout, stderr)
			}
			c := exec.CommandContext(t.Context(), browser, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000",
				"--user-data-dir="+t.TempDir(), "--dump-dom", "file://"+path+"#muffin")
			dom, err := c.Output()
			if err != nil {
				t.Skipf("chromium does not run here: %v", err)
			}
			for _, want := range []string{
				"<h2>Muffin</h2>", "<button>Baked goods</button><button>Dessert</button>", tt.count, "<code>oi-boxes Muffin</code>", `class="also near"`,
			} {
				if !strings.Contains(string(dom), want) {
					t.Errorf("no %s on the page", want)
				}
			}
		})
	}
}
