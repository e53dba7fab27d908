package main

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/google/renameio/v2"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/openimages"
	"github.com/opensandwich/oi/cmd/internal/openimages/selection"
)

// doubleFlags say what becomes of boxes on one object under two labels.
type doubleFlags struct {
	rule string // keep or drop
	list string // a file to name them in, or ""
}

func (d *doubleFlags) register(fs *cli.FlagSet) {
	fs.StringVar(&d.rule, "double-labels", "keep", "boxes on one object under two labels: `keep|drop`")
	fs.StringVar(&d.list, "doubles", "", "list them in `FILE`, which --exclude-ids reads")
	cli.FilesOf(fs, "doubles", "csv")
}

func (d *doubleFlags) check(imageLabels bool) error {
	switch {
	case d.rule != "keep" && d.rule != "drop":
		return cli.Usagef("--double-labels %s: want keep or drop", d.rule)
	case imageLabels && d.drop():
		return cli.Usagef("--image-labels knows nothing of boxes: a photo with several labels is left out without --double-labels")
	case imageLabels && d.list != "":
		return cli.Usagef("--image-labels knows nothing of boxes: --doubles does not go with it")
	}
	return nil
}

func (d *doubleFlags) drop() bool { return d.rule == "drop" }

// A doubleList is a file of the boxes on one object under two labels. Its
// methods do nothing on nil.
type doubleList struct {
	file    *renameio.PendingFile
	buffer  *bufio.Writer
	csv     *csv.Writer
	classes []openimages.Class
}

// createDoubleList begins a list. It is not there before finish.
func createDoubleList(path string, classes []openimages.Class, inputs ...string) (*doubleList, error) {
	if path == "" {
		return nil, nil
	}
	if err := cli.CheckOutputFile(path, inputs...); err != nil {
		return nil, fmt.Errorf("--doubles: %w", err)
	}
	file, err := renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)), renameio.WithPermissions(0o666))
	if err != nil {
		return nil, fmt.Errorf("--doubles: %w", err)
	}
	l := &doubleList{file: file, buffer: bufio.NewWriter(file), classes: classes}
	l.csv = csv.NewWriter(l.buffer)
	if err := l.csv.Write([]string{"key", "partner", "iou", "label", "partner_label"}); err != nil {
		return nil, errors.Join(l.wrap(err), file.Cleanup())
	}
	return l, nil
}

// add writes a box and its partner.
func (l *doubleList) add(d selection.Double) error {
	return l.wrap(l.csv.Write([]string{
		d.Key, d.Partner, strconv.FormatFloat(d.IoU, 'f', 4, 64), l.classes[d.Label].Name, l.classes[d.PartnerLabel].Name,
	}))
}

// finish makes the file appear if the run came to its end without err.
func (l *doubleList) finish(err error) error {
	if l == nil {
		return nil
	}
	if err != nil {
		return l.wrap(l.file.Cleanup())
	}
	l.csv.Flush()
	if err := errors.Join(l.csv.Error(), l.buffer.Flush()); err != nil {
		return l.wrap(errors.Join(err, l.file.Cleanup()))
	}
	return l.wrap(l.file.CloseAtomicallyReplace())
}

func (l *doubleList) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("write the list of double labels: %w", err)
}

// tellDoubles says after the table how many boxes lie on one object with a box
// of another label, and which labels these are most often.
func (w *writer) tellDoubles(s *selection.Selection) {
	const most = 5
	boxes, pairs := s.Doubles()
	if boxes == 0 {
		return
	}
	var named []string
	total := int64(0)
	for i, p := range pairs {
		total += p.Pairs
		if i < most {
			named = append(named, fmt.Sprintf("%s + %s %d", cli.Escape(w.query.Classes[p.Labels[0]].Name), cli.Escape(w.query.Classes[p.Labels[1]].Name), p.Pairs))
		}
	}
	if more := len(pairs) - most; more > 0 {
		rest := total
		for _, p := range pairs[:most] {
			rest -= p.Pairs
		}
		named = append(named, fmt.Sprintf("%d others %d", more, rest))
	}
	what := "--double-labels drop leaves them out"
	if w.doubles.drop() {
		what = "left out"
	}
	w.env.Infof("%d boxes lie on one object under two labels (%s): %s", boxes, strings.Join(named, ", "), what)
}
