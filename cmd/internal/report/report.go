package report

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/metrics"
	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/pix"
	"github.com/opensandwich/oi/record"
)

// A Report is everything that is known of a model. Keys of its JSON are added
// to, never renamed.
type Report struct {
	// Run is the same in every file of one run and differs between runs on
	// different data, with other options or by other code.
	Run          string         `json:"run"`
	Classes      []string       `json:"classes"`
	Architecture string         `json:"architecture"`
	Input        Input          `json:"input"`
	Parameters   int            `json:"parameters"`
	Options      map[string]any `json:"options"`
	Sets         dataset.Counts `json:"sets"` // items by set and label
	// Pad and Filter are how a photo becomes a square for the model; see
	// package pix.
	Pad    pix.Pad    `json:"-"`
	Filter pix.Filter `json:"-"`
	// Removed counts items left out on purpose, by reason.
	Removed map[string]int `json:"removed,omitempty"`
	History []Epoch        `json:"history"`
	// Measured is nil where nothing was trained.
	Measured *Measured `json:"train_measured_on,omitempty"`
	// Head is nil where a network was trained from scratch.
	Head *Head `json:"head,omitempty"`
	// Certainty is nil where nothing was done about it.
	Certainty *Certainty `json:"certainty,omitempty"`
	// Suspects is nil where nobody looked for labels that may be wrong.
	Suspects *Suspects `json:"suspects,omitempty"`
	// Faults are what was found in the data, where it was looked for.
	Faults []FaultList `json:"faults,omitempty"`
	// Stopped says in words why training ended.
	Stopped    string      `json:"stopped"`
	BestEpoch  int         `json:"best_epoch"`
	Evaluation *Evaluation `json:"evaluation"`
	// Unrelated is nil where nobody asked about other photos.
	Unrelated *Unrelated     `json:"unrelated,omitempty"`
	Licences  []LicenceCount `json:"licences"`
	Credits   *Credits       `json:"credits,omitempty"` // of the photos of all items
	Stages    []Stage        `json:"trail"`             // where the items came from, oldest first
	// Again is the command line that comes to the same, as far as the trail
	// tells: FILE, DIR and the like stand for names that it does not keep.
	Again         string        `json:"again,omitempty"`
	Completeness  string        `json:"completeness,omitempty"` // "unchecked": plain JSON was read on the way
	Accounts      []StageCounts `json:"accounts,omitempty"`
	WeightsSHA256 string        `json:"weights_sha256"`
	Provenance    Provenance    `json:"provenance"`
	Notes         []string      `json:"notes,omitempty"` // what a reader must know to judge the figures
}

// NoPictures is the note of a report on items that came as embeddings.
const NoPictures = "The items came as embeddings: where they brought no pixels, no pictures are shown."

// Input is the shape of the pictures that a model takes.
type Input struct {
	Height   int `json:"height"`
	Width    int `json:"width"`
	Channels int `json:"channels"`
	// Context is the side of the second view, 0 where there is one view.
	Context int `json:"context,omitempty"`
}

// ContextText says in words what the second view is, "" where there is none.
func (i Input) ContextText() string {
	if i.Context == 0 {
		return ""
	}
	return fmt.Sprintf(" in two views: the crop, and its context of %dx%d pixels", i.Context, i.Context)
}

// An Epoch is one line of the training's history. Loss and Accuracy are what
// training went by: running means over the epoch while the weights change, of
// smoothed and weighted labels where the options say so. The others are
// measured after the epoch, with the weights that are kept, and can be compared
// with each other: TrainLoss and TrainAccuracy on what Report.Measured says,
// NaN in epochs of older versions; ValLoss and ValAccuracy on all validation
// items.
type Epoch struct {
	Epoch           int     `json:"epoch"`
	Loss            Number  `json:"loss"`
	Accuracy        float64 `json:"accuracy"`
	TrainLoss       Number  `json:"train_loss"`
	TrainAccuracy   Number  `json:"train_accuracy"`
	ValLoss         Number  `json:"val_loss"`
	ValAccuracy     float64 `json:"val_accuracy"`
	ImagesPerSecond float64 `json:"images_per_second"`
	Seconds         float64 `json:"seconds"`
}

// Measured is what train_loss and train_accuracy are measured on.
type Measured struct {
	Items int `json:"items"` // at most
	// Variants says that these are what oi-augment made of the items in
	// that epoch, which is harder to tell apart than the items themselves.
	Variants bool `json:"variants"`
}

// Text says it in words.
func (m Measured) Text() string {
	if m.Variants {
		return fmt.Sprintf("at most %d of the epoch's variants, drawn by the seed (validation items are measured as they are)", m.Items)
	}
	return fmt.Sprintf("%d train items, drawn by the seed", m.Items)
}

// A Number is a figure that may be infinite or none at all, which JSON writes
// as null.
type Number float64

