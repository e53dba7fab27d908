package main

import (
	"io"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/report"
)

// printReport prints the report.
func (o *options) printReport(env *cli.Env, full *report.Report) error {
	if o.stream.JSON != "" {
		return full.WriteJSON(env.Stdout)
	}
	env.Infof("%s", strings.TrimSuffix(full.Evaluation.Summary()+full.CoverageText(), "\n"))
	_, err := io.WriteString(env.Stdout, full.Evaluation.Text)
	return err
}

// saveReport writes the files of --report.
func (o *options) saveReport(full *report.Report) error {
	var files []report.File
	for _, path := range o.reports {
		f := report.File{Path: path, Write: full.WriteHTML}
		switch {
		case strings.HasSuffix(path, ".json"):
			f.Write = full.WriteJSON
		case strings.HasSuffix(path, ".md"):
			f.Write = full.WriteMarkdown
		}
		files = append(files, f)
	}
	return report.WriteFiles(files...)
}
