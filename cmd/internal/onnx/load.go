package onnx

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/graph"
)

// Model is a model that was read.
type Model struct {
	IR, Opset         int
	SHA256            string              // of the model's file, without weights in others
	Producer, Version string              // as the file gives them, or empty
	Meta              map[string]string   // likewise
	Operators         map[string]int      // how many nodes of each there are in the file
	Dims              map[string][]string // names of the free dimensions of each input, "" for others

	// Graph is not simplified. Inputs with initial values are constants.
	Graph *graph.Graph
}

// Open reads a model and the files of weights next to it. The model itself may
// be a link, but not its weights.
func Open(path string) (_ *Model, err error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	m, err := parse(data, &loader{weights: &folder{root: root, left: MaxSize - int64(len(data))}})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// readFile reads a file of up to MaxSize bytes.
func readFile(path string) (_ []byte, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	// A file says how long it is, a pipe does not.
	data := bytes.NewBuffer(make([]byte, 0, min(info.Size(), MaxSize)+bytes.MinRead))
	if _, err := data.ReadFrom(io.LimitReader(file, MaxSize+1)); err != nil {
		return nil, err
	}
	if data.Len() > MaxSize {
		return nil, fmt.Errorf("%s: the model is larger than %d MiB", path, MaxSize>>20)
	}
	return data.Bytes(), nil
}

// Parse reads a model that is all in one piece.
func Parse(data []byte) (*Model, error) { return parse(data, &loader{}) }

func parse(data []byte, weights *loader) (*Model, error) {
	f, err := parseFile(data)
	if err != nil {
		return nil, err
	}
	b := &builder{file: f, loader: weights, graph: &graph.Graph{}, values: map[string]*graph.Value{}, makers: map[string]string{}}
	g, err := b.build()
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	m := &Model{
		SHA256: hex.EncodeToString(sum[:]), IR: int(f.ir), Opset: int(f.opsets[""]), Producer: f.producer, Version: f.version, Meta: f.meta,
		Operators: map[string]int{}, Dims: map[string][]string{}, Graph: g,
	}
	for _, n := range f.nodes {
		m.Operators[n.op]++
	}
	for _, in := range f.inputs {
		m.Dims[in.name] = in.names
	}
	return m, nil
}

// builder makes a graph of a file.
type builder struct {
	*file
	loader *loader
	graph  *graph.Graph // apart, since the rest holds on to the bytes of the file
	values map[string]*graph.Value
	makers map[string]string // what makes a value, for people
}

func (b *builder) build() (*graph.Graph, error) {
	for _, t := range b.tensors {
		data, err := b.loader.load(t)
		if err == nil {
			_, err = b.define(t.name, "a tensor", &graph.Value{Type: data.Type, Shape: graph.Fixed(data.Shape), Const: data})
		}
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", t.name, err)
		}
	}
	if err := b.addInputs(); err != nil {
		return nil, err
	}
	nodes, err := b.sorted()
	if err != nil {
		return nil, err
	}
	for _, n := range nodes {
		if err := b.addNode(n); err != nil {
			return nil, n.fault(err)
		}
	}
	listed := map[*graph.Value]bool{}
	for _, out := range b.outputs {
		v := b.values[out.name]
		if v == nil {
			return nil, fmt.Errorf("output %q is computed by no node", out.name)
		}
		if listed[v] {
			return nil, fmt.Errorf("output %q is listed twice", out.name)
		}
		listed[v] = true
		b.graph.Outputs = append(b.graph.Outputs, v)
	}
	if err := b.loader.weights.checkOverlaps(); err != nil {
		return nil, err
	}
	if len(b.graph.Outputs) == 0 {
		return nil, errors.New("the model has no outputs")
	}
	return b.graph, nil
}

// addInputs takes the inputs; those with an initial value are constants, which
// version 3 of the format lists among the inputs.
func (b *builder) addInputs() error {
	listed := map[string]bool{}
	for _, in := range b.inputs {
		if listed[in.name] {
			return fmt.Errorf("input %q is listed twice", in.name)
		}
		listed[in.name] = true
		if v := b.values[in.name]; v != nil {
			continue
		}
		if !in.typed {
			return fmt.Errorf("input %q: %w: it is not a tensor", in.name, ErrUnsupported)
		}
		t, err := typeOf(in.elem)
		if err != nil {
			return fmt.Errorf("input %q: %w", in.name, err)
		}
		v, err := b.define(in.name, "an input", &graph.Value{Type: t, Declared: in.shape})
		if err != nil {
			return fmt.Errorf("input %q: %w", in.name, err)
		}
		b.graph.Inputs = append(b.graph.Inputs, v)
	}
	return nil
}

