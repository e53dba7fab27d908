package transfer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/graph"
)

// AnswerCount returns how many answers the network gives for a picture, where
// its outputs leave no doubt: those of the shape of answers, which are at least
// two, are of one length.
func (f *File) AnswerCount() (int, error) {
	g, _, err := f.simplified(cmp.Or(f.input.side, defaultSide), "")
	if err != nil {
		return 0, f.fault(err)
	}
	var counts []int
	var outputs []string
	for _, v := range g.Outputs {
		outputs = append(outputs, fmt.Sprintf("%q %s", v.Name, graph.ShapeString(v.Shape)))
		if v.Const != nil || v.Type != graph.Float32 || len(v.Shape) < 2 {
			continue
		}
		if n := v.Shape[1].Const; n > 1 && answersFor(v.Shape, g.Inputs[0].Shape[0], n) && !slices.Contains(counts, n) {
			counts = append(counts, n)
		}
	}
	if len(counts) != 1 {
		return 0, fmt.Errorf("%s does not show which output has its answers: its outputs are %s", f.path, strings.Join(outputs, ", "))
	}
	return counts[0], nil
}
