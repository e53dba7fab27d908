package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/stream"
	"github.com/opensandwich/oi/record"
)

// onlyLooks reports whether the items of a segment are passed on as they are, by
// one who looks at them: crops of which the photo is gone, or of which
// oi-augment has made variants.
func (c *cropper) onlyLooks(h *record.Header) bool {
	if !c.looks() {
		return false
	}
	if len(h.Stages) == 0 { // as in plain JSON
		return c.cropped != ""
	}
	for _, stage := range slices.Backward(h.Stages) {
		switch stage.Tool {
		case c.env.Name:
			return stage.Args["keep_bytes"] == ""
		case "oi-augment":
			return true
		case "oi-fetch":
			return false
		}
	}
	return false
}

// checkIdle returns an error if an option is given that would cut the crops of a
// segment otherwise than they are, when they are not cut.
func (c *cropper) checkIdle(h *record.Header) error {
	was, args := map[string]string{"size": c.cropped}, c.args()
	if cuts := dataset.Cuts(h.Stages); len(cuts) > 0 {
		was = cuts[len(cuts)-1].Args
	}
	for _, flag := range cuttingFlags() {
		name := strings.ReplaceAll(flag, "-", "_")
		if flag == "pad" {
			name = "square"
		}
		if c.given(flag) && was[name] != args[name] {
			return cli.WithHint(fmt.Errorf("--%s: the items are crops already, and are passed on as they are", flag), "leave it out, or cut the photos anew")
		}
	}
	return nil
}

// cuttingFlags are the flags that say how crops are cut, and of which photos.
func cuttingFlags() []string {
	return []string{"size", "context", "two-views", "view-context", "square", "pad", "filter", "min-side", "scale", "background", "keep-bytes", "max-pixels"}
}

// saw notes for --dir that an item came, whatever becomes of it.
func (c *cropper) saw(item *record.Item) error {
	if c.files == nil {
		return nil
	}
	return c.files.Saw(item)
}

// look returns an item that has a tensor already, so that it is only written to
// --dir or --sheet.
func (c *cropper) look(item *record.Item) (stream.Result, error) {
	if err := c.saw(item); err != nil {
		return stream.Result{}, err
	}
	if err := stream.Need(c.env, item, "tensor"); err != nil {
		return stream.Result{}, err
	}
	if item.Context != nil && c.dir+c.tar != "" {
		return stream.Result{}, cli.WithHint(fmt.Errorf("record %s has two views, and --dir and --tar write one picture an item", item.Key), onePicture)
	}
	if err := checkTensor(item.Tensor); err != nil {
		return stream.Result{}, fmt.Errorf("record %s: %w", item.Key, err)
	}
	passed := *item
	passed.Key = dataset.KeyOf(item)
	items := []*record.Item{&passed}
	return stream.Result{Items: items}, c.save(items)
}

// A peeker reads records, and looks at the first item of a segment before it
// passes on the header of one that has no trail.
type peeker struct {
	stream.Source
	cropper *cropper
	ahead   record.Record
	err     error // that came in place of ahead
}

func (p *peeker) Read() (record.Record, error) {
	if next, err := p.ahead, p.err; next != nil || err != nil {
		p.ahead, p.err = nil, nil
		return next, err
	}
	next, err := p.Source.Read()
	if h, ok := next.(*record.Header); ok {
		p.cropper.cropped = ""
		if len(h.Stages) == 0 {
			p.ahead, p.err = p.Source.Read()
			if item, ok := p.ahead.(*record.Item); ok && item.Tensor != nil && len(item.Tensor.Shape) == 3 && !hasPhoto(item) {
				size := side{Height: item.Tensor.Shape[0], Width: item.Tensor.Shape[1]}
				p.cropper.cropped = size.String()
			}
		}
	}
	return next, err
}

func hasPhoto(item *record.Item) bool { return item.Fetched != nil && item.Fetched.Bytes != nil }
