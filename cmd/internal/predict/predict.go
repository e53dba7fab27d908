// Package predict answers for photos by a network, in little code: it is what
// runs in a browser, and imports neither Gorgonia nor anything of a command.
package predict

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/kernel"
	"github.com/opensandwich/oi/cmd/internal/lower"
	"github.com/opensandwich/oi/cmd/internal/onnx"
	"github.com/opensandwich/oi/cmd/internal/pix"
	"github.com/opensandwich/oi/cmd/internal/steps"
)

// channels of a picture.
const channels = 3

// Predictor answers for one photo at a time. It is for one goroutine at a time.
type Predictor struct {
	Side    int // of the square pictures that the network takes, in pixels
	Answers int
	// Pad and Filter are how a photo becomes a square: stretched, by area, if
	// they are empty.
	Pad    pix.Pad
	Filter pix.Filter

	runner *steps.Runner
	run    []func(n int) error
}

// New makes a predictor of an ONNX file whose input is uint8 [N,Side,Side,3],
// the pixels as RGB row by row, and whose output is float32 [N,Answers], the
// probabilities: as oi-train writes it.
func New(file []byte) (*Predictor, error) {
	m, err := onnx.Parse(file)
	if err != nil {
		return nil, err
	}
	g := m.Graph
	if err := g.Simplify(nil); err != nil {
		return nil, err
	}
	p, err := check(g)
	if err != nil {
		return nil, err
	}
	program, err := lower.Plan(g, 1)
	if err != nil {
		return nil, err
	}
	p.runner = steps.New(kernel.NewWorkers(1), program, make([]float32, program.Memory), steps.Parameters{}, steps.Packs{})
	p.run, err = p.runner.CompileAll()
	return p, err
}

// check looks at the shapes of the input and the output.
func check(g *graph.Graph) (*Predictor, error) {
	if len(g.Inputs) != 1 || len(g.Outputs) != 1 {
		return nil, errors.New("it has several inputs or outputs")
	}
	in, out := g.Inputs[0], g.Outputs[0]
	if in.Type != graph.Uint8 || len(in.Shape) != 4 || in.Shape[1] != in.Shape[2] || !in.Shape[1].Fixed() || in.Shape[3] != (graph.Dim{Const: channels}) {
		return nil, fmt.Errorf("its input is %v of shape %s", in.Type, graph.ShapeString(in.Shape))
	}
	if out.Type != graph.Float32 || out.Const != nil || len(out.Shape) != 2 || !out.Shape[1].Fixed() {
		return nil, fmt.Errorf("its output is %v of shape %s", out.Type, graph.ShapeString(out.Shape))
	}
	return &Predictor{Side: in.Shape[1].Const, Answers: out.Shape[1].Const}, nil
}

// Target is what a photo is made.
func (p *Predictor) Target() pix.Target {
	return pix.Target{Width: p.Side, Height: p.Side, Pad: p.Pad, Filter: cmp.Or(p.Filter, pix.Area)}
}

// Photo returns the probabilities for the bytes of a JPEG, PNG or WebP of at
// most maxPixels pixels, rotated by its EXIF orientation and made a square by
// Pad and Filter. An error about the photo is one of package imagefile's. The
// result is valid until the next call.
func (p *Predictor) Photo(file []byte, maxPixels int) ([]float32, error) {
	pixels, err := pix.DecodeOriented(file, maxPixels, p.Target())
	if err != nil {
		return nil, err
	}
	return p.Pixels(pixels)
}

// Pixels is Photo for Side*Side*3 bytes, RGB row by row.
func (p *Predictor) Pixels(pixels []byte) ([]float32, error) {
	if want := p.Side * p.Side * channels; len(pixels) != want {
		return nil, fmt.Errorf("%d bytes of pixels, the network takes %d", len(pixels), want)
	}
	p.runner.SetBytes(pixels)
	for i, run := range p.run {
		if err := run(1); err != nil {
			return nil, fmt.Errorf("node %q: %w", p.runner.Program.Steps[i].Name(), err)
		}
	}
	answers := p.runner.Floats(p.runner.Program.Outputs[0], 1)
	if i := kernel.FirstNonFinite(answers); i >= 0 {
		return nil, fmt.Errorf("probability %d is %v: the model is damaged", i+1, answers[i])
	}
	return answers, nil
}
