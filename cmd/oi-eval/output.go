package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/report"
	"github.com/opensandwich/oi/cmd/internal/stream"
)

// deliver prints the report, unless items go to standard output, writes the
// files of --report, and gives the verdicts that were asked for.
func (o *options) deliver(env *cli.Env, full *report.Report) error {
	var err error
	if !o.emit {
		if err = o.printReport(env, full); errors.Is(err, stream.ErrBrokenPipe) && o.mustConclude() {
			err = nil // a report or a verdict is still to come
		}
	}
	return errors.Join(err, o.saveReport(full), checkRequirements(o.requirements, full.Evaluation), o.baseline.verdict(full.Evaluation))
}

// mustConclude reports whether somebody waits for more than what goes to
// standard output.
func (o *options) mustConclude() bool {
	return len(o.reports)+len(o.requirements) > 0 || o.baseline != nil && o.baseline.margin != nil
}

// printReport prints the report.
func (o *options) printReport(env *cli.Env, full *report.Report) error {
	if o.stream.JSON != "" {
		return full.WriteJSON(env.Stdout)
	}
	words := full.Evaluation.Summary() + full.CoverageText()
	if full.Unrelated != nil {
		words += full.Unrelated.Text()
	}
	for line := range strings.Lines(words) {
		env.Infof("%s", strings.TrimSuffix(line, "\n"))
	}
	_, err := io.WriteString(env.Stdout, full.Evaluation.Text)
	return err
}

// saveReport writes the files of --report.
func (o *options) saveReport(full *report.Report) error {
	var files []report.File
	for _, path := range o.reports {
		f, err := full.Files(path)
		if err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
		files = append(files, f...)
	}
	return report.WriteFiles(files...)
}
