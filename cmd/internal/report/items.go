package report

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// maxJudged is how many items a report in JSON lists in itself. More are in a
// file next to it.
const maxJudged = 20_000

// What is read of a file of items: its bytes, and those it decompresses to.
const (
	maxItemsFile  = 256 << 20
	maxItemsBytes = 2 << 30
	maxItemsZstd  = 8 << 20 // window
)

// A Judged is one item and what was said of it.
type Judged struct {
	Key         string            `json:"key"`
	Group       int               `json:"group"` // items of one author or photo have the same
	Truth       string            `json:"truth"`
	Answer      string            `json:"answer"`
	Probability float64           `json:"probability"`
	Slices      map[string]string `json:"slices,omitempty"`
}

// An ItemsFile names the file next to a report that lists its items: one
// [Judged] a line as JSON, compressed with zstd.
type ItemsFile struct {
	Name   string `json:"name"` // without a folder
	SHA256 string `json:"sha256"`
	Items  int    `json:"items"`
}

// judged yields the items in the order in which they came.
func (d *Details) judged() iter.Seq[Judged] {
	return func(yield func(Judged) bool) {
		for i, x := range d.answers {
			if !yield(Judged{
				Key: x.key, Group: int(d.groups[i]), Truth: d.Classes[x.truth].Class, Answer: d.Classes[x.predicted].Class,
				Probability: float64(x.probability), Slices: d.slicer.names(x.slices),
			}) {
				return
			}
		}
	}
}

// itemsPath is where the items are of a report in JSON.
func itemsPath(path string) string { return strings.TrimSuffix(path, ".json") + itemsEnding }

// compressItems returns the contents of the file of items.
func (d *Details) compressItems() ([]byte, error) {
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1)) // the same bytes on every machine
	if err != nil {
		return nil, err
	}
	w := bufio.NewWriter(z)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	for item := range d.judged() {
		if err := e.Encode(item); err != nil {
			return nil, errors.Join(err, z.Close())
		}
	}
	err = errors.Join(w.Flush(), z.Close())
	return b.Bytes(), err
}

// OutputFiles are the names of the files that a report under a path may need.
func OutputFiles(path string) []string {
	if filepath.Ext(path) == ".json" {
		return []string{itemsPath(path), path}
	}
	return []string{path}
}

// Files are those of the report under a path, by its ending .html, .md or
// .json. Where the report has too many items for its JSON, the first one lists
// them.
func (r *Report) Files(path string) ([]File, error) {
	switch filepath.Ext(path) {
	case ".html":
		return []File{{path, r.WriteHTML}}, nil
	case ".md":
		return []File{{path, r.WriteMarkdown}}, nil
	}
	if r.Evaluation == nil || r.Evaluation.Details == nil || len(r.Evaluation.Details.answers) <= maxJudged {
		return []File{{path, r.WriteJSON}}, nil
	}
	contents, err := r.Evaluation.Details.compressItems()
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(contents)
	with, evaluation, details := *r, *r.Evaluation, *r.Evaluation.Details
	details.ItemsFile = &ItemsFile{filepath.Base(itemsPath(path)), hex.EncodeToString(sum[:]), len(details.answers)}
	evaluation.Details = &details
	with.Evaluation = &evaluation
	write := func(w io.Writer) error { _, err := w.Write(contents); return err }
	return []File{{itemsPath(path), write}, {path, with.WriteJSON}}, nil
}

// A Listed is what a report in JSON says besides its items.
type Listed struct {
	Run     string   `json:"run"`
	Classes []string `json:"classes"`
}

// ReadItems calls each for the items that a report in JSON lists, in itself or
// in the file next to it.
func ReadItems(path string, each func(Judged) error) (of Listed, err error) {
	file, err := os.Open(path)
	if err != nil {
		return of, err
	}
	defer file.Close() // only read
	var r struct {
		Listed
		Evaluation *struct {
			Details *struct {
				Items     []Judged   `json:"items"`
				ItemsFile *ItemsFile `json:"items_file"`
			} `json:"details"`
		} `json:"evaluation"`
	}
	limited := &io.LimitedReader{R: file, N: maxReport + 1}
	if err := json.NewDecoder(limited).Decode(&r); err != nil {
		if limited.N <= 0 {
			return of, fmt.Errorf("%s is larger than %d MB", path, maxReport>>20)
		}
		return of, fmt.Errorf("%s is no report in JSON: %w", path, err)
	}
	switch {
	case r.Evaluation == nil || r.Evaluation.Details == nil:
	case len(r.Evaluation.Details.Items) > 0:
		for _, item := range r.Evaluation.Details.Items {
			if err := each(item); err != nil {
				return of, err
			}
		}
		return r.Listed, nil
	case r.Evaluation.Details.ItemsFile != nil:
		return r.Listed, r.Evaluation.Details.ItemsFile.read(path, each)
	}
	return of, fmt.Errorf("%s lists no items: it is no report, or of an older version, or of more than %d items, or what --json printed of more than %d", path, maxAnswers, maxJudged)
}

// read reads the file that a report names.
func (f *ItemsFile) read(report string, each func(Judged) error) error {
	if f.Name == "" || filepath.Base(f.Name) != f.Name || strings.ContainsAny(f.Name, `/\`) || !filepath.IsLocal(f.Name) {
		return fmt.Errorf("%s says that its items are in %q, which is not the name of a file next to it", report, f.Name)
	}
	path := filepath.Join(filepath.Dir(report), f.Name)
	contents, err := readCapped(path, maxItemsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the items of %s are in %s, which is not there: the two belong together", report, path)
	}
	if err != nil {
		return fmt.Errorf("the items of %s: %w", report, err)
	}
	if sum := sha256.Sum256(contents); hex.EncodeToString(sum[:]) != f.SHA256 {
		return fmt.Errorf("%s is not the file of items that belongs to %s: its SHA-256 is %x, want %s", path, report, sum, f.SHA256)
	}
	z, err := zstd.NewReader(bytes.NewReader(contents), zstd.WithDecoderMaxWindow(maxItemsZstd), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return err
	}
	defer z.Close()
	d := json.NewDecoder(io.LimitReader(z, maxItemsBytes))
	for n := 0; ; n++ {
		var item Judged
		switch err := d.Decode(&item); {
		case errors.Is(err, io.EOF) && n == f.Items:
			return nil
		case errors.Is(err, io.EOF):
			return fmt.Errorf("%s lists %d items, and %s says %d", path, n, report, f.Items)
		case err != nil:
			return fmt.Errorf("%s: item %d: %w", path, n+1, err)
		}
		if err := each(item); err != nil {
			return err
		}
	}
}

// readCapped reads a file of at most limit bytes.
func readCapped(path string, limit int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close() // only read
	contents, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(contents)) > limit {
		err = fmt.Errorf("%s is larger than %d MB", path, limit>>20)
	}
	return contents, err
}
