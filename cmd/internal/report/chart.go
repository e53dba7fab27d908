package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A chart is a line chart of the report, in the coordinates of its SVG.
type chart struct {
	Title         string
	Width, Height float64
	Left, Bottom  float64 // the axes
	Right, Top    float64
	X, Y          []tick
	Lines         []line
	Mark          *mark
}

type tick struct {
	At    float64
	Label string
}

type line struct {
	Name   string
	Class  string // how it looks
	Points string // for <polyline>
	Dots   []dot
}

type dot struct {
	X, Y float64
	Text string
}

// Middle is half-way along the epochs.
func (c *chart) Middle() float64 { return (c.Left + c.Right) / 2 }

// mark is a vertical line at the best epoch.
type mark struct{ X float64 }

// lineChart draws values of the train and the validation items over the epochs.
// It returns nil if none of them is finite.
func lineChart(title string, history []Epoch, best int, value func(Epoch) (train, val float64)) *chart {
	c := &chart{Title: title, Width: 320, Height: 240, Left: 44, Right: 312, Top: 12, Bottom: 196}
	low, high := math.Inf(1), math.Inf(-1)
	for _, e := range history {
		train, val := value(e)
		for _, v := range []float64{train, val} {
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	if low > high {
		return nil // not one number
	}
	ticks := niceTicks(low, high)
	low, high = ticks[0], ticks[len(ticks)-1]
	y := func(v float64) float64 { return round(c.Bottom - (v-low)/(high-low)*(c.Bottom-c.Top)) }
	first, last := history[0].Epoch, history[len(history)-1].Epoch
	x := func(epoch int) float64 {
		if first == last {
			return round((c.Left + c.Right) / 2)
		}
		return round(c.Left + float64(epoch-first)/float64(last-first)*(c.Right-c.Left))
	}
	for _, v := range ticks {
		c.Y = append(c.Y, tick{y(v), strconv.FormatFloat(v, 'g', 4, 64)})
	}
	step := max(1, (last-first+7)/8)
	for epoch := first; epoch <= last; epoch += step {
		c.X = append(c.X, tick{x(epoch), strconv.Itoa(epoch)})
	}
	for i, name := range []string{"train", "validation"} {
		l := line{Name: name, Class: name}
		var points []string
		for _, e := range history {
			train, val := value(e)
			v := []float64{train, val}[i]
			if math.IsNaN(v) || math.IsInf(v, 0) {
				continue
			}
			points = append(points, fmt.Sprintf("%g,%g", x(e.Epoch), y(v)))
			l.Dots = append(l.Dots, dot{x(e.Epoch), y(v), fmt.Sprintf("epoch %d: %s %.4f", e.Epoch, name, v)})
		}
		l.Points = strings.Join(points, " ")
		c.Lines = append(c.Lines, l)
	}
	if best >= first && best <= last {
		c.Mark = &mark{x(best)}
	}
	return c
}

// niceTicks returns four to ten round numbers of which the first is at or
// below low and the last at or above high. The two bounds are finite.
func niceTicks(low, high float64) []float64 {
	if high-low < 1e-9 {
		low, high = low-0.5, high+0.5
	}
	step := math.Pow(10, math.Floor(math.Log10(high-low)))
	for _, divide := range []float64{1, 2, 5, 10} {
		if n := (high - low) / (step / divide); n >= 3 {
			step /= divide
			break
		}
	}
	var ticks []float64
	for k := math.Floor(low / step); ; k++ {
		ticks = append(ticks, k*step)
		if k*step >= high {
			return ticks
		}
	}
}

// round keeps the page small: a tenth of a pixel is enough.
func round(v float64) float64 { return math.Round(v*10) / 10 }
