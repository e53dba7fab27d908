package report

import (
	"fmt"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/metrics"
)

// maxCurves is how many classes have curves on the page.
const maxCurves = 8

// maxPoints is how many points of a curve the page holds.
const maxPoints = 200

// A curve is that of one class.
type curve struct {
	class  string
	points []metrics.Point
}

// thin leaves at most some maxPoints of a curve, its first and last among them,
// so that no step between two of them is longer than one in maxPoints of either
// axis if the curve's were not.
func thin(points []metrics.Point) []metrics.Point {
	var kept []metrics.Point
	for i, p := range points {
		if n := len(kept); n > 0 && i+1 < len(points) {
			if last := kept[n-1]; (p.X-last.X)*(p.X-last.X)+(p.Y-last.Y)*(p.Y-last.Y) < 4./maxPoints/maxPoints {
				continue
			}
		}
		kept = append(kept, p)
	}
	return kept
}

// A square is a chart whose axes both go from 0 to 1, in the coordinates of its
// SVG.
type square struct {
	Title, XName, YName string
	Lines               []squareLine
	Diagonal            bool // what chance, or a perfect calibration, gives
}

type squareLine struct {
	Name    string
	Colour  int // 0 to maxCurves-1
	Points  string
	Dots    []dot
	LegendY int
}

// Where the axes of a square are.
const (
	squareLeft, squareTop, squareSide = 48, 34, 240
)

func squareX(v float64) float64 { return round(squareLeft + v*squareSide) }
func squareY(v float64) float64 { return round(squareTop + (1-v)*squareSide) }

// newSquare draws curves.
func newSquare(title, x, y string, diagonal bool, curves []curve) *square {
	s := &square{Title: title, XName: x, YName: y, Diagonal: diagonal}
	for i, c := range curves {
		var points []string
		for _, p := range c.points {
			points = append(points, fmt.Sprintf("%g,%g", squareX(p.X), squareY(p.Y)))
		}
		s.Lines = append(s.Lines, squareLine{Name: c.class, Colour: i, Points: strings.Join(points, " "), LegendY: squareTop + 10 + 18*i})
	}
	return s
}

// A squareTick is a number along both axes.
type squareTick struct {
	Across, Up float64
	Label      string
}

// Ticks are the numbers along the axes.
func (s *square) Ticks() []squareTick {
	var ticks []squareTick
	for i := range 6 {
		v := float64(i) / 5
		ticks = append(ticks, squareTick{squareX(v), squareY(v), fmt.Sprintf("%g", v)})
	}
	return ticks
}

// Short is the name as long as there is room for it.
func (l squareLine) Short() string {
	const room = 20
	if r := []rune(l.Name); len(r) > room {
		return string(r[:room-1]) + "…"
	}
	return l.Name
}

// calibrationChart draws how often answers of a probability are right.
func (d *Details) calibrationChart() *square {
	c := curve{class: "answers"}
	var dots []dot
	for _, b := range d.Bins {
		if b.Items > 0 {
			c.points = append(c.points, metrics.Point{X: b.Confidence, Y: b.Accuracy})
			dots = append(dots, dot{squareX(b.Confidence), squareY(b.Accuracy), fmt.Sprintf("%d answers of %.2f in the mean: %.2f are right", b.Items, b.Confidence, b.Accuracy)})
		}
	}
	s := newSquare("calibration", "probability of the answer", "share that is right", true, []curve{c})
	s.Lines[0].Dots = dots
	return s
}

// squares are the charts of the page.
func (d *Details) squares() []*square {
	var list []*square
	if len(d.roc) > 0 {
		list = append(list,
			newSquare("ROC, each class against the others", "share of the others taken for it", "share of the class found", true, d.roc),
			newSquare("precision and recall", "recall", "precision", false, d.recall))
	}
	return append(list, d.calibrationChart())
}
