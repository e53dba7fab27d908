package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/graph"
	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/nn"
	"github.com/opensandwich/oi/cmd/internal/report"
	"github.com/opensandwich/oi/cmd/internal/transfer"
)

// teacherOptions say from whose answers a network learns besides the labels.
type teacherOptions struct {
	file        string // "": from the labels alone
	weight      float64
	temperature float64
	features    float64          // what the distance of features counts
	shown       model.FeatureMap // those of the teacher, once it was asked for them
	sum         string           // SHA-256 of the file, once it was read
}

// maxTemperature is where all answers of a teacher are nearly the same.
const maxTemperature = 100

// maxFeatures is where nothing else counts any more.
const maxFeatures = 1_000_000

// teacherFlags are the flags about a teacher.
var teacherFlags = []string{"teacher-weight", "teacher-temperature", "teacher-features"}

func (o *teacherOptions) flags(fs *cli.FlagSet) {
	fs.StringVar(&o.file, "teacher", "", "also learn from what a model of oi-train, `FILE`.onnx, says of each picture")
	cli.FilesOf(fs, "teacher", "onnx")
	fs.Float64Var(&o.weight, "teacher-weight", 0.9, "the teacher's `SHARE` of the loss; the labels have the rest")
	fs.Float64Var(&o.temperature, "teacher-temperature", 4, "soften what both say by a temperature `T`: 1 leaves it as it is")
	fs.Float64Var(&o.features, "teacher-features", 60, "what it counts that features are like the teacher's, a `WEIGHT`; 0: only answers matter")
	cli.AlsoCalled(fs, "teacher", "distill", "teacher-model")
}

// checkTeacher checks the options about a teacher.
func (o *options) checkTeacher() error {
	t := &o.teacher
	if t.file == "" {
		for _, flag := range teacherFlags {
			if o.given(flag) {
				return cli.Usagef("--%s is about the model of --teacher, which is not given", flag)
			}
		}
		return nil
	}
	switch {
	case !(t.weight > 0 && t.weight <= 1):
		return cli.Usagef("--teacher-weight %g: want a share above 0, at most 1", t.weight)
	case !(t.temperature >= 1 && t.temperature <= maxTemperature):
		return cli.Usagef("--teacher-temperature %g: want 1 to %d", t.temperature, maxTemperature)
	case !(t.features >= 0 && t.features <= maxFeatures):
		return cli.Usagef("--teacher-features %g: want 0 to %d", t.features, maxFeatures)
	case o.suspects > 0:
		return cli.Usagef("--suspects asks models that did not see an item's label, and a teacher has seen them: want --suspects without --teacher")
	}
	return nil
}

// values puts what changes results into the options of a run.
func (t *teacherOptions) values(values map[string]any) {
	if t.file != "" {
		values["teacher"], values["teacher_weight"], values["teacher_temperature"], values["teacher_features"] = t.sum, t.weight, t.temperature, t.features
	}
}

// distillation is what the teacher counts in the loss, nothing without one.
func (t *teacherOptions) distillation() nn.Distillation {
	if t.file == "" {
		return nn.Distillation{}
	}
	d := nn.Distillation{Share: t.weight, Temperature: t.temperature, Features: t.shown}
	if t.shown != (model.FeatureMap{}) {
		d.FeatureShare = t.features
	}
	return d
}

// keptAnswers is how many bytes of what a teacher says are kept, so that it is
// asked once about an item that comes in every epoch.
const keptAnswers = 256 << 20

// A teacher is a model whose answers and features a network learns from.
type teacher struct {
	path    string
	of      report.Teacher
	classes []string
	size    dataset.Size
	context int // the side of a second view that it looks at, 0 without
	known   dataset.Known
	graph   *graph.Graph

	// Once the items are known.
	asked   *transfer.Teacher
	columns []int           // of its answers, for each class
	kept    map[string]said // by the keys of items; nil where pictures vary
	room    int             // for so many more
}

