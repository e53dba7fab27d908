package onnx

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/lower"
	"github.com/opensandwich/oi/cmd/internal/nn"
)

// nodeTests is where Debian's libonnx-testdata puts the tests of single
// operators that belong to ONNX.
const nodeTests = "/usr/share/libonnx-testdata/data/node"

// readTensor reads a file that holds one tensor, and says how exact it is.
func readTensor(path string) (*graph.Tensor, float64, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, 0, err
	}
	t, err := (&parser{}).tensor(data)
	if err != nil {
		return nil, 0, err
	}
	tolerance := 1e-5
	if t.elem == elemFloat16 {
		tolerance = 1e-3
	}
	loaded, err := (&loader{}).load(t)
	return loaded, tolerance, err
}

// TestNodes runs the tests of ONNX itself for all operators that are known, and
// prints how many passed and why the others were skipped.
func TestNodes(t *testing.T) {
	folders, err := filepath.Glob(nodeTests + "/*")
	if err != nil {
		t.Fatal(err)
	}
	if len(folders) == 0 {
		t.Skip("the tests of ONNX are not on this machine: Debian has them in libonnx-testdata")
	}
	passed, skipped := 0, map[string]int{}
	steps := &stepKinds{kernels: map[string]int{}, references: map[string]int{}}
	for _, folder := range folders {
		err := nodeTest(folder, steps)
		switch {
		case err == nil:
			passed++
		case errors.Is(err, ErrUnsupported):
			reason := err.Error()
			skipped[reason[strings.Index(reason, ErrUnsupported.Error()):]]++
		default:
			t.Errorf("%s: %v", filepath.Base(folder), err)
		}
	}
	total := 0
	for _, reason := range slices.Sorted(maps.Keys(skipped)) {
		total += skipped[reason]
		t.Logf("%4d skipped: %s", skipped[reason], reason)
	}
	t.Logf("%4d of %d passed, %d skipped", passed, len(folders), total)
	t.Logf("steps with kernels: %v", steps.kernels)
	t.Logf("nodes without, which the reference computes: %v", steps.references)
	if len(folders) == 932 && passed < 374 { // those of ONNX 1.12
		t.Errorf("%d tests passed, there were 374 once", passed)
	}
}

// nodeTest runs the test of a folder: as the model is, simplified for the
// shapes of the inputs, and with the inputs as constants.
func nodeTest(folder string, steps *stepKinds) error {
	m, err := Open(filepath.Join(folder, "model.onnx"))
	if err != nil {
		return err
	}
	sets, err := filepath.Glob(folder + "/test_data_set_*")
	if err != nil || len(sets) == 0 {
		return fmt.Errorf("no data: %v", err)
	}
	for _, set := range sets {
		inputs, shapes := map[string]*graph.Tensor{}, map[string][]int{}
		for i, v := range m.Graph.Inputs {
			input, _, err := readTensor(fmt.Sprintf("%s/input_%d.pb", set, i))
			if err != nil {
				return fmt.Errorf("input %d: %w", i, err)
			}
			inputs[v.Name], shapes[v.Name] = input, input.Shape
		}
		constant, simple := m.Graph.Clone(), m.Graph.Clone()
		for _, v := range constant.Inputs {
			v.Const = inputs[v.Name]
		}
		if err := constant.FoldConstants(); err != nil {
			return fmt.Errorf("constants: %w", err)
		}
		graphs := []*graph.Graph{m.Graph, constant}
		if err := simple.Simplify(shapes); err == nil {
			graphs = append(graphs, simple)
			if err := nodeTestSteps(simple, inputs, set, steps); err != nil {
				return fmt.Errorf("as steps: %w", err)
			}
		} else if !strings.Contains(err.Error(), "not known before it runs") {
			return fmt.Errorf("simplify: %w", err)
		}
		for i, g := range graphs {
			if err := compareOutputs(g, inputs, set); err != nil {
				return fmt.Errorf("graph %d: %w", i, err)
			}
		}
	}
	return nil
}

// stepKinds counts what the nodes of tests become.
type stepKinds struct{ kernels, references map[string]int }

func (k *stepKinds) add(g *graph.Graph) error {
	p, err := lower.Plan(g, 1)
	if err != nil {
		return err
	}
	for _, s := range p.Steps {
		if r, ok := s.(*lower.Reference); ok {
			k.references[r.Node.Op.Kind()]++
		} else {
			k.kernels[strings.TrimPrefix(fmt.Sprintf("%T", s), "*lower.")]++
		}
	}
	return nil
}

// nodeTestSteps runs a simplified graph as package nn does.
func nodeTestSteps(g *graph.Graph, inputs map[string]*graph.Tensor, set string, steps *stepKinds) error {
	if err := steps.add(g); err != nil {
		return err
	}
	e, err := nn.NewEvaluator(g, nn.EvaluatorOptions{Threads: 1})
	if err != nil {
		return err
	}
	defer e.Close()
	outputs, err := e.Evaluate(inputs)
	if err != nil {
		return err
	}
	return compareWithFolder(g, outputs, set)
}

// compareOutputs compares the outputs of a graph with those in a folder.
func compareOutputs(g *graph.Graph, inputs map[string]*graph.Tensor, set string) error {
	outputs, err := g.Evaluate(inputs)
	if err != nil {
		return err
	}
	return compareWithFolder(g, outputs, set)
}

func compareWithFolder(g *graph.Graph, outputs map[string]*graph.Tensor, set string) error {
	for i, v := range g.Outputs {
		want, tolerance, err := readTensor(fmt.Sprintf("%s/output_%d.pb", set, i))
		if err != nil {
			return fmt.Errorf("output %d: %w", i, err)
		}
		if err := compareTensors(outputs[v.Name], want, tolerance); err != nil {
			return fmt.Errorf("output %d: %w", i, err)
		}
	}
	return nil
}

// compareTensors allows for differences of floats up to the tolerance times the
// larger of 1 and the number.
func compareTensors(got, want *graph.Tensor, tolerance float64) error {
	if got.Type != want.Type || !slices.Equal(got.Shape, want.Shape) {
		return fmt.Errorf("%v %v where %v %v was expected", got.Type, got.Shape, want.Type, want.Shape)
	}
	for i, w := range want.Ints {
		if got.Ints[i] != w {
			return fmt.Errorf("element %d is %d, %d was expected", i, got.Ints[i], w)
		}
	}
	for i, w := range want.Floats {
		g, w := float64(got.Floats[i]), float64(w)
		if g != w && !(math.IsNaN(g) && math.IsNaN(w)) && !(math.Abs(g-w) <= tolerance*max(1, math.Abs(w))) {
			return fmt.Errorf("element %d is %g, %g was expected", i, g, w)
		}
	}
	return nil
}
