package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/record"
)

var update = flag.Bool("update", false, "rewrite what the scripts expect")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"oi-crop": func() { cli.Main(command()) },
		"photos":  func() { testTool(writePhotos) },
		"size":    func() { testTool(printSize) },
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", UpdateScripts: *update})
}

func testTool(f func(args []string, out io.Writer) error) {
	if err := f(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// printSize prints the width, the height and the format of picture files.
func printSize(args []string, out io.Writer) error {
	for _, name := range args {
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		config, format, err := image.DecodeConfig(bytes.NewReader(data))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		fmt.Fprintf(out, "%dx%d %s\n", config.Width, config.Height, format)
	}
	return nil
}

// writePhotos writes a file with a stream as oi-fetch does.
func writePhotos(args []string, _ io.Writer) error {
	fs := flag.NewFlagSet("photos", flag.ContinueOnError)
	classes := fs.String("classes", "Hamburger,Sandwich", "names")
	n := fs.Int("n", 6, "items")
	stage := fs.String("stage", "oi-fetch", "the last stage that ran: oi-boxes or oi-fetch")
	form := fs.String("form", "binary", "binary, json or framed")
	bad := fs.Bool("bad", false, "append an item of each kind that is skipped")
	cut := fs.Bool("cut", false, "leave the end out")
	full := fs.Bool("full", false, "make each box the whole photo")
	args0 := fs.String("args", "", "the arguments of oi-boxes, as k=v,k=v")
	first := fs.Int("first", 0, "number of the first item")
	step := fs.Int("step", 1, "from one item to the next")
	name := fs.String("o", "", "file to write")
	if err := fs.Parse(args); err != nil {
		return err
	}
	forms := map[string]record.Encoding{"binary": record.Binary, "json": record.JSON, "framed": record.FramedJSON}
	var out bytes.Buffer
	w := record.NewWriter(&out, forms[*form])
	names := strings.Split(*classes, ",")
	h := &record.Header{Version: record.Version, Stages: []record.Stage{{Tool: "oi-boxes", Version: "1"}}}
	for _, name := range names {
		h.Classes = append(h.Classes, record.Class{MID: "/m/" + name, Name: name})
	}
	for word := range strings.SplitSeq(*args0, ",") {
		if key, value, ok := strings.Cut(word, "="); ok {
			if h.Stages[0].Args == nil {
				h.Stages[0].Args = map[string]string{}
			}
			h.Stages[0].Args[key] = value
		}
	}
	items := []record.Record{}
	for i := *first; i < *n; i += *step {
		items = append(items, testItem(i, names[i%len(names)]))
	}
	if *full {
		for _, r := range items {
			r.(*record.Item).Box = &record.Box{XMax: 1, YMax: 1}
		}
	}
	if *bad {
		items = append(items, badItems()...)
	}
	count := record.StageCounts{Tool: "oi-boxes", Out: int64(len(items)), Added: map[string]int64{"box": int64(len(items))}}
	records := append([]record.Record{h}, items...)
	if *stage == "oi-boxes" {
		for _, r := range items {
			r.(*record.Item).Fetched = nil
		}
	}
	if !*cut {
		records = append(records, &record.End{Stages: []record.StageCounts{count}})
	}
	for _, r := range records {
		if err := w.Write(r); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return os.WriteFile(*name, out.Bytes(), 0o666)
}

// testItem is a dark photo with one bright box, turned by i quarters.
func testItem(i int, class string) *record.Item {
	const w, h = 160, 120
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	bright := image.Rect(16, 12, 80, 60)
	for y := range h {
		for x := range w {
			c := color.RGBA{R: uint8(x), G: uint8(y), B: uint8(10 * i), A: 255}
			if (image.Point{X: x, Y: y}).In(bright) {
				c = color.RGBA{R: 255, G: uint8(200 + i%50), B: uint8(3 * x), A: 255}
			}
			img.SetRGBA(x, y, c)
		}
	}
	var data bytes.Buffer
	if err := jpeg.Encode(&data, img, &jpeg.Options{Quality: 95}); err != nil {
		panic(err)
	}
	sum := sha256.Sum256(data.Bytes())
	rotation := float64(i % 4 * 90)
	return &record.Item{
		ID: fmt.Sprintf("%016x", i), Key: fmt.Sprintf("%016x-%08x", i, i*7), Subset: "train",
		Set:   []string{"train", "train", "val", "test"}[i/2%4],
		Label: &record.Label{MID: "/m/" + class, Name: class},
		Box:   &record.Box{XMin: 0.1, XMax: 0.5, YMin: 0.1, YMax: 0.5},
		Avoid: []record.Rect{{XMin: 0.6, XMax: 0.7, YMin: 0, YMax: 0.2}},
		Image: &record.Image{URL: "https://example.org/a.jpg", Rotation: &rotation},
		Fetched: &record.Fetched{
			URL: "https://example.org/a.jpg", Source: "url", SHA256: hex.EncodeToString(sum[:]), MediaType: "image/jpeg", Bytes: data.Bytes(),
		},
	}
}

// badItems are skipped, each for another reason.
func badItems() []record.Record {
	change := []func(*record.Item){
		func(m *record.Item) { m.Fetched.Bytes = []byte("<html>no such photo</html>") },
		func(m *record.Item) { m.Fetched.Bytes = m.Fetched.Bytes[:400] },
		func(m *record.Item) { m.Box.XMax = 1.5 },
		func(m *record.Item) { m.Box = nil },
		func(m *record.Item) { m.Box.YMax = m.Box.YMin },
	}
	var items []record.Record
	for i, f := range change {
		item := testItem(100+i, "Hamburger")
		f(item)
		items = append(items, item)
	}
	return items
}