// said is what a teacher says of a picture: the probability of each class, which
// add up to less than 1 where it knows others, and its features, if it shows
// them.
type said struct{ answer, features []float32 }

// loadTeacher reads the model of --teacher; without the flag it returns nil.
func (o *options) loadTeacher(env *cli.Env) (*teacher, error) {
	path := o.teacher.file
	if path == "" {
		return nil, nil
	}
	file, err := env.Open(path)
	if err != nil {
		return nil, fmt.Errorf("teacher: %w", err)
	}
	defer func() { _ = file.Close() }() // nothing was written
	data, err := model.ReadFile(file)
	t := &teacher{path: path}
	if err == nil {
		err = t.parse(data)
	}
	if err != nil {
		err = fmt.Errorf("teacher %s: %w", path, err)
		if errors.Is(err, model.ErrForeign) {
			err = cli.WithHint(err, "oi-train --backbone "+cli.ShellWord(path)+" -o teacher crops.oi makes one of it that knows the classes")
		}
		return nil, err
	}
	sum := sha256.Sum256(data)
	t.of.FileSHA256 = hex.EncodeToString(sum[:])
	o.teacher.sum = t.of.FileSHA256
	return t, nil
}

// parse reads a file of oi-train, of either kind.
func (t *teacher) parse(data []byte) error {
	c, err := model.ReadClassifier(data)
	if errors.Is(err, model.ErrForeign) {
		network, meta, err := model.ReadONNX(bytes.NewReader(data))
		if err != nil {
			return err
		}
		t.classes, t.size = network.Classes, dataset.Size{Height: network.Height, Width: network.Width}
		if t.graph, err = transfer.ParseGraph(data); err != nil {
			return err
		}
		t.of.Architecture, t.of.Parameters = network.Arch, network.Parameters()
		return t.remember(meta)
	}
	if err != nil {
		return err
	}
	network, err := transfer.ParseClassifier(data)
	if err == nil && network.Answers != len(c.Classes) {
		err = fmt.Errorf("%d answers for %d classes", network.Answers, len(c.Classes))
	}
	if err != nil {
		return fmt.Errorf("%w: %w", model.ErrDamaged, err)
	}
	t.classes, t.size, t.context = c.Classes, dataset.Size{Height: network.Side, Width: network.Side}, network.Context
	t.graph = network.Graph
	t.of.Architecture, t.of.Parameters, t.of.Backbone = c.Backbone.Title()+", linear head", network.Graph.Parameters(), &c.Backbone
	return t.remember(c.Meta)
}

// remember takes from the metadata by which run the teacher was made, and of
// which photos.
func (t *teacher) remember(meta map[string]string) (err error) {
	t.of.Run = meta["run"]
	t.known, err = dataset.DecodeKnown(meta["trained_on_ids"], meta["trained_on"])
	return err
}

