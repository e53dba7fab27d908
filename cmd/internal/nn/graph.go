package nn

import (
	"fmt"

	// The version that knows this Go: an older one, which Gorgonia asks
	// for, panics at start.
	_ "go4.org/unsafe/assume-no-moving-gc"
	"gorgonia.org/gorgonia"

	"github.com/opensandwich/oi/cmd/internal/model"
)

// newMachine compiles a graph.
func newMachine(g *gorgonia.ExprGraph) (gorgonia.VM, error) {
	program, registers, err := gorgonia.Compile(g)
	if err != nil {
		return nil, fmt.Errorf("compile graph: %w", err)
	}
	return gorgonia.NewTapeMachine(g, gorgonia.WithPrecompiled(program, registers)), nil
}

// graphCache keeps the graphs of the two batch sizes that a pass over the data
// needs: the full batch, and what is left for the last one. A smaller
// graph makes the results of a short batch those of a batch of that size,
// exactly.
type graphCache struct {
	make        func(n int) (*trainingGraph, error)
	batch       int
	full, short *trainingGraph
}

// of returns a graph for n pictures, compiled if it must be.
func (c *graphCache) of(n int) (*trainingGraph, error) {
	slot := &c.short
	if n == c.batch {
		slot = &c.full
	}
	if *slot == nil || (*slot).n != n {
		cg, err := c.make(n)
		if err != nil {
			return nil, err
		}
		*slot = cg
	}
	return *slot, nil
}

// checkImages compares the pictures' lengths with what the network takes.
func checkImages(net *model.Network, images [][]byte) error {
	want := net.Height * net.Width * net.Channels
	for i, image := range images {
		if len(image) != want {
			return fmt.Errorf("picture %d of the batch has %d bytes, the network takes %dx%dx%d = %d",
				i+1, len(image), net.Width, net.Height, net.Channels, want)
		}
	}
	return nil
}
