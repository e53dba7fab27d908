package folder

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	pv "github.com/opensandwich/oi/cmd/internal/export/provenance"
	"github.com/opensandwich/oi/record"
)

// Contents are what a Folder has left behind, to be read back.
type Contents struct {
	Path    string
	Trail   pv.Trail // of the stream that it is made of
	Classes []Class
	Sets    []string // "" where items had none
}

// Open reads what a folder says of itself. A folder that is not complete, or of
// more than one run, is an error.
func Open(dir string) (*Contents, error) {
	p, err := readProvenance(dir)
	switch {
	case err != nil:
		return nil, err
	case p == nil:
		return nil, &pv.Problem{Err: fmt.Errorf("%s has no %s, which says what is in it", dir, provenanceName), Next: "want a folder that oi-crop --dir has filled"}
	case !p.Complete:
		return nil, &pv.Problem{Err: fmt.Errorf("%s is not complete: the run that fills it has not come to its end", dir), Next: "run the same line again, or one without --part after the last piece"}
	case len(p.Also) > 0:
		return nil, fmt.Errorf("%s holds the crops of %d runs: no one stream is the same", dir, 1+len(p.Also))
	}
	return &Contents{Path: dir, Trail: p.Trail, Classes: p.Classes, Sets: p.Sets}, nil
}

// Ending is that of the pictures' names, such as "png".
func (c *Contents) Ending() string {
	if ending := c.Trail[len(c.Trail)-1].Args["format"]; ending != "" {
		return ending
	}
	return "png"
}

// Header is that of the stream which the folder is made of.
func (c *Contents) Header() *record.Header {
	h := &record.Header{Version: record.Version}
	for _, class := range c.Classes {
		h.Classes = append(h.Classes, record.Class{MID: class.MID, Name: class.Name})
	}
	for _, s := range c.Trail {
		h.Stages = append(h.Stages, record.Stage{Tool: s.Tool, Version: s.Version, Args: s.Args})
	}
	return h
}

// MetadataFile is the path of a set's list of pictures below the folder, with
// slashes.
func MetadataFile(set string) string {
	return filepath.ToSlash(filepath.Join(folderName(set, ""), metadataName))
}

// SetPath is the path of a set's folder below the folder, with slashes, "" for
// the folder itself.
func SetPath(set string) string { return filepath.ToSlash(folderName(set, "")) }

// A Row is a picture and its item, which lacks the pixels.
type Row struct {
	Path string // of the file
	Item *record.Item
}

// Rows yields the pictures of a set, sorted by their names, and ends after the
// first error.
func (c *Contents) Rows(set string) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		list := filepath.Join(c.Path, filepath.FromSlash(MetadataFile(set)))
		file, err := os.Open(list)
		if err != nil {
			yield(Row{}, err)
			return
		}
		defer file.Close()           // only read from
		pictures := map[string]int{} // folder: how many rows name one in it
		for _, class := range c.Classes {
			pictures[filepath.Join(c.Path, folderName(set, class.Name))] = 0
		}
		r := csv.NewReader(bufio.NewReader(file))
		header, err := r.Read()
		if err != nil || !slices.Equal(header, columns()) {
			yield(Row{}, fmt.Errorf("%s: its columns are not those that this version writes", list))
			return
		}
		for n := 2; ; n++ {
			cells, err := r.Read()
			if errors.Is(err, io.EOF) {
				if err := c.checkPictures(list, pictures); err != nil {
					yield(Row{}, err)
				}
				return
			}
			var row Row
			if err == nil {
				row, err = c.row(set, cells)
			}
			if err != nil {
				yield(Row{}, fmt.Errorf("%s: row %d: %w", list, n, err))
				return
			}
			pictures[filepath.Dir(row.Path)]++
			if !yield(row, nil) {
				return
			}
		}
	}
}

// checkPictures returns an error if a folder has more pictures than a list
// names: their items would be missing without a word. Fewer are found when they
// are opened.
func (c *Contents) checkPictures(list string, pictures map[string]int) error {
	for _, dir := range slices.Sorted(maps.Keys(pictures)) {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		n := 0
		for _, entry := range entries {
			if strings.HasSuffix(entry.Name(), "."+c.Ending()) {
				n++
			}
		}
		if n > pictures[dir] {
			return &pv.Problem{
				Err:  fmt.Errorf("%s has %d pictures, and %s names %d of them", dir, n, list, pictures[dir]),
				Next: "remove a picture together with its row",
			}
		}
	}
	return nil
}

// row is the inverse of cells.
func (c *Contents) row(set string, cells []string) (Row, error) {
	at := map[string]string{}
	for i, name := range columns() {
		at[name] = cells[i]
	}
	name := filepath.FromSlash(at["file_name"])
	if !filepath.IsLocal(name) {
		return Row{}, fmt.Errorf("%q is no name below the folder", at["file_name"])
	}
	var errs []error
	number := func(name string) int {
		n, err := strconv.Atoi(at[name])
		errs = append(errs, err)
		return n
	}
	float := func(name string) float64 {
		f, err := strconv.ParseFloat(at[name], 64)
		errs = append(errs, err)
		return f
	}
	item := &record.Item{
		ID: written(at["id"]), Key: notKnown(at["key"]), Subset: notKnown(at["subset"]), Set: set,
		Image: &record.Image{
			URL: written(at["url"]), LandingURL: written(at["landing_url"]), License: written(at["license"]),
			Author: written(at["author"]), AuthorURL: written(at["author_url"]), Title: written(at["title"]),
		},
	}
	if label := written(at["label"]); label != "" {
		item.Label = &record.Label{Name: label, MID: notKnown(at["mid"])}
	}
	if box := (record.Box{
		XMin: float("xmin"), XMax: float("xmax"), YMin: float("ymin"), YMax: float("ymax"), Occluded: number("occluded"),
		Truncated: number("truncated"), GroupOf: number("group_of"), Depiction: number("depiction"), Inside: number("inside"),
	}); box.XMax >= 0 {
		item.Box = &box
	}
	if crop := (record.Crop{
		X: number("crop_x"), Y: number("crop_y"), Width: number("crop_width"), Height: number("crop_height"), Rotation: number("rotation"),
		SourceWidth: number("source_width"), SourceHeight: number("source_height"), Background: number("background") == 1,
	}); crop.Width >= 0 {
		item.Crop = &crop
	}
	if sum := notKnown(at["sha256"]); sum != "" {
		item.Fetched = &record.Fetched{SHA256: sum}
	}
	if epoch := number("epoch"); epoch > 0 {
		return Row{}, errors.New("it is a variant of oi-augment, which can be made again and is not read back")
	}
	return Row{filepath.Join(c.Path, folderName(set, ""), name), item}, errors.Join(errs...)
}

// notKnown is the inverse of known.
func notKnown(cell string) string {
	if cell == "unknown" {
		return ""
	}
	return cell
}

// written is the inverse of plainText.
func written(cell string) string {
	if text, ok := strings.CutPrefix(cell, "'"); ok && plainText(text) == cell {
		return text
	}
	return notKnown(cell)
}
