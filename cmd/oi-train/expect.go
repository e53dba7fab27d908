package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/report"
)

// An expectation is what the report of --expect says about its run.
type expectation struct {
	Weights    string                     `json:"weights_sha256"`
	Options    map[string]json.RawMessage `json:"options"`
	Provenance report.Provenance          `json:"provenance"`
	Sets       dataset.Counts             `json:"sets"`
	Trail      []report.Stage             `json:"trail"`
	Evaluation struct {
		Set string `json:"set"`
	} `json:"evaluation"`

	path string
}

// maxExpected bounds the report that --expect reads.
const maxExpected = 64 << 20

// readExpected reads a report.
func readExpected(env *cli.Env, path string) (*expectation, error) {
	file, err := env.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // nothing was written
	e := expectation{path: path}
	if err := json.NewDecoder(io.LimitReader(file, maxExpected)).Decode(&e); err != nil {
		return nil, fmt.Errorf("%s is no report: %w", path, err)
	}
	if e.Weights == "" {
		return nil, cli.WithHint(errors.New(path+" has no weights_sha256"), "want the .json file that oi-train wrote")
	}
	return &e, nil
}

// announce says how this run differs from that of the report, as far as it can
// be known before any item has come.
func (e *expectation) announce(o *options, env *cli.Env) error {
	options, err := e.options(o)
	if err != nil {
		return err
	}
	if options != "" {
		env.Warnf("%s is of a run with other options: %s", e.path, options)
	}
	if code := e.code(env); code != "" {
		env.Warnf("%s is of a run of other code: %s", e.path, code)
	}
	if environment := e.environment(o); environment != "" {
		env.Warnf("%s is of a run in another environment: %s", e.path, environment)
	}
	return nil
}

func (e *expectation) code(env *cli.Env) string {
	return report.ThisCode(env.Version).Changes(e.Provenance.Code)
}

func (e *expectation) environment(o *options) string {
	return report.ThisEnvironment(o.seed).Changes(e.Provenance.Environment)
}

// options names the options that the run of the report had otherwise. It may
// have come to the same weights all the same, of more epochs for example.
func (e *expectation) options(o *options) (string, error) {
	var differ []string
	add := func(name, then, now string) {
		differ = append(differ, fmt.Sprintf("--%s %s, now %s", strings.ReplaceAll(name, "_", "-"), then, now))
	}
	all, given := o.allValues(), o.values()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		now, err := json.Marshal(all[name])
		if err != nil {
			return "", err
		}
		then, ok := e.Options[name]
		_, said := given[name]
		switch {
		case name == "patience": // may follow from others
		case ok && string(then) != string(now):
			add(name, unquoted(then), unquoted(now))
		case !ok && said && slices.Contains(optionalValues(), name): // a report of an older version does not have them all
			add(name, "not given", unquoted(now))
		}
	}
	for _, name := range optionalValues() {
		then, ok := e.Options[name]
		if _, now := all[name]; ok && !now {
			add(name, unquoted(then), "not given")
		}
	}
	if then, ok := e.Options["patience"]; ok && len(differ) == 0 && string(then) != fmt.Sprint(all["patience"]) {
		add("patience", unquoted(then), fmt.Sprint(all["patience"]))
	}
	return strings.Join(differ, "; "), nil
}

// optionalValues are the values that a run without the option does not have.
func optionalValues() []string {
	return append(certaintyValues(), "cutmix", "epochs", "fine_tune", "incomplete", "lr_schedule", "near_duplicates", "poor_crops", "repeats", "teacher", "weight_decay")
}

// unquoted is a JSON value as it is given to a flag.
func unquoted(value []byte) string { return strings.Trim(string(value), `"`) }

// announceItems says early that the items are others than those of the report,
// as far as they are known.
func (e *expectation) announceItems(o *options, env *cli.Env, d *data) error {
	if e.dataVersion() != dataset.DataVersion {
		return nil
	}
	now, err := provenance(o, env, d)
	if err != nil {
		return err
	}
	others := e.otherSets(now)
	if d.streamed != nil { // the train items are still to come
		others = slices.DeleteFunc(others, func(set string) bool { return set == dataset.Train })
	}
	if len(others) > 0 {
		env.Warnf("%s is of a run on other %s items: this one is going to fail", e.path, strings.Join(others, ", "))
		for _, line := range e.itemChanges(d, others) {
			env.Warnf("%s", line)
		}
	}
	return nil
}

// dataVersion is the version of the report's data hash.
func (e *expectation) dataVersion() int { return max(1, e.Provenance.DataVersion) }

// otherSets returns the sets whose items are not those of the report, of which
// the data can be compared.
func (e *expectation) otherSets(now report.Provenance) []string {
	var others []string
	for _, set := range []string{dataset.Train, dataset.Val, dataset.Test} {
		if now.DataSets[set] != e.Provenance.DataSets[set] {
			others = append(others, set)
		}
	}
	return others
}

