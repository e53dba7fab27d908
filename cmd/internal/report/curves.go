package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/metrics"
)

// maxCurves is how many classes have curves on the page: the worst, if there are
// more, and then the mean over all has one too.
const maxCurves = 8

// maxPoints is how many points of a curve the page holds.
const maxPoints = 200

// A curve is that of one class, or of the mean.
type curve struct {
	class  string
	area   Number // under it, NaN if it is not said
	points []metrics.Point
	mean   bool // over all classes
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

// curves are those of the page, of the areas under which the classes know.
type curves struct {
	roc, recall         []curve // of the classes that may be drawn, by their number
	meanROC, meanRecall metrics.MeanCurve
}

// add takes in the curves of a class.
func (c *curves) add(class ClassDetails, r *metrics.Ranking) {
	roc, recall := r.ROC(), r.PrecisionRecall()
	c.meanROC.AddROC(roc)
	c.meanRecall.AddPrecisionRecall(recall)
	if len(recall) == 0 {
		return // no item of it
	}
	c.roc = append(c.roc, curve{class: class.Class, area: class.AUC, points: thin(roc)})
	c.recall = append(c.recall, curve{class: class.Class, area: class.AveragePrecision, points: thin(recall)})
	if len(c.recall) > 2*maxCurves+8 {
		c.drop() // now and then
	}
}

// drop leaves the classes of the lowest average precision.
func (c *curves) drop() {
	order := make([]int, len(c.recall))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(c.recall[a].area, c.recall[b].area) })
	order = order[:min(len(order), maxCurves)]
	var roc, recall []curve
	for _, i := range order {
		roc, recall = append(roc, c.roc[i]), append(recall, c.recall[i])
	}
	c.roc, c.recall = roc, recall
}

// finish puts the mean first where some classes have no curve.
func (c *curves) finish(d *Details) {
	if len(d.Classes) <= maxCurves {
		return
	}
	c.drop()
	c.roc = slices.Insert(c.roc, 0, curve{"mean of all classes", d.Macro.AUC, thin(c.meanROC.Points()), true})
	c.recall = slices.Insert(c.recall, 0, curve{"mean of all classes", Number(math.NaN()), thin(c.meanRecall.Points()), true})
}

// A square is a chart whose X goes from 0 to 1 and Y from Low to 1, in the
// coordinates of its SVG.
type square struct {
	Title, XName, YName string
	Low                 float64
	Lines               []squareLine
	Diagonal            bool // what chance, or a perfect calibration, gives

	coloured int // lines that have a colour of their own
}

type squareLine struct {
	Name   string
	Area   string // "" unknown
	Style  string // its class
	Points string
	Dots   []dot
}

// Where the axes of a square are.
const (
	squareLeft, squareTop, squareSide = 44, 12, 260
)

func squareX(v float64) float64 { return round(squareLeft + v*squareSide) }

func (s *square) y(v float64) float64 {
	return round(squareTop + (1-v)/(1-s.Low)*squareSide)
}

// draw adds curves.
func (s *square) draw(curves []curve) *square {
	for _, c := range curves {
		if len(c.points) == 0 {
			continue
		}
		l := squareLine{Name: c.class, Style: fmt.Sprintf("c%d", s.coloured)}
		if c.mean {
			l.Style = "mean"
		} else {
			s.coloured++
		}
		if !math.IsNaN(float64(c.area)) {
			l.Area = orDash(c.area)
		}
		var points []string
		for _, p := range c.points {
			points = append(points, fmt.Sprintf("%g,%g", squareX(p.X), s.y(p.Y)))
		}
		l.Points = strings.Join(points, " ")
		s.Lines = append(s.Lines, l)
	}
	return s
}

// A squareTick is a number along an axis.
type squareTick struct {
	At    float64
	Label string
}

// XTicks and YTicks are the numbers along the axes.
func (s *square) XTicks() []squareTick { return ticks(0, squareX) }

// YTicks are those of Y.
func (s *square) YTicks() []squareTick { return ticks(s.Low, s.y) }

func ticks(low float64, at func(float64) float64) []squareTick {
	var list []squareTick
	for i := range 6 {
		v := low + (1-low)*float64(i)/5
		list = append(list, squareTick{at(v), fmt.Sprintf("%.4g", v)})
	}
	return list
}

// Alternative says in words what a chart shows.
func (s *square) Alternative() string {
	var parts []string
	for _, l := range s.Lines {
		if part := l.Name; l.Area != "" {
			parts = append(parts, part+" "+l.Area)
		} else if part != "" {
			parts = append(parts, part)
		}
	}
	text := fmt.Sprintf("chart, %s: %s over %s", s.Title, s.YName, s.XName)
	if len(parts) > 0 {
		text += "; lines of " + strings.Join(parts, ", ")
	}
	return text
}

// calibrationChart draws how often answers of a probability are right.
func (d *Details) calibrationChart() *square {
	s := &square{Title: "Calibration", XName: "probability of the answer", YName: "share that is right", Diagonal: true}
	l := squareLine{Style: "c0"}
	var points []string
	for _, b := range d.Bins {
		if b.Items == 0 {
			continue
		}
		x, y := squareX(b.Confidence), s.y(b.Accuracy)
		points = append(points, fmt.Sprintf("%g,%g", x, y))
		l.Dots = append(l.Dots, dot{x, y, fmt.Sprintf("%d answers of %.2f in the mean: %.2f are right", b.Items, b.Confidence, b.Accuracy)})
	}
	l.Points = strings.Join(points, " ")
	s.Lines = []squareLine{l}
	return s
}

// coverageChart draws how often the answers are right that reach a threshold,
// over how many do.
func (d *Details) coverageChart() *square {
	order := slices.Clone(d.answers)
	slices.SortFunc(order, func(a, b answer) int { return cmp.Compare(b.probability, a.probability) })
	var points []metrics.Point
	right, low := 0, 1.0
	for i, x := range order {
		if x.truth == x.predicted {
			right++
		}
		if i+1 < len(order) && order[i+1].probability == x.probability {
			continue // they reach it together
		}
		p := metrics.Point{X: float64(i+1) / float64(len(order)), Y: float64(right) / float64(i+1)}
		points, low = append(points, p), min(low, p.Y)
	}
	s := &square{
		Title: "Coverage", XName: "share of the pictures that are answered", YName: "share of these that is right",
		Low: min(0.9, math.Floor(10*low)/10),
	}
	s.draw([]curve{{area: Number(math.NaN()), points: thin(points)}})
	for _, c := range d.Coverage {
		if !math.IsNaN(float64(c.Accuracy)) {
			s.Lines[0].Dots = append(s.Lines[0].Dots, dot{squareX(c.Answered), s.y(float64(c.Accuracy)),
				fmt.Sprintf("from %g on %.1f %% answered, %s right", c.Threshold, 100*c.Answered, c.Right())})
		}
	}
	return s
}

// rankingCharts are the curves of the classes.
func (d *Details) rankingCharts() []*square {
	if len(d.curves.recall) == 0 {
		return nil
	}
	roc := &square{Title: "ROC, each class against the others", XName: "share of the others taken for it", YName: "share of the class found", Diagonal: true}
	recall := &square{Title: "Precision and recall", XName: "recall", YName: "precision"}
	return []*square{roc.draw(d.curves.roc), recall.draw(d.curves.recall)}
}
