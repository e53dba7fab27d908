package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/openimages"
	"github.com/opensandwich/oi/cmd/internal/report"
)

// writeRecipe prints a script that makes the model again.
func (m *trained) writeRecipe(env *cli.Env) error {
	if m.meta["trail"] == "" || m.meta["provenance"] == "" || m.meta["options"] == "" {
		return fmt.Errorf("model %s does not say how it was made: it is of another program, or of an older version", m.path)
	}
	r := &report.Report{Run: m.meta["run"], Completeness: m.meta["completeness"], WeightsSHA256: m.WeightsHash()}
	if err := errors.Join(m.get("trail", &r.Stages), m.get("provenance", &r.Provenance)); err != nil {
		return err
	}
	options := json.NewDecoder(strings.NewReader(m.meta["options"]))
	options.UseNumber() // a seed may have more digits than a float64
	if err := options.Decode(&r.Options); err != nil {
		return fmt.Errorf("model %s: metadata options: %w", m.path, err)
	}
	expected, err := m.expectation()
	if err != nil {
		return err
	}
	recipe := &report.Recipe{Report: r, Expected: expected, Sums: annotationSums(r.Stages)}
	if strings.HasPrefix(m.meta["stopped"], "interrupted") {
		recipe.Never = "the model cannot be made again: its training was " + m.meta["stopped"]
	}
	var script bytes.Buffer
	if err := recipe.Write(&script, cli.ShellWord); err != nil {
		return err
	}
	_, err = env.Stdout.Write(script.Bytes())
	return err
}

// expectation is what oi-train --expect reads of a report, of the model.
func (m *trained) expectation() ([]byte, error) {
	figures, err := m.figures()
	if err != nil {
		return nil, err
	}
	values := map[string]any{"weights_sha256": m.WeightsHash(), "evaluation": map[string]string{"set": figures.Set}}
	for _, name := range []string{"options", "provenance", "sets", "trail"} {
		if text := m.meta[name]; text != "" {
			values[name] = json.RawMessage(text)
		}
	}
	return json.Marshal(values)
}

// annotationSums are the MD5s of the official files that a query has read, as
// far as they are known. Of other places than the official one nothing is.
func annotationSums(stages []report.Stage) []report.FileSum {
	var sums []report.FileSum
	for _, s := range stages {
		_, elsewhere := s.Args["metadata"]
		d, err := openimages.LookupDataset(s.Args["dataset"])
		if s.Tool != "oi-boxes" || elsewhere || err != nil || d.Name == "sample" {
			continue
		}
		files := []openimages.File{d.Classes, d.Hierarchy}
		for subset := range strings.SplitSeq(s.Args["subset"], ",") {
			if rows, images, err := d.Lists(subset, s.Args["image-labels"] == "true"); err == nil {
				files = append(files, rows, images)
			}
		}
		for _, f := range files {
			if f.MD5 != "" {
				sums = append(sums, report.FileSum{Path: f.Path, MD5: f.MD5})
			}
		}
	}
	return sums
}
