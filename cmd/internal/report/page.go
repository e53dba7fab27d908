package report

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/export/credits"
	"github.com/opensandwich/oi/cmd/internal/metrics"
)

//go:embed page.html.tmpl
var pageSource string

// A page is what the template shows.
type page struct {
	*Report
	Title      string
	Sections   []section
	Charts     []*chart
	Belief     []*square // calibration and coverage
	Curves     []*square
	Worst      bool // curves are of some classes only
	Matrix     []matrixRow
	Confusions []confused // in place of a matrix that is too large
	Rows       []scoreRow
	Averages   []scoreRow
	SetNames   []string
	SetRows    []setRow
	Mistakes   gallery
	Confident  gallery
	Sample     gallery
	FaultLists []faultSection
	Licenses   []licence
	Trail      []trailRow
	Pairs      []pair
}

// A section is a heading and how it is linked to.
type section struct{ ID, Name string }

type pair struct{ Name, Value string }

type setRow struct {
	Class   string
	Numbers []int
}

// A licence is how many photos are under it, its name, and its address, ""
// without one.
type licence struct {
	LicenceCount
	Name, Address string
}

// tall is how many rows of a table have a page of their own to scroll in.
const tall = 40

// Tall reports whether a table of so many rows is to scroll.
func (p *page) Tall(rows int) bool { return rows > tall }

// WriteHTML writes the report as one page that needs nothing else: no script,
// no font, no picture from elsewhere.
func (r *Report) WriteHTML(w io.Writer) error {
	p, err := r.page()
	if err != nil {
		return err
	}
	t, err := template.New("page").Funcs(template.FuncMap{
		"percent": func(v float64) float64 { return 100 * v },
		"number":  four,
	}).Parse(pageSource)
	if err != nil {
		return err
	}
	return t.Execute(w, p)
}

// Dashes are the patterns of the curves: colours alone do not tell them apart
// for everybody.
func (p *page) Dashes() []string {
	return []string{"", "6 2", "2 2", "8 3 2 3", "", "6 2", "2 2", "8 3 2 3"}
}

// Maps reports whether pictures come with a map of where the answer comes from.
func (p *page) Maps() bool {
	return p.Mistakes.Pairs || p.Confident.Pairs
}

func (r *Report) page() (p *page, err error) {
	p = &page{Report: r, Title: strings.Join(r.Classes, " or ")}
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
	for _, l := range r.Licences {
		p.Licenses = append(p.Licenses, licence{l, credits.LicenceName(l.License), credits.WebPage(l.License)})
	}
	p.Trail = r.trail()
	for _, name := range slices.Sorted(maps.Keys(r.Options)) {
		value, err := json.Marshal(r.Options[name])
		if err != nil {
			return nil, err
		}
		p.Pairs = append(p.Pairs, pair{name, strings.Trim(string(value), `"`)})
	}
	if r.Evaluation != nil {
		if err := p.evaluation(r.Evaluation); err != nil {
			return nil, err
		}
	}
	if p.FaultLists, err = r.faultSections(); err != nil {
		return nil, err
	}
	p.Sections = p.sections()
	return p, nil
}

// evaluation puts in what is known of the answers.
func (p *page) evaluation(e *Evaluation) (err error) {
	p.scores(e)
	if d := e.Details; d != nil {
		p.Belief = []*square{d.calibrationChart(), d.coverageChart()}
		p.Curves, p.Worst = d.rankingCharts(), len(d.Classes) > maxCurves
	}
	if len(e.classes) <= maxMatrix {
		p.Matrix = matrix(e)
	} else {
		p.Confusions = confusions(e)
	}
	for _, kind := range []struct {
		examples []Example
		gallery  *gallery
	}{{e.Mistakes, &p.Mistakes}, {e.Confident, &p.Confident}, {e.Sample, &p.Sample}} {
		if *kind.gallery, err = newGallery(kind.examples); err != nil {
			return err
		}
	}
	return nil
}

