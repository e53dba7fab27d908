package detection

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/opensandwich/oi/cmd/internal/atomicfile"
	"github.com/opensandwich/oi/cmd/internal/export/credits"
)

// coco writes annotations/instances_SET.json. The numbers of photos and boxes
// count through all sets, so that they are unique in all of them together.
type coco struct {
	sets  []uint8
	files []*cocoFile
	last  int64 // number of a box
}

// A cocoFile is the file of one set. The pictures are written at once, and the
// boxes as the photos are looked at.
type cocoFile struct {
	pending *atomicfile.File
	buffer  *bufio.Writer
	comma   bool // there is something before in the list
}

type cocoImage struct {
	ID        int    `json:"id"`
	FileName  string `json:"file_name"`
	Width     int    `json:"width"`
	Height    int    `json:"height"`
	License   int    `json:"license,omitempty"`
	CocoURL   string `json:"coco_url,omitempty"`
	FlickrURL string `json:"flickr_url,omitempty"`
}

type cocoBox struct {
	ID           int64           `json:"id"`
	Image        int             `json:"image_id"`
	Category     int             `json:"category_id"`
	BBox         [4]thousandths  `json:"bbox"`
	Area         millionths      `json:"area"`
	Segmentation []int           `json:"segmentation"`
	IsCrowd      int             `json:"iscrowd"`
	Attributes   map[string]int8 `json:"attributes,omitempty"`
}

type cocoCategory struct {
	ID            int    `json:"id"`
	Name          string `json:"name"`
	Supercategory string `json:"supercategory"`
	MID           string `json:"mid,omitempty"`
}

type cocoLicense struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
	URL  string `json:"url"`
}

// thousandths is a number as a decimal fraction, with the fewest digits, and
// millionths another.
type (
	thousandths int64
	millionths  int64
)

func (n thousandths) MarshalJSON() ([]byte, error) { return decimal(int64(n), 3), nil }
func (n millionths) MarshalJSON() ([]byte, error)  { return decimal(int64(n), 6), nil }

// decimal returns n / 10^places.
func decimal(n int64, places int) []byte {
	digits := fmt.Appendf(nil, "%0*d", places+1, n)
	whole, rest := digits[:len(digits)-places], digits[len(digits)-places:]
	for len(rest) > 0 && rest[len(rest)-1] == '0' {
		rest = rest[:len(rest)-1]
	}
	if len(rest) == 0 {
		return slices.Clone(whole)
	}
	return slices.Concat(whole, []byte("."), rest)
}