// teach makes the teacher ready for the items that have come.
func (t *teacher) teach(o *options, env *cli.Env, d *data) error {
	if t == nil {
		return nil
	}
	var missing []string
	for _, class := range d.classes {
		i := slices.Index(t.classes, class)
		if t.columns = append(t.columns, i); i < 0 {
			missing = append(missing, class)
		}
	}
	of := "teacher " + t.path
	size := d.items.Size()
	switch {
	case len(missing) > 0:
		return cli.WithHint(fmt.Errorf("%s does not know the class %s; it knows %s", of, strings.Join(missing, ", "), firstFew(t.classes, dataset.MostListed)),
			"train one on the same classes: oi-train --backbone FILE.onnx -o teacher")
	case t.context > 0:
		return cli.WithHint(fmt.Errorf("%s looks at two views, and a network that is trained from scratch at one", of),
			"train one on crops that were cut without oi-crop --two-views")
	case size != t.size:
		return cli.WithHint(fmt.Errorf("%s takes pictures of %v, these are %v", of, t.size, size),
			fmt.Sprintf("train one on these, or cut them anew: oi-crop --size %d", t.size.Height))
	}
	if err := t.checkUnseen(d); err != nil {
		return err
	}
	var features model.FeatureMap // none are wanted
	if o.teacher.features > 0 {
		features, _ = o.network(size.Height, size.Width, d.classes).FeatureMap()
	}
	asked, err := transfer.NewTeacher(t.graph, len(t.classes), features, o.batch, o.stream.Workers())
	if err != nil {
		return fmt.Errorf("%s: %w", of, err)
	}
	t.asked, o.teacher.shown = asked, asked.Features
	if d.streamed == nil && o.cutMix == 0 { // the same pictures in every epoch
		t.kept, t.room = map[string]said{}, keptAnswers/(4*(len(d.classes)+asked.Features.Size()))
	}
	d.teacher = &t.of
	text := fmt.Sprintf("%s of %d parameters", t.of.Architecture, t.of.Parameters)
	if b := t.of.Backbone; b != nil {
		text += ", licence of the backbone: " + b.Licence
	}
	if extra := len(t.classes) - len(d.classes); extra > 0 {
		text += fmt.Sprintf("; %d of its classes are no matter here", extra)
	}
	learns := fmt.Sprintf("its answers, which have %g of the loss at a temperature of %g", o.teacher.weight, o.teacher.temperature)
	if f := asked.Features; f != (model.FeatureMap{}) {
		learns += fmt.Sprintf(", and its features, %d at each of %dx%d places, with a weight of %g", f.Channels, f.Width, f.Height, o.teacher.features)
	} else if o.teacher.features > 0 {
		why := "since it does not end in a linear layer"
		if features == (model.FeatureMap{}) {
			why = "since --arch " + o.arch + " ends in no mean over places"
		}
		learns += "; not from its features, " + why
	}
	env.Infof("teacher: %s; learns from %s", text, learns)
	d.notes = append(d.notes, fmt.Sprintf("The model learnt from the labels and from what a teacher says of the train items, %s: from %s.", text, learns))
	return nil
}

// checkUnseen is an error where the teacher was trained on photos by which its
// student is judged.
func (t *teacher) checkUnseen(d *data) error {
	if t.known.IsEmpty() {
		text := "the teacher does not remember which photos it was trained on: validation and test items may be among them"
		d.env.Warnf("%s", text)
		d.notes = append(d.notes, report.Sentence(text))
	}
	return d.inherit("teacher "+t.path, t.known)
}

// Close lets go of the threads.
func (t *teacher) Close() {
	if t != nil && t.asked != nil {
		t.asked.Close()
	}
}

// ask puts into a batch what the teacher says of its pictures, of the items with
// these keys; nothing without a teacher.
func (t *teacher) ask(b *nn.Batch, keys []string) error {
	if t == nil {
		return nil
	}
	says := make([]said, len(b.Images))
	var ask []int // pictures
	var images [][]byte
	for i, key := range keys {
		if says[i] = t.kept[key]; says[i].answer == nil {
			ask, images = append(ask, i), append(images, b.Images[i])
		}
	}
	if len(ask) > 0 {
		answers, features, err := t.asked.Ask(images)
		if err != nil {
			return fmt.Errorf("teacher %s: %w", t.path, err)
		}
		for k, i := range ask {
			row := make([]float32, len(t.columns))
			for c, column := range t.columns {
				row[c] = answers[k][column]
			}
			says[i].answer = row
			if features != nil {
				says[i].features = features[k]
			}
			if t.kept != nil && t.room > 0 {
				t.kept[keys[i]] = says[i]
				t.room--
			}
		}
	}
	for _, s := range says {
		b.Answers = append(b.Answers, s.answer)
		if s.features != nil {
			b.Features = append(b.Features, s.features)
		}
	}
	return nil
}