// sections lists what the page has.
func (p *page) sections() []section {
	e := p.Evaluation
	var list []section
	for _, s := range []struct {
		there    bool
		id, name string
	}{
		{len(p.Notes) > 0, "notes", "To keep in mind"},
		{len(p.Charts) > 0 || p.Head != nil || p.Stopped != "", "training", "Training"},
		{len(p.Rows) > 0, "classes", "Per class"},
		{e != nil && e.Details != nil, "belief", "How far to believe a probability"},
		{len(p.Curves) > 0, "curves", "Curves"},
		{e != nil && e.Details != nil && len(e.Details.Slices) > 0, "slices", "Where it is right, and where not"},
		{p.Unrelated != nil, "unrelated", "Photos of other things"},
		{len(p.Rows) > 0, "confusion", "Confusion"},
		{len(p.Mistakes.Cards) > 0, "mistakes", "Most confident mistakes"},
		{len(p.Confident.Cards) > 0, "right", "Most confident right answers"},
		{len(p.Sample.Cards) > 0, "sample", "A sample of the pictures"},
		{len(p.FaultLists) > 0, "faults", "Data that is worth a look"},
		{len(p.SetRows)+len(p.Removed) > 0, "data", "Data"},
		{len(p.Licenses) > 0, "licences", "Licences"},
		{len(p.Trail) > 0, "trail", "How it came to be"},
		{true, "again", "To do it again"},
	} {
		if s.there {
			list = append(list, section{s.id, s.name})
		}
	}
	return list
}

// Heading returns the name of a section that the page has.
func (p *page) Heading(id string) *section {
	for i, s := range p.Sections {
		if s.ID == id {
			return &p.Sections[i]
		}
	}
	return nil
}

// A trailRow is a stage with what it was asked and how many items it saw.
type trailRow struct {
	Stage
	Counts *StageCounts // nil unknown
}

// trail puts the counts of the stages next to what they were asked. Stages are
// in the same order in both lists; the one at the end, which made the report,
// has counts alone.
func (r *Report) trail() []trailRow {
	var rows []trailRow
	next := 0
	for _, s := range r.Stages {
		row := trailRow{Stage: s}
		if i := slices.IndexFunc(r.Accounts[next:], func(c StageCounts) bool { return c.Tool == s.Tool }); i >= 0 {
			row.Counts = &r.Accounts[next+i]
			next += i + 1
		}
		rows = append(rows, row)
	}
	for i := next; i < len(r.Accounts); i++ {
		rows = append(rows, trailRow{Stage{Tool: r.Accounts[i].Tool}, &r.Accounts[i]})
	}
	return rows
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

func newScoreRow(name string, s metrics.Scores) scoreRow {
	return scoreRow{Name: name, Precision: digits(s.Precision), Recall: digits(s.Recall), F1: digits(s.F1), Support: s.Support}
}

// scores puts in the figures of each class and their means.
func (p *page) scores(e *Evaluation) {
	for i, class := range e.classes {
		score := newScoreRow(class, e.scores[i])
		score.Bar = round(100 * e.scores[i].F1)
		if e.Details != nil {
			c := e.Details.Classes[i]
			score.Few, score.Areas, score.AUC, score.AP = c.Few, true, orDash(c.AUC), orDash(c.AveragePrecision)
			score.PrecisionRange, score.RecallRange, score.F1Range, score.AUCRange = between(c.Precision), between(c.Recall), between(c.F1), between(c.AUCInterval)
		}
		p.Rows = append(p.Rows, score)
	}
	macro, weighted := e.confusion.Macro(), e.confusion.Weighted()
	p.Averages = []scoreRow{newScoreRow("macro avg", macro), newScoreRow("weighted avg", weighted)}
	if d := e.Details; d != nil {
		mean := &p.Averages[0]
		mean.Areas, mean.AUC, p.Averages[1].Areas = true, orDash(d.Macro.AUC), true
		mean.PrecisionRange, mean.RecallRange, mean.F1Range, mean.AUCRange = between(d.Macro.Precision), between(d.Macro.Recall), between(d.Macro.F1), between(d.Macro.AUCInterval)
	}
}
