package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/keylist"
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

// createList begins the list of --doubles, nil if there is none, and lets the
// query fill it.
func (d *doubleFlags) createList(q *selection.Query, inputs ...string) (*keylist.List, error) {
	if d.list != "" {
		if err := cli.CheckOutputFile(d.list, inputs...); err != nil {
			return nil, fmt.Errorf("--doubles: %w", err)
		}
	}
	list, err := keylist.Create("--doubles", d.list, "partner", "iou", "label", "partner_label")
	if list != nil {
		q.Doubles.Seen = func(d selection.Double) error {
			return list.Add(d.Key, d.Partner, strconv.FormatFloat(d.IoU, 'f', 4, 64), q.Classes[d.Label].Name, q.Classes[d.PartnerLabel].Name)
		}
	}
	return list, err
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
