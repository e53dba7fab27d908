package report

import (
	"math"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/metrics"
	"github.com/opensandwich/oi/record"
)

// What is kept for the figures that need every answer: beyond these an
// evaluation has the others alone.
const (
	maxAnswers       = 1 << 20       // some 100 bytes each
	maxProbabilities = 1 << 26       // 4 bytes each
	maxResampled     = 4_000_000_000 // probabilities looked at to know how sure the areas are
)

// fewItems is how many items of a class its figures should rest on.
const fewItems = 10

// An answer is what a model said about one item.
type answer struct {
	key              string
	truth, predicted int32 // classes
	group            int32 // see dataset.Groups
	rank             int32 // how many classes were held more likely than the true one
	probability      float32
	slices           sliceValues
}

// details are the answers one by one.
type details struct {
	answers       []answer
	probabilities []float32 // a row for each answer
	slicer        slicer
	photos        map[string]struct{}
	overflow      bool
}

// add keeps an answer, unless there are too many of them.
func (d *details) add(item *record.Item, group, truth, predicted int, probabilities []float32, shared bool) {
	if d.overflow = d.overflow || len(d.answers) == maxAnswers || len(d.probabilities)+len(probabilities) > maxProbabilities; d.overflow {
		d.answers, d.probabilities, d.photos = nil, nil, nil
		return
	}
	rank := 0
	for i, p := range probabilities {
		if p > probabilities[truth] || p == probabilities[truth] && i < truth {
			rank++
		}
	}
	d.answers = append(d.answers, answer{
		key: dataset.KeyOf(item), truth: int32(truth), predicted: int32(predicted), group: int32(group), rank: int32(rank),
		probability: probabilities[predicted], slices: d.slicer.values(item, shared),
	})
	d.probabilities = append(d.probabilities, probabilities...)
	if d.photos == nil {
		d.photos = map[string]struct{}{}
	}
	if photo := photoOf(item); photo != "" {
		d.photos[photo] = struct{}{}
	}
}

// photoOf names the photo of an item, "" unknown.
func photoOf(item *record.Item) string {
	if item.ID != "" {
		return item.ID
	}
	if file := dataset.FileOf(item); file != (dataset.Picture{}) {
		return file.String()
	}
	return ""
}

// Details are the figures that need every answer.
type Details struct {
	Photos  int64           `json:"photos"` // 0 unknown
	Classes []ClassDetails  `json:"classes"`
	Macro   AverageDetails  `json:"macro_avg"`
	TopK    []TopK          `json:"top_k,omitempty"`
	ECE     float64         `json:"ece"`
	Brier   float64         `json:"brier"`
	Bins    []CalibratedBin `json:"calibration"`
	// Coverage says, for thresholds on the probability of the answer, how
	// many answers reach it and how many of these are right.
	Coverage []Coverage `json:"coverage"`
	Slices   []Slice    `json:"slices"`
	Items    []Judged   `json:"items,omitempty"`
	// ItemsFile is where the items are of which there are too many for Items.
	ItemsFile *ItemsFile `json:"items_file,omitempty"`

	curves  curves // of the page
	answers []answer
	groups  []int32 // of the answers
	slicer  *slicer
}

// Cover returns what a threshold on the probability of the answer does.
func (d *Details) Cover(threshold float64) Coverage { return coverage(d.answers, threshold) }

// CalibratedBin is a bin of the calibration curve.
type CalibratedBin = metrics.CalibrationBin

// ClassDetails tell how sure the figures of a class are. An interval is nil
// where there is nothing to know it by: no item, or for those that come from a
// bootstrap fewer than ten groups of items of the class.
type ClassDetails struct {
	Class            string            `json:"class"`
	Few              bool              `json:"few,omitempty"` // fewer than ten items
	Precision        *metrics.Interval `json:"precision_interval"`
	Recall           *metrics.Interval `json:"recall_interval"`
	F1               *metrics.Interval `json:"f1_interval"`
	AUC              Number            `json:"roc_auc"`
	AUCInterval      *metrics.Interval `json:"roc_auc_interval"`
	AveragePrecision Number            `json:"average_precision"`

	actual int64 // items of it
	groups int   // these
}