// compare says whether the run ended with the weights of the report, on the
// same items, and what else is the same. It returns an error if it did not.
func (e *expectation) compare(o *options, env *cli.Env, d *data, weights string) error {
	now, err := provenance(o, env, d)
	if err != nil {
		return err
	}
	judged, _ := d.evaluationSet()
	items, figures := true, "can be compared"
	data := "the same"
	switch others := e.otherSets(now); {
	case e.dataVersion() < dataset.DataVersion:
		data = fmt.Sprintf("cannot be compared (version %d of the hash, which the report has, does not cover the pixels)", e.dataVersion())
		figures = "can be compared only if the " + judged + " items are the same"
	case e.dataVersion() > dataset.DataVersion:
		data = fmt.Sprintf("cannot be compared (the report has version %d of the hash, this is version %d)", e.dataVersion(), dataset.DataVersion)
		figures = "can be compared only if the " + judged + " items are the same"
	case len(others) > 0:
		items, data = false, "other "+strings.Join(others, ", ")+" items"
		if d.streamed != nil && slices.Contains(others, dataset.Train) { // only now are they known
			for _, line := range e.itemChanges(d, []string{dataset.Train}) {
				env.Warnf("%s", line)
			}
		}
		if judged != e.Evaluation.Set || slices.Contains(others, judged) {
			figures = "cannot be compared"
		}
	case now.Data != e.Provenance.Data:
		data = "the same items, asked for in other words"
	}
	same := func(changes string) string {
		if changes == "" {
			return "the same"
		}
		return "another"
	}
	rest := fmt.Sprintf("data: %s; code: %s; environment: %s; the figures %s", data, same(e.code(env)), same(e.environment(o)), figures)
	backbone := otherBackbone(e.Provenance.Backbone, now.Backbone)
	if backbone != "" {
		rest = "backbone: " + backbone + "; " + rest
	}
	teacher := otherTeacher(e.Provenance.Teacher, now.Teacher)
	if teacher != "" {
		rest = "teacher: " + teacher + "; " + rest
	}
	switch {
	case weights != e.Weights:
		return cli.WithHint(fmt.Errorf("the weights are not those of %s: %s, want %s; %s", e.path, weights, e.Weights, rest), e.otherArithmetic())
	case !items:
		return fmt.Errorf("the weights are those of %s, bit for bit, but the items are not; %s", e.path, rest)
	}
	say := env.Infof
	if data != "the same" || backbone != "" || teacher != "" {
		say = env.Warnf
	}
	say("the weights are those of %s, bit for bit; %s", e.path, rest)
	return nil
}

// otherArithmetic says in words that the run of the report computed otherwise
// than this machine does, "" if it did not.
func (e *expectation) otherArithmetic() string {
	then := e.Provenance.Environment
	return report.ThisEnvironment(then.Seed).OtherArithmetic(then)
}

// otherTeacher says in words how a teacher differs from an earlier one, "" if it
// does not. Either may be nil.
func otherTeacher(then, now *report.Teacher) string {
	sum := func(t *report.Teacher) string {
		if t == nil {
			return "none"
		}
		return t.FileSHA256
	}
	if sum(then) == sum(now) {
		return ""
	}
	return fmt.Sprintf("%s, now %s", sum(then), sum(now))
}

// otherBackbone says in words how a backbone differs from an earlier one, "" if
// it does not. Either may be nil.
func otherBackbone(then, now *model.Backbone) string {
	switch {
	case then == nil && now == nil:
		return ""
	case then == nil:
		return fmt.Sprintf("none, now %s", now.Name)
	case now == nil:
		return fmt.Sprintf("%s, now none", then.Name)
	}
	var changes []string
	for _, part := range []struct{ name, then, now string }{
		{"identity of the features", then.Of, now.Of}, {"fine_tuned", then.FineTuned, now.FineTuned}, {"file", then.FileSHA256, now.FileSHA256}, {"name", then.Name, now.Name},
		{"licence", then.Licence, now.Licence}, {"producer", then.Producer, now.Producer},
		{"preprocessing", then.Preprocessing, now.Preprocessing}, {"cut", then.Cut, now.Cut}, {"side", fmt.Sprint(then.Side), fmt.Sprint(now.Side)},
		{"context_side", fmt.Sprint(then.ContextSide), fmt.Sprint(now.ContextSide)},
	} {
		if part.name == "identity of the features" && then.FineTuned != "" && now.FineTuned != "" {
			continue // they are what training came to
		}
		if part.then != part.now {
			changes = append(changes, fmt.Sprintf("%s %s, now %s", part.name, part.then, part.now))
		}
	}
	return strings.Join(changes, ", ")
}