// MarshalJSON writes the number or null.
func (n Number) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// An Evaluation is how a model did on one set.
type Evaluation struct {
	Set      string       `json:"set"`
	Items    int64        `json:"items"`
	Report   metrics.Dict `json:"report"` // as scikit-learn's output_dict
	Text     string       `json:"-"`      // as scikit-learn prints it
	Matrix   [][]int64    `json:"confusion"`
	Accuracy float64      `json:"accuracy"`
	Interval Interval     `json:"accuracy_interval"`
	LogLoss  float64      `json:"log_loss"`
	// Baseline is the accuracy of always giving the largest class.
	Baseline float64 `json:"baseline"`
	// SharedAuthors is the number of items by authors of whom train is
	// known to have photos too; a model alone does not know its authors.
	// Unshared is the evaluation without these items, nil if there are none
	// or nothing is left.
	SharedAuthors int64       `json:"shared_authors,omitempty"`
	Unshared      *Evaluation `json:"without_shared_authors,omitempty"`
	Mistakes      []Example   `json:"mistakes,omitempty"` // the most confident ones
	// Confident are the right answers of the highest probability, some of each
	// class; Sample is some items of each class, whatever the answer.
	Confident []Example `json:"confident_right,omitempty"`
	Sample    []Example `json:"sample,omitempty"`
	// Details is nil where there are too many answers to keep them.
	Details *Details `json:"details,omitempty"`
	// Comparison is nil where no earlier report was to be compared with.
	Comparison *Comparison `json:"comparison,omitempty"`

	scores    []metrics.Scores
	classes   []string
	confusion *metrics.Confusion
}

// Summarized returns the evaluation without what it says of single items.
func (e *Evaluation) Summarized() *Evaluation {
	c := *e
	c.Mistakes, c.Confident, c.Sample, c.Details = nil, nil, nil, nil
	return &c
}

// An Interval is the 95 % interval of an accuracy, see [metrics.Clustered].
// Boxes of one photo, and photos of one author, resemble each other: by which
// of them answers were grouped is said with it.
type Interval struct {
	metrics.Interval
	By     string `json:"by"` // byAuthor, byPhoto or byEither
	Groups int    `json:"groups"`
	// DesignEffect is how many answers are worth one that is independent of
	// all others.
	DesignEffect float64 `json:"design_effect"`
	TooFew       bool    `json:"too_few_to_judge,omitempty"` // groups
}

// What answers are grouped by.
const (
	byAuthor = "author"
	byPhoto  = "photo"
	byEither = "author or photo" // where some authors are not known
)

// enoughGroups is how many groups tell enough about others.
const enoughGroups = 10

// Basis says in words what the interval rests on.
func (i Interval) Basis() string {
	text := fmt.Sprintf("by %s, %d groups", i.By, i.Groups)
	if i.Groups == 1 {
		text = strings.TrimSuffix(text, "s")
	}
	if i.TooFew {
		text += ", too few to judge"
	}
	return text
}

// A LicenceCount is how many photos, and of how many authors, are under a
// licence.
type LicenceCount struct {
	License string `json:"license"`
	Photos  int    `json:"photos"`
	Authors int    `json:"authors"`
}

// A Stage is a command that the items went through, with the options that
// change results.
type Stage struct {
	Tool    string            `json:"tool"`
	Version string            `json:"version"`
	Args    map[string]string `json:"args,omitempty"`
}

// Stages returns the stages of a header for a report.
func Stages(stages []record.Stage) []Stage {
	list := make([]Stage, 0, len(stages))
	for _, s := range stages {
		list = append(list, Stage{s.Tool, s.Version, s.Args})
	}
	return list
}

// StageCounts are the numbers of items that a stage took in, wrote, added,
// removed and skipped, the last three by reason.
type StageCounts struct {
	Tool    string           `json:"tool"`
	In      int64            `json:"in"`
	Out     int64            `json:"out"`
	Added   map[string]int64 `json:"added,omitempty"`
	Removed map[string]int64 `json:"removed,omitempty"`
	Skipped map[string]int64 `json:"skipped,omitempty"`
}

// CountsByStage returns the counts of an end record for a report.
func CountsByStage(counts []record.StageCounts) []StageCounts {
	var list []StageCounts
	for _, c := range counts {
		list = append(list, StageCounts{c.Tool, c.In, c.Out, c.Added, c.Removed, c.Skipped})
	}
	return list
}

// Provenance is what has to be the same for a run to be the same.
type Provenance struct {
	Data string `json:"data"` // see dataset.Digest
	// DataVersion is dataset.DataVersion, 0 in reports of version 1.
	DataVersion int               `json:"data_version,omitempty"`
	DataSets    map[string]string `json:"data_sets,omitempty"` // by set
	Query       []Stage           `json:"query"`               // the stages that chose the items
	Code        Code              `json:"code"`
	Environment Environment       `json:"environment"`
	// Backbone is nil where a network was trained from scratch.
	Backbone *model.Backbone `json:"backbone,omitempty"`
	// Teacher is nil where a network learnt from the labels alone.
	Teacher *Teacher `json:"teacher,omitempty"`
}

// Teacher is the model whose answers a network learnt from.
type Teacher struct {
	Run          string          `json:"run"`
	Architecture string          `json:"architecture"`
	Parameters   int             `json:"parameters"`
	FileSHA256   string          `json:"file_sha256"`
	Backbone     *model.Backbone `json:"backbone,omitempty"`
}

// WriteJSON writes the report as data.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}