func (e *Export) newCOCO(order []int32, sets []uint8, list []class) (_ writer, err error) {
	c := &coco{sets: sets}
	defer func() {
		if err != nil {
			c.discard()
		}
	}()
	licences, number := e.sortedLicences()
	categories := []cocoCategory{}
	for i, class := range list {
		super := class.super
		if super == "" {
			super = class.name // as in COCO, where a person is a person
		}
		categories = append(categories, cocoCategory{i + 1, class.name, super, class.mid})
	}
	dir := filepath.Join(e.Dir, "annotations")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	for _, set := range sets {
		f, err := newCOCOFile(filepath.Join(dir, "instances_"+setNames[set]+".json"))
		if err != nil {
			return nil, err
		}
		c.files = append(c.files, f)
		head := map[string]string{
			"description": "Photos of Open Images with boxes, set " + setNames[set] + ", written by " + e.Stage.Tool + " " + e.Stage.Version,
			"url":         "https://storage.googleapis.com/openimages/web/index.html",
		}
		if err := f.begin(head, licences, categories); err != nil {
			return nil, err
		}
	}
	for i, n := range order {
		p := &e.photos[n]
		credit, err := e.creditOf(p)
		if err != nil {
			return nil, err
		}
		w, h := p.size()
		image := cocoImage{
			ID: i + 1, FileName: path.Base(e.fileOf(p)), Width: w, Height: h,
			License: number[credit.License], CocoURL: credit.URL, FlickrURL: credit.LandingURL,
		}
		if err := c.file(p.set).add(image); err != nil {
			return nil, err
		}
	}
	for _, f := range c.files {
		if err := f.next("annotations"); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// sortedLicences returns the licences of the photos, and their numbers.
func (e *Export) sortedLicences() (list []cocoLicense, number map[string]int) {
	list, number = []cocoLicense{}, map[string]int{}
	for i, url := range slices.Sorted(maps.Keys(e.licences)) {
		number[url] = i + 1
		list = append(list, cocoLicense{i + 1, credits.LicenceName(url), url})
	}
	return list, number
}

func newCOCOFile(path string) (*cocoFile, error) {
	pending, err := atomicfile.Create(path)
	if err != nil {
		return nil, err
	}
	return &cocoFile{pending: pending, buffer: bufio.NewWriterSize(pending, 1<<16)}, nil
}

func (c *coco) file(set uint8) *cocoFile { return c.files[slices.Index(c.sets, set)] }

func (c *coco) photo(p *picture) error {
	f := c.file(p.set)
	for _, b := range p.boxes {
		c.last++
		r := b.rect
		out := cocoBox{
			ID: c.last, Image: p.index + 1, Category: b.class + 1,
			BBox:         [4]thousandths{thousandths(r.x0), thousandths(r.y0), thousandths(r.x1 - r.x0), thousandths(r.y1 - r.y0)},
			Area:         millionths((r.x1 - r.x0) * (r.y1 - r.y0)),
			Segmentation: []int{}, Attributes: map[string]int8{},
		}
		if b.groupOf == 1 {
			out.IsCrowd = 1
		}
		for name, v := range map[string]int8{"occluded": b.occluded, "truncated": b.truncated, "depiction": b.depiction, "inside": b.inside} {
			if v >= 0 {
				out.Attributes[name] = v
			}
		}
		if err := f.add(out); err != nil {
			return err
		}
	}
	return nil
}

func (c *coco) finish() error {
	for _, f := range c.files {
		if _, err := io.WriteString(f.buffer, "\n]}\n"); err != nil {
			return err
		}
		if err := f.buffer.Flush(); err != nil {
			return err
		}
	}
	for _, f := range c.files {
		if err := f.pending.CloseAtomicallyReplace(); err != nil {
			return err
		}
	}
	return nil
}

func (c *coco) discard() {
	for _, f := range c.files {
		_ = f.pending.Cleanup() // does nothing after finish
	}
}

// begin writes what comes before the pictures.
func (f *cocoFile) begin(info map[string]string, licences []cocoLicense, categories []cocoCategory) error {
	var errs []error
	for i, part := range []struct {
		name string
		v    any
	}{{"info", info}, {"licenses", licences}, {"categories", categories}} {
		data, err := marshal(part.v)
		between := ",\n"
		if i == 0 {
			between = "{"
		}
		_, printErr := fmt.Fprintf(f.buffer, "%s%q: %s", between, part.name, data)
		errs = append(errs, err, printErr)
	}
	_, err := io.WriteString(f.buffer, ",\n\"images\": [")
	return errors.Join(append(errs, err)...)
}

// next ends a list and begins the one of that name.
func (f *cocoFile) next(name string) error {
	f.comma = false
	_, err := io.WriteString(f.buffer, "\n],\n"+strconv.Quote(name)+": [")
	return err
}

// add adds an entry to the list.
func (f *cocoFile) add(v any) error {
	data, err := marshal(v)
	if err != nil {
		return err
	}
	between := "\n"
	if f.comma {
		between = ",\n"
	}
	f.comma = true
	if _, err := io.WriteString(f.buffer, between); err != nil {
		return err
	}
	_, err = f.buffer.Write(data)
	return err
}

// marshal is [json.Marshal] without escapes for HTML.
func marshal(v any) ([]byte, error) {
	var data bytes.Buffer
	encoder := json.NewEncoder(&data)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return bytes.TrimSuffix(data.Bytes(), []byte("\n")), err
}