// AverageDetails are those of the means over the classes.
type AverageDetails struct {
	Precision   *metrics.Interval `json:"precision_interval"`
	Recall      *metrics.Interval `json:"recall_interval"`
	F1          *metrics.Interval `json:"f1_interval"`
	AUC         Number            `json:"roc_auc"`
	AUCInterval *metrics.Interval `json:"roc_auc_interval"`
}

// TopK is the share of items whose class is among the K most likely ones.
type TopK struct {
	K        int     `json:"k"`
	Accuracy float64 `json:"accuracy"`
}

// Coverage is what is left of the answers where those below a threshold are
// not given.
type Coverage struct {
	Threshold float64 `json:"threshold"`
	Answered  float64 `json:"answered"` // share
	Accuracy  Number  `json:"accuracy"` // of these
}

// evaluateDetails returns the figures that need every answer, nil if there were
// too many to keep.
func (a *Accumulator) evaluateDetails() *Details {
	d := &a.details
	if d.overflow || len(d.answers) == 0 {
		return nil
	}
	groups, count := a.denseGroups()
	out := &Details{Photos: int64(len(d.photos)), Slices: d.slices(groups), answers: d.answers, groups: groups, slicer: &d.slicer}
	out.Classes = make([]ClassDetails, len(a.classes))
	for i, class := range a.classes {
		out.Classes[i].Class = class
	}
	d.proportions(out.Classes, groups)
	rankings := d.ranking(out, groups)
	d.resample(out, rankings, groups, count)
	d.calibrate(out, len(a.classes))
	d.topK(out, len(a.classes))
	if len(d.answers) <= maxJudged {
		out.Items = slices.Collect(out.judged())
	}
	return out
}

// denseGroups numbers the groups of the answers from 0 on, in the order in
// which they first occur.
func (a *Accumulator) denseGroups() (groups []int32, count int) {
	numbers := map[int]int32{}
	for _, x := range a.details.answers {
		n := a.groups.Find(int(x.group))
		if _, ok := numbers[n]; !ok {
			numbers[n] = int32(len(numbers))
		}
		groups = append(groups, numbers[n])
	}
	return groups, len(numbers)
}

// shares counts right answers by group, to know the interval of a share.
type shares map[int32]metrics.Group

func (s shares) add(group int32, right bool) {
	g := s[group]
	g.Total++
	if right {
		g.Right++
	}
	s[group] = g
}

// interval is nil where nothing was added.
func (s shares) interval() *metrics.Interval {
	if len(s) == 0 {
		return nil
	}
	list := make([]metrics.Group, 0, len(s))
	for _, g := range s {
		list = append(list, g)
	}
	i, _ := metrics.Clustered(list)
	return &i
}

// proportions puts in the intervals of precision and recall, which are shares
// of the items that were taken for a class and of those that are of it.
func (d *details) proportions(classes []ClassDetails, groups []int32) {
	actual, predicted := make([]shares, len(classes)), make([]shares, len(classes))
	for i := range classes {
		actual[i], predicted[i] = shares{}, shares{}
	}
	for i, x := range d.answers {
		right := x.truth == x.predicted
		actual[x.truth].add(groups[i], right)
		predicted[x.predicted].add(groups[i], right)
		classes[x.truth].actual++
	}
	for i := range classes {
		c := &classes[i]
		c.Recall, c.Precision = actual[i].interval(), predicted[i].interval()
		c.Few, c.groups = c.actual < fewItems, len(actual[i])
	}
}

// column returns the probabilities of a class, and which answers are of it.
func (d *details) column(class, classes int) (scores []float32, positive []bool) {
	scores, positive = make([]float32, len(d.answers)), make([]bool, len(d.answers))
	for i, x := range d.answers {
		scores[i], positive[i] = d.probabilities[i*classes+class], int(x.truth) == class
	}
	return scores, positive
}

// ranking puts in the curves and their areas, each class against all others.
// It returns the answers to each in their order, none if there are too many to
// go through them once for each draw of a bootstrap.
func (d *details) ranking(out *Details, groups []int32) []*metrics.Ranking {
	classes := len(out.Classes)
	var rankings []*metrics.Ranking
	sum := 0.0
	for i := range classes {
		scores, positive := d.column(i, classes)
		r := metrics.Rank(scores, positive, groups)
		if metrics.Draws*len(d.probabilities) <= maxResampled {
			rankings = append(rankings, r)
		}
		c := &out.Classes[i]
		auc := r.AUC()
		c.AUC, c.AveragePrecision = Number(auc), Number(r.AveragePrecision())
		sum += auc // NaN if one class has none, as of scikit-learn
		out.curves.add(*c, r)
	}
	out.Macro.AUC = Number(sum / float64(classes))
	out.curves.finish(out)
	return rankings
}

