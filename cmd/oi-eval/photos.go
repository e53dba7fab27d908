package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/imagefile"
	"github.com/opensandwich/oi/cmd/internal/pix"
	"github.com/opensandwich/oi/cmd/internal/report"
	"github.com/opensandwich/oi/cmd/internal/stream"
)

// maxPhoto bounds a picture's file.
const maxPhoto = 256 << 20

// An answer is what the model says about a picture.
type answer struct {
	File          string             `json:"file"`
	Label         string             `json:"label"`
	Probabilities map[string]float64 `json:"probabilities"`
	Unsure        bool               `json:"unsure,omitempty"`
}

// An answerer answers for pictures, one line each.
type answerer struct {
	*options
	env       *cli.Env
	model     *trained
	predictor predictor
	targets   []pix.Target // of each photo

	answered int
	failed   int
	passed   int // files in folders that are no pictures
	unsure   int // of those answered
}

// classify answers for the pictures among the inputs and in their folders. One
// that is bad is a warning, and a failure at the end.
func (o *options) classify(ctx context.Context, env *cli.Env, m *trained, in *inputs) error {
	if err := m.Suit(env, dataset.Size{}); err != nil {
		return err
	}
	if size := m.Size(); size.Height != size.Width {
		return fmt.Errorf("the model takes pictures of %v, and photos are scaled to squares only", size)
	}
	if m.Context() > 0 {
		env.Infof("the model looks at two views: both are the whole photo")
	}
	predictor, err := m.Predictor(1, o.stream.Workers())
	if err != nil {
		return err
	}
	defer predictor.Close()
	targets, err := m.targets()
	if err != nil {
		return err
	}
	c := &answerer{options: o, env: env, model: m, predictor: predictor, targets: targets}
	for i, name := range in.names {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		switch {
		case i < len(in.rejected):
			c.refuse(in.rejected[i])
		case i == len(in.rejected) && in.first != nil:
			err = c.picture(name, in.first)
		case isFolder(name):
			err = c.folder(ctx, name)
		default:
			err = c.file(name, c.refuse)
		}
		if err != nil {
			return err
		}
	}
	if c.passed > 0 {
		env.Infof("passed over %d files in folders that are no pictures", c.passed)
	}
	if c.model.unsure > 0 && c.answered > 1 {
		env.Infof("unsure of %d of %d pictures: no class has a probability of %g", c.unsure, c.answered, c.model.unsure)
	}
	if c.failed > 0 {
		return fmt.Errorf("%d of %d pictures could not be read", c.failed, c.failed+c.answered)
	}
	return nil
}

// refuse counts a picture for which there is no answer.
func (c *answerer) refuse(err error) {
	c.env.Warnf("%v", err)
	c.failed++
}

// folder answers for the pictures in a folder and those below it.
func (c *answerer) folder(ctx context.Context, name string) error {
	before := c.answered + c.failed
	each := func(path string) error {
		return c.file(path, func(err error) {
			if namesPicture(path) {
				c.refuse(err)
			} else {
				c.passed++
			}
		})
	}
	if err := walk(ctx, name, each, c.refuse); err != nil {
		return err
	}
	if c.answered+c.failed == before {
		c.refuse(fmt.Errorf("%s: no picture in this folder", name))
	}
	return nil
}

// file answers for a file, or calls refuse if it is no picture.
func (c *answerer) file(name string, refuse func(error)) error {
	file, kind, err := open(c.env, name)
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case err != nil:
		refuse(err)
		return nil
	case kind == isPicture:
		return c.picture(name, file)
	case kind == isRecords:
		err = fmt.Errorf("%s: a record stream among pictures: want one kind at a time", file.Name)
	default:
		err = noPicture(file)
	}
	refuse(errors.Join(err, file.Close()))
	return nil
}

// picture answers for a picture.
func (c *answerer) picture(name string, file *stream.File) error {
	pixels, err := c.model.photo(file, c.maxPixels, c.targets)
	err = errors.Join(err, file.Close())
	if errors.Is(err, context.Canceled) {
		return err
	}
	if err != nil {
		c.refuse(err)
		return nil
	}
	rows, err := c.predictor.Predict([][]byte{pixels})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	c.answered++
	if c.model.isUnsure(rows[0][report.ArgMax(rows[0])]) {
		c.unsure++
	}
	return c.print(c.env, c.model, name, rows[0])
}

// isUnsure reports whether a probability is too low for an answer.
func (m *trained) isUnsure(probability float32) bool { return float64(probability) < m.unsure }

// topForeign is --top where it is not given and the model is a foreign one,
// which often has a thousand answers.
const topForeign = 5

// shown returns which of the answers are printed: all, in the order of the
// classes, or the most probable ones, these first.
func (o *options) shown(m *trained, probabilities []float32) []int {
	order := make([]int, len(probabilities))
	for i := range order {
		order[i] = i
	}
	most := o.top
	if most == 0 && m.foreign {
		most = topForeign
	}
	if most == 0 {
		return order
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(probabilities[b], probabilities[a]) })
	return order[:min(most, len(order))]
}

func (o *options) print(env *cli.Env, m *trained, name string, probabilities []float32) error {
	classes := m.Classes()
	said := report.ArgMax(probabilities)
	a := answer{File: name, Label: classes[said], Probabilities: map[string]float64{}, Unsure: m.isUnsure(probabilities[said])}
	label := a.Label
	if a.Unsure {
		label = "unsure"
	}
	var line strings.Builder
	fmt.Fprintf(&line, "%s\t%s", cli.Escape(name), cli.Escape(label))
	for _, i := range o.shown(m, probabilities) {
		a.Probabilities[classes[i]] = float64(probabilities[i])
		fmt.Fprintf(&line, "\t%s=%.4f", cli.Escape(classes[i]), probabilities[i])
	}
	if o.stream.JSON != "" {
		return json.NewEncoder(env.Stdout).Encode(a)
	}
	_, err := fmt.Fprintln(env.Stdout, line.String())
	return err
}

// readPhoto returns the whole picture as some squares, rotated by its EXIF
// orientation.
func readPhoto(file *stream.File, maxPixels int, targets ...pix.Target) (views [][]byte, err error) {
	data, err := io.ReadAll(io.LimitReader(file, maxPhoto+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file.Name, err)
	}
	if len(data) == 0 {
		return nil, noPicture(file)
	}
	if len(data) > maxPhoto {
		return nil, fmt.Errorf("%s: more than %d bytes", file.Name, maxPhoto)
	}
	for _, t := range targets {
		pixels, err := pix.DecodeOriented(data, maxPixels, t)
		if errors.Is(err, imagefile.ErrTruncated) {
			err = errors.New("the picture stops early")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file.Name, err)
		}
		views = append(views, pixels)
	}
	return views, nil
}
