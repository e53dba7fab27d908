package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/sheet"
)

// sheetVariants is how many variants stand next to an original.
const sheetVariants = 6

// drawSheet draws train items next to their first variants: the copies of the
// first epoch, then of those after it, whether they will be written or not. The
// items are spread over all of them.
func (r *run) drawSheet(path string) error {
	page := &sheet.Sheet{Title: filepath.Base(path)}
	train := r.train()
	n := min(r.options.sheetItems, train.Len())
	size := r.items.Size()
	classes := map[string]int{}
	var w worker
	for i := range n {
		from := train.At(i * train.Len() / n)
		original, err := r.items.Spool.Item(from.Number)
		if err != nil {
			return err
		}
		if _, known := classes[from.Label]; !known {
			classes[from.Label] = len(classes)
		}
		entry := sheet.Entry{
			Pictures: []sheet.Picture{sheet.NewPicture(original.Tensor.Data, size.Width, size.Height, "original")},
			Title:    from.Label, Key: from.Key, Class: classes[from.Label],
		}
		for k := range sheetVariants {
			v := variant{entry: from, epoch: 1 + k/r.options.copies, copy: k % r.options.copies}
			item, err := r.draw(v, &w)
			if err != nil {
				return err
			}
			entry.Pictures = append(entry.Pictures, sheet.NewPicture(item.Tensor.Data, size.Width, size.Height, fmt.Sprintf("%d.%d", v.epoch, v.copy)))
		}
		page.Add(entry)
	}
	err := page.Write(path)
	switch {
	case errors.Is(err, sheet.ErrEmpty):
		return cli.WithHint(fmt.Errorf("--sheet %s: %w", path, err), "there are no train items to make variants of")
	case err != nil:
		return fmt.Errorf("--sheet %s: %w", path, err)
	}
	return nil
}
