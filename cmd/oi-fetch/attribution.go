package main

import (
	"fmt"
	"path/filepath"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/export/credits"
	"github.com/opensandwich/oi/cmd/internal/stream"
	"github.com/opensandwich/oi/record"
)

// An attribution is the file that says who made the photos that came through.
// Its methods do nothing on nil.
type attribution struct {
	folder string // of the file, if it gets its name by the first item
	file   *credits.File
}

// createAttribution begins the file, or sees to it that one can be begun in the
// folder, where its name follows from the first item that comes through.
func createAttribution(path string, inputs []string) (*attribution, error) {
	a, file := &attribution{}, path
	if stream.IsFolder(path) {
		a.folder, file = path, filepath.Join(path, "credits.csv")
	}
	err := cli.CheckOutputFile(file, inputs...)
	if err == nil && a.folder == "" {
		a.file, err = credits.Create(path)
	}
	if err != nil {
		return nil, fmt.Errorf("--attribution: %w", err)
	}
	return a, nil
}

// add gives credit for the photo of an item that is about to be written.
func (a *attribution) add(item *record.Item) (err error) {
	if a == nil {
		return nil
	}
	if a.file == nil {
		if a.file, err = credits.Create(stream.FileInFolder(a.folder, record.DigestOf(item), ".csv")); err != nil {
			return fmt.Errorf("--attribution: %w", err)
		}
	}
	return a.file.Add(credits.Of(item))
}

// finish makes the file appear if the run came to its end without err.
func (a *attribution) finish(err error) error {
	if a == nil {
		return nil
	}
	return a.file.Finish(err)
}