// define enters a value under its name, which must be new.
func (b *builder) define(name, maker string, v *graph.Value) (*graph.Value, error) {
	if name == "" {
		return nil, errors.New("a value without a name")
	}
	if old, ok := b.makers[name]; ok {
		return nil, fmt.Errorf("the value %q is made by it and by %s", name, old)
	}
	v.Name = name
	b.values[name], b.makers[name] = v, maker
	return v, nil
}

// sorted gives the nodes in an order in which they can be computed, that of the
// file as far as it is one.
func (b *builder) sorted() ([]node, error) {
	maker := map[string]int{}
	for i, n := range b.nodes {
		for _, out := range n.out {
			if out == "" {
				continue
			}
			if old, ok := b.makers[out]; ok {
				return nil, n.fault(fmt.Errorf("the value %q is made by it and by %s", out, old))
			}
			if old, ok := maker[out]; ok {
				return nil, n.fault(fmt.Errorf("the value %q is made by it and by node %q", out, b.nodes[old].label()))
			}
			maker[out] = i
		}
	}
	waits := make([]int, len(b.nodes))
	readers := make([][]int, len(b.nodes))
	ready := make([]int, 0, len(b.nodes))
	for i, n := range b.nodes {
		for _, in := range n.in {
			if m, ok := maker[in]; ok && in != "" {
				waits[i]++
				readers[m] = append(readers[m], i)
			}
		}
		if waits[i] == 0 {
			ready = append(ready, i)
		}
	}
	for at := 0; at < len(ready); at++ {
		for _, r := range readers[ready[at]] {
			if waits[r]--; waits[r] == 0 {
				ready = append(ready, r)
			}
		}
	}
	if len(ready) < len(b.nodes) {
		return nil, b.cycle(waits, maker)
	}
	if !b.inOrder(maker) {
		nodes := make([]node, len(ready))
		for i, at := range ready {
			nodes[i] = b.nodes[at]
		}
		return nodes, nil
	}
	return b.nodes, nil
}

// inOrder reports whether every node of the file comes after those it reads.
func (b *builder) inOrder(maker map[string]int) bool {
	for i, n := range b.nodes {
		for _, in := range n.in {
			if m, ok := maker[in]; ok && m > i {
				return false
			}
		}
	}
	return true
}

// cycle names a node that waits for itself: from one that waits, go to what it
// waits for until a node comes twice.
func (b *builder) cycle(waits []int, maker map[string]int) error {
	at := slices.IndexFunc(waits, func(w int) bool { return w > 0 })
	seen := map[int]bool{}
	for !seen[at] {
		seen[at] = true
		for _, in := range b.nodes[at].in {
			if m, ok := maker[in]; ok && waits[m] > 0 {
				at = m
				break
			}
		}
	}
	return b.nodes[at].fault(errors.New("it depends on its own result: the graph has a cycle"))
}

// addNode makes a node of the graph, and constants that its operator wants as
// inputs where the file has attributes.
func (b *builder) addNode(n node) error {
	if n.domain != "" {
		return fmt.Errorf("%w: operator %s of domain %q", ErrUnsupported, n.op, n.domain)
	}
	c, err := b.convert(n)
	if err != nil {
		return err
	}
	if c.constant != nil {
		if len(n.out) != 1 || len(n.in) > 0 {
			return fmt.Errorf("it has %d inputs and %d outputs", len(n.in), len(n.out))
		}
		_, err := b.define(n.out[0], "node "+n.label(), &graph.Value{Type: c.constant.Type, Shape: graph.Fixed(c.constant.Shape), Const: c.constant})
		return err
	}
	made := &graph.Node{Name: n.label(), Op: c.op}
	for _, name := range n.in {
		v := b.values[name]
		if v == nil && name != "" {
			return fmt.Errorf("its input %q is made by no node", name)
		}
		made.In = append(made.In, v)
	}
	for i, t := range c.inputs {
		if t == nil {
			continue
		}
		for len(made.In) <= i {
			made.In = append(made.In, nil)
		}
		made.In[i] = &graph.Value{Name: fmt.Sprintf("%s/%d", n.label(), i), Type: t.Type, Shape: graph.Fixed(t.Shape), Const: t}
	}
	for _, name := range n.out {
		var v *graph.Value
		if name != "" {
			if v, err = b.define(name, "node "+n.label(), &graph.Value{}); err != nil {
				return err
			}
		}
		made.Out = append(made.Out, v)
	}
	if len(made.Out) == 0 {
		return errors.New("it has no outputs")
	}
	b.graph.Nodes = append(b.graph.Nodes, made)
	return nil
}
