package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/onnx"
	"github.com/opensandwich/oi/cmd/internal/zoo"
)

// guessedSide is the side, in pixels, for which the shapes of a model are told
// that leaves it open.
const guessedSide = 224

// foreignModel is what --info tells of a model that oi-train did not write.
type foreignModel struct {
	File       string           `json:"file"`
	SHA256     string           `json:"sha256"`
	Producer   string           `json:"producer"`
	IR         int              `json:"ir_version"`
	Opset      int              `json:"opset"`
	Inputs     []tensorInfo     `json:"inputs"`
	Outputs    []tensorInfo     `json:"outputs"`
	Operators  map[string]int   `json:"operators"`
	Parameters int              `json:"parameters"`
	Simplified int              `json:"simplified_operators"`
	Features   *foreignFeatures `json:"features,omitempty"`
	// What is known besides, from files next to it or by its SHA-256.
	Preprocessing string   `json:"preprocessing,omitempty"`
	Licence       string   `json:"licence,omitempty"`
	Notes         []string `json:"notes"`
}

// tensorInfo is an input or an output. Shape has numbers, and names for what is
// free.
type tensorInfo struct {
	Name  string   `json:"name"`
	Type  string   `json:"type"`
	Shape []string `json:"shape"`
}

// foreignFeatures is where the model's description of a picture would be taken.
type foreignFeatures struct {
	Name    string `json:"name"`
	Shape   string `json:"shape"`
	Pooling string `json:"pooling"`
	Length  int    `json:"length"`
	Reason  string `json:"reason"`
}

// describeForeign prints what is known of a model that oi-train did not write;
// refused is what its own reader said.
func (o *options) describeForeign(env *cli.Env, path string, refused error) error {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return refused // a pipe, of which a part is read
	}
	m, err := onnx.Open(path)
	if err != nil {
		return fmt.Errorf("%w; and it cannot be described: %w", refused, err)
	}
	d, err := newForeignModel(path, m, o.models.Table)
	if err != nil {
		return fmt.Errorf("%w; and it cannot be described: %w", refused, err)
	}
	if o.stream.JSON != "" {
		e := json.NewEncoder(env.Stdout)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(d)
	}
	_, err = io.WriteString(env.Stdout, d.text())
	return err
}

func newForeignModel(path string, m *onnx.Model, known zoo.Table) (*foreignModel, error) {
	d := &foreignModel{
		File: path, SHA256: m.SHA256, Producer: strings.TrimSpace(m.Producer + " " + m.Version), IR: m.IR, Opset: m.Opset,
		Operators: m.Operators, Inputs: []tensorInfo{}, Outputs: []tensorInfo{},
		Notes: []string{},
	}
	normalization, licence, err := known.Facts(path, m.SHA256)
	d.Licence = licence
	wants := "the names of its answers, --labels"
	switch {
	case err != nil:
		d.Notes = append(d.Notes, err.Error())
	case normalization != nil:
		d.Preprocessing = normalization.String()
	case slices.ContainsFunc(m.Graph.Inputs, func(v *graph.Value) bool { return v.Type == graph.Uint8 }):
		d.Preprocessing = "in the network"
	default:
		wants += ", and what to do to the bytes, --normalize"
	}
	d.Notes = append(d.Notes, "oi-train did not write it: to answer, oi-eval wants "+wants)
	shapes := map[string][]int{}
	for _, v := range m.Graph.Inputs {
		d.Inputs = append(d.Inputs, tensorInfo{v.Name, v.Type.String(), declaredShape(v.Declared, m.Dims[v.Name])})
		if given := slices.Clone(v.Declared); closeSides(given) {
			shapes[v.Name] = given
			d.Notes = append(d.Notes, fmt.Sprintf("input %s takes any side; the shapes are those for %d pixels", v.Name, guessedSide))
		}
	}
	g := m.Graph
	if err := g.Simplify(shapes); err != nil {
		return nil, err
	}
	for _, v := range g.Outputs {
		t := tensorInfo{Name: v.Name, Type: v.Type.String(), Shape: []string{}}
		for _, dim := range v.Shape {
			t.Shape = append(t.Shape, dim.String())
		}
		d.Outputs = append(d.Outputs, t)
	}
	d.Parameters, d.Simplified = g.Parameters(), len(g.Nodes)
	f, err := g.Features()
	if err != nil {
		d.Notes = append(d.Notes, "no features are found: "+err.Error())
		return d, nil
	}
	d.Features = &foreignFeatures{f.Value.Name, graph.ShapeString(f.Value.Shape), string(f.Pooling), f.Length, f.Reason}
	return d, nil
}

// declaredShape is a shape with names where it is free.
func declaredShape(shape []int, names []string) []string {
	text := make([]string, len(shape))
	for i, d := range shape {
		switch {
		case d >= 0:
			text[i] = fmt.Sprint(d)
		case names[i] != "":
			text[i] = names[i]
		default:
			text[i] = "?"
		}
	}
	return text
}

// closeSides gives free sides of pictures, [N,3,H,W] or [N,H,W,3], a length. It
// reports whether there were any.
func closeSides(shape []int) bool {
	if len(shape) != 4 {
		return false
	}
	first := 2 // axis of the two sides
	if shape[1] != 3 && shape[3] == 3 {
		first = 1
	}
	guessed := false
	for i := first; i < first+2; i++ {
		if shape[i] == -1 {
			shape[i], guessed = guessedSide, true
		}
	}
	return guessed
}

// text is the description for people.
func (d *foreignModel) text() string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-12s %s\n", name, cli.Escape(fmt.Sprintf(format, args...)))
	}
	line("model", "%s", d.File)
	line("sha256", "%s", d.SHA256)
	producer := d.Producer
	if producer == "" {
		producer = "an unknown program"
	}
	line("made by", "%s; version %d of ONNX files, %d of the operators", producer, d.IR, d.Opset)
	tensors := func(name string, list []tensorInfo) {
		for _, t := range list {
			line(name, "%s, %s [%s]", t.Name, t.Type, strings.Join(t.Shape, ","))
		}
	}
	tensors("input", d.Inputs)
	tensors("output", d.Outputs)
	var operators []string
	for _, op := range slices.Sorted(maps.Keys(d.Operators)) {
		operators = append(operators, fmt.Sprintf("%s %d", op, d.Operators[op]))
	}
	line("operators", "%s", strings.Join(operators, ", "))
	line("network", "%d parameters; %d operators when simplified", d.Parameters, d.Simplified)
	if f := d.Features; f != nil {
		line("features", "%s, %s %s, %d numbers", f.Name, f.Shape, f.Pooling, f.Length)
		line("", "%s", f.Reason)
	}
	if d.Preprocessing != "" {
		line("pixels", "%s", d.Preprocessing)
	}
	if d.Licence != "" {
		line("licence", "%s", d.Licence)
	}
	for _, note := range d.Notes {
		line("note", "%s", note)
	}
	return b.String()
}
