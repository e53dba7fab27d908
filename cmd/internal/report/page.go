package report

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/metrics"
	"github.com/opensandwich/oi/cmd/internal/pix"
)

//go:embed page.html.tmpl
var pageSource string

// A page is what the template shows.
type page struct {
	*Report
	Title    string
	Charts   []*chart
	Squares  []*square
	Matrix   []matrixRow
	Rows     []scoreRow
	Averages []scoreRow
	SetNames []string
	SetRows  []setRow
	Mistakes []mistakeCard
	Pairs    []pair
}

type matrixRow struct {
	Class string
	Cells []matrixCell
}

type matrixCell struct {
	N     int64
	Share string  // of its row
	Shade float64 // 0 to 1
	Right bool
	Dark  bool
}

// A scoreRow is a class or an average. Each figure has its interval, "" where
// there is none.
type scoreRow struct {
	Name                                 string
	Precision, Recall, F1                string
	Support                              int64
	Bar                                  float64 // F1 in percent
	Few                                  bool    // pictures
	Areas                                bool    // the two that follow are known
	AUC, AP                              string
	PrecisionRange, RecallRange, F1Range string
	AUCRange                             string
}

type setRow struct {
	Class   string
	Numbers []int
}

type mistakeCard struct {
	Mistake
	Picture template.URL // a data: URI made here, or empty
	Percent string
	Size    dataset.Size
}

type pair struct{ Name, Value string }

// WriteHTML writes the report as one page that needs nothing else: no script,
// no font, no picture from elsewhere.
func (r *Report) WriteHTML(w io.Writer) error {
	p, err := r.page()
	if err != nil {
		return err
	}
	t, err := template.New("page").Funcs(template.FuncMap{"percent": func(v float64) float64 { return 100 * v }}).Parse(pageSource)
	if err != nil {
		return err
	}
	return t.Execute(w, p)
}

func (r *Report) page() (*page, error) {
	p := &page{Report: r, Title: strings.Join(r.Classes, " or ")}
	if len(r.Classes) > 4 {
		p.Title = fmt.Sprintf("%d classes", len(r.Classes))
	}
	if len(r.History) > 0 {
		for _, c := range []*chart{
			lineChart("loss", r.History, r.BestEpoch, func(e Epoch) (float64, float64) { return float64(e.TrainLoss), float64(e.ValLoss) }),
			lineChart("accuracy", r.History, r.BestEpoch, func(e Epoch) (float64, float64) { return float64(e.TrainAccuracy), e.ValAccuracy }),
		} {
			if c != nil {
				p.Charts = append(p.Charts, c)
			}
		}
	}
	p.SetNames = r.Sets.Names()
	for _, label := range r.Sets.Labels() {
		row := setRow{Class: label}
		for _, set := range p.SetNames {
			row.Numbers = append(row.Numbers, r.Sets[set][label])
		}
		p.SetRows = append(p.SetRows, row)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Options)) {
		value, err := json.Marshal(r.Options[name])
		if err != nil {
			return nil, err
		}
		p.Pairs = append(p.Pairs, pair{name, strings.Trim(string(value), `"`)})
	}
	if r.Evaluation == nil {
		return p, nil
	}
	return p, p.evaluation(r.Evaluation)
}

func (p *page) evaluation(e *Evaluation) error {
	for i, class := range e.classes {
		s := e.scores[i]
		score := newScoreRow(class, s)
		score.Bar = round(100 * s.F1)
		if e.Details != nil {
			c := e.Details.Classes[i]
			score.Few, score.Areas, score.AUC, score.AP = c.Few, true, orDash(c.AUC), orDash(c.AveragePrecision)
			score.PrecisionRange, score.RecallRange, score.F1Range, score.AUCRange = between(c.Precision), between(c.Recall), between(c.F1), between(c.AUCInterval)
		}
		p.Rows = append(p.Rows, score)
		row := matrixRow{Class: class}
		for k, n := range e.Matrix[i] {
			cell := matrixCell{N: n, Right: i == k, Share: "0"}
			if s.Support > 0 {
				share := float64(n) / float64(s.Support)
				cell.Share, cell.Shade, cell.Dark = fmt.Sprintf("%.0f", 100*share), round(share*0.9), share > 0.6
			}
			row.Cells = append(row.Cells, cell)
		}
		p.Matrix = append(p.Matrix, row)
	}
	macro, weighted := e.confusion.Macro(), e.confusion.Weighted()
	p.Averages = []scoreRow{newScoreRow("macro avg", macro), newScoreRow("weighted avg", weighted)}
	if d := e.Details; d != nil {
		mean := &p.Averages[0]
		mean.Areas, mean.AUC, p.Averages[1].Areas = true, orDash(d.Macro.AUC), true
		mean.PrecisionRange, mean.RecallRange, mean.F1Range, mean.AUCRange = between(d.Macro.Precision), between(d.Macro.Recall), between(d.Macro.F1), between(d.Macro.AUCInterval)
		p.Squares = d.squares()
	}
	for _, m := range e.Mistakes {
		card := mistakeCard{Mistake: m, Percent: fmt.Sprintf("%.1f", 100*m.Probability), Size: m.size}
		if m.pixels != nil {
			uri, err := dataURI(m.pixels, m.size)
			if err != nil {
				return fmt.Errorf("picture of %s: %w", m.Key, err)
			}
			card.Picture = uri
		}
		p.Mistakes = append(p.Mistakes, card)
	}
	return nil
}

func newScoreRow(name string, s metrics.Scores) scoreRow {
	return scoreRow{Name: name, Precision: digits(s.Precision), Recall: digits(s.Recall), F1: digits(s.F1), Support: s.Support}
}

// orDash writes a figure that may not be defined.
func orDash(n Number) string {
	if math.IsNaN(float64(n)) {
		return "-"
	}
	return fmt.Sprintf("%.3f", float64(n))
}

// between writes an interval that may not be known.
func between(i *metrics.Interval) string {
	if i == nil {
		return "-"
	}
	return digits(i.Low) + " to " + digits(i.High)
}

// Right writes how many of the answers that are given are right.
func (c Coverage) Right() string {
	if math.IsNaN(float64(c.Accuracy)) {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(c.Accuracy))
}

// Unit says what the figures are of, "" where it is not known.
func (e *Evaluation) Unit() string {
	if e.Details == nil || e.Details.Photos == 0 {
		return ""
	}
	text := fmt.Sprintf("%d photos", e.Details.Photos)
	if e.Interval.By == byAuthor {
		text += fmt.Sprintf(" by %d authors", e.Interval.Groups)
	}
	return text
}

func digits(v float64) string { return fmt.Sprintf("%.2f", v) }

// thumbnailQuality keeps a 128x128 crop at some 4 kB.
const thumbnailQuality = 75

// dataURI encodes RGB pixels as a JPEG inside an address.
func dataURI(pixels []byte, size dataset.Size) (template.URL, error) {
	var b bytes.Buffer
	if err := pix.EncodeJPEG(&b, pixels, size.Width, size.Height, thumbnailQuality); err != nil {
		return "", err
	}
	return template.URL("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(b.Bytes())), nil
}