// resample puts in the intervals of what has no formula.
func (d *details) resample(out *Details, rankings []*metrics.Ranking, groups []int32, count int) {
	if count < enoughGroups {
		return
	}
	k := len(out.Classes)
	// F1 and AUC of each class, then the means.
	intervals := metrics.Bootstrap(count, func(times []metrics.Times) (figures [2][]float64) {
		scores := d.scores(groups, times, k)
		sum := [2]float64{}
		for draw := range figures {
			figures[draw] = make([]float64, 0, 2*k+4)
			for _, s := range scores[draw] {
				figures[draw] = append(figures[draw], s.F1)
			}
		}
		for _, r := range rankings {
			for draw, auc := range r.AUCs(times) {
				figures[draw] = append(figures[draw], auc)
				sum[draw] += auc
			}
		}
		for draw := range figures {
			mean := metrics.Mean(scores[draw])
			figures[draw] = append(figures[draw], mean.Precision, mean.Recall, mean.F1, sum[draw]/float64(len(rankings)))
		}
		return figures
	})
	known := func(i metrics.Interval) *metrics.Interval {
		if math.IsNaN(i.Low) {
			return nil
		}
		return &i
	}
	for i := range k {
		c := &out.Classes[i]
		if c.groups < enoughGroups {
			continue
		}
		c.F1 = known(intervals[i])
		if rankings != nil {
			c.AUCInterval = known(intervals[k+i])
		}
	}
	means := intervals[k+len(rankings):]
	out.Macro.Precision, out.Macro.Recall, out.Macro.F1, out.Macro.AUCInterval = known(means[0]), known(means[1]), known(means[2]), known(means[3])
}

// scores returns those of each class in two draws, where the answers of a group
// count so many times.
func (d *details) scores(groups []int32, times []metrics.Times, classes int) (scores [2][]metrics.Scores) {
	right, predicted, truth := make([]metrics.Times, classes), make([]metrics.Times, classes), make([]metrics.Times, classes)
	for i, x := range d.answers {
		n := times[groups[i]]
		truth[x.truth] += n
		predicted[x.predicted] += n
		if x.truth == x.predicted {
			right[x.truth] += n
		}
	}
	for i := range classes {
		scores[0] = append(scores[0], metrics.Score(right[i].First(), predicted[i].First(), truth[i].First()))
		scores[1] = append(scores[1], metrics.Score(right[i].Second(), predicted[i].Second(), truth[i].Second()))
	}
	return scores
}

// calibrate puts in how far the probabilities can be believed, and what
// thresholds on them would do.
func (d *details) calibrate(out *Details, classes int) {
	var c metrics.Calibration
	for i, x := range d.answers {
		c.Add(d.probabilities[i*classes:(i+1)*classes], int(x.truth), int(x.predicted))
	}
	out.ECE, out.Brier, out.Bins = c.ECE(), c.Brier(), c.Bins()
	for _, t := range []float64{0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99} {
		out.Coverage = append(out.Coverage, coverage(d.answers, t))
	}
}

// coverage is what a threshold does.
func coverage(answers []answer, threshold float64) Coverage {
	var answered, right int
	for _, x := range answers {
		if float64(x.probability) >= threshold {
			answered++
			if x.truth == x.predicted {
				right++
			}
		}
	}
	return Coverage{threshold, float64(answered) / float64(len(answers)), Number(float64(right) / float64(answered))}
}

// topK puts in how often the class is among the most likely ones, where there
// are classes enough for that to say something.
func (d *details) topK(out *Details, classes int) {
	for _, k := range []int{3, 5} {
		if classes < 2*k {
			continue
		}
		n := 0
		for _, x := range d.answers {
			if int(x.rank) < k {
				n++
			}
		}
		out.TopK = append(out.TopK, TopK{k, float64(n) / float64(len(d.answers))})
	}
}
