package folder

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/opensandwich/oi/cmd/internal/posixfile"

	"github.com/opensandwich/oi/cmd/internal/export/newfile"
	pv "github.com/opensandwich/oi/cmd/internal/export/provenance"
	"github.com/opensandwich/oi/cmd/internal/export/safename"
	"github.com/opensandwich/oi/cmd/internal/extsort"
	"github.com/opensandwich/oi/record"
)

// metadataName is the file in each set that says what its pictures are. It is
// the name that Hugging Face's imagefolder looks for.
const metadataName = "metadata.csv"

// columns are those of metadata.csv. The first is the picture's path below the
// folder of the file. The order stands in files: add at the end.
//
// The types of a column must not differ between sets, or imagefolder refuses
// all of them, and they are what pandas takes them for. So no cell is empty:
// of what is not known a number is -1 and a text is the word unknown; fractions
// have a decimal point; and see plainText.
func columns() []string {
	return []string{
		"file_name", "label", "mid", "key", "subset",
		"xmin", "xmax", "ymin", "ymax", "occluded", "truncated", "group_of", "depiction", "inside",
		"crop_x", "crop_y", "crop_width", "crop_height", "rotation", "source_width", "source_height", "background",
		"author", "author_url", "title", "license", "url", "landing_url", "sha256", "epoch", "copy", "id",
	}
}

// cells are the columns of an item whose picture has that name, with slashes.
func cells(item *record.Item, name string) []string {
	label, box, crop, image, fetched, variant := record.Label{}, record.Box{}, record.Crop{}, record.Image{}, record.Fetched{}, record.Augment{}
	if item.Label != nil {
		label = *item.Label
	}
	var edges [4]string
	if item.Box != nil {
		box = *item.Box
		edges = [4]string{fraction(box.XMin), fraction(box.XMax), fraction(box.YMin), fraction(box.YMax)}
	} else {
		edges = [4]string{"-1.0", "-1.0", "-1.0", "-1.0"}
		box.Occluded, box.Truncated, box.GroupOf, box.Depiction, box.Inside = -1, -1, -1, -1, -1
	}
	background := "0"
	if item.Crop != nil {
		crop = *item.Crop
		if crop.Background {
			background = "1"
		}
	} else {
		crop = record.Crop{X: -1, Y: -1, Width: -1, Height: -1, Rotation: -1, SourceWidth: -1, SourceHeight: -1}
	}
	if item.Image != nil {
		image = *item.Image
	}
	if item.Fetched != nil {
		fetched = *item.Fetched
	}
	if item.Augment != nil {
		variant = *item.Augment
	}
	n := strconv.Itoa
	return []string{
		name, plainText(label.Name), known(label.MID), known(item.Key), known(item.Subset),
		edges[0], edges[1], edges[2], edges[3], n(box.Occluded), n(box.Truncated), n(box.GroupOf), n(box.Depiction), n(box.Inside),
		n(crop.X), n(crop.Y), n(crop.Width), n(crop.Height), n(crop.Rotation), n(crop.SourceWidth), n(crop.SourceHeight), background,
		plainText(image.Author), plainText(image.AuthorURL), plainText(image.Title), plainText(image.License),
		plainText(image.URL), plainText(image.LandingURL), known(fetched.SHA256), n(variant.Epoch), n(variant.Copy), plainText(item.ID),
	}
}

// fraction writes a number so that it is read as one with fractions.
func fraction(v float64) string {
	text := strconv.FormatFloat(v, 'f', -1, 64)
	if strings.Contains(text, ".") {
		return text
	}
	return text + ".0"
}

// known returns a text as one line of UTF-8, or a word for it if there is none:
// a file of one line a row can be cut and searched, and merging leaves it as it
// is.
func known(text string) string {
	if text == "" {
		return "unknown"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
}

// plainText returns what people have written so that no reader takes it for
// something else: with an apostrophe before what would be a number, a truth
// value or nothing to pandas, or a formula to a spreadsheet.
//
// What is read from a file can be told from it again, see written.
func plainText(text string) string {
	if mistakable(text) {
		return "'" + known(text)
	}
	return known(text)
}

// mistakable reports whether a text needs an apostrophe before it.
func mistakable(text string) bool {
	if rest, ok := strings.CutPrefix(text, "'"); ok { // may have got one already
		return mistakable(rest)
	}
	trimmed := strings.ToLower(strings.TrimSpace(text))
	_, err := strconv.ParseFloat(trimmed, 64)
	number := err == nil || errors.Is(err, strconv.ErrRange)
	return text != "" && (text == "unknown" || number || trimmed == "" || slices.Contains(typedWords(), trimmed) || strings.ContainsRune("=+-@\t\r", rune(text[0])))
}

// typedWords are the words, in lower case, that pandas takes for something else
// than a text.
func typedWords() []string {
	return []string{"#n/a", "#n/a n/a", "#na", "-1.#ind", "-1.#qnan", "-nan", "1.#ind", "1.#qnan", "<na>", "n/a", "na", "nan", "none", "null", "true", "false"}
}

// A table collects the rows of one set's metadata.csv, by the pictures' names.
type table struct{ rows *extsort.Sorter }

// tableMemory is how many bytes of rows a table keeps in memory: those of some
// 20,000 pictures.
const tableMemory = 8 << 20

func newTable() *table { return &table{extsort.New("", tableMemory)} }

func (t *table) add(cells []string) error {
	var line strings.Builder
	w := csv.NewWriter(&line)
	if err := w.Write(cells); err != nil {
		return err
	}
	w.Flush()
	return t.rows.Add(cells[0], line.String())
}

// addFile adds the rows of a file, if there is one.
func (t *table) addFile(path string) error {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close() // only read from
	r := csv.NewReader(bufio.NewReader(file))
	r.ReuseRecord = true
	header, err := r.Read()
	if err != nil || !slices.Equal(header, columns()) {
		return &pv.Problem{Err: fmt.Errorf("%s: its columns are not those that this version writes", path), Next: "it is of another program or version, or was changed: move it away"}
	}
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = t.add(cells)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
}

// A twinsError names a picture of which another's name is the same on some
// systems.
type twinsError struct{ name string }

func (e *twinsError) Error() string { return "two pictures would be " + e.name }

// write replaces the file by the rows and returns their number. The caller has
// the folder's lock.
func (t *table) write(file string) (n int, err error) {
	part := newfile.Part(file)
	out, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return 0, err
	}
	n, err = t.writeTo(out)
	if err != nil {
		return 0, errors.Join(err, out.Close(), posixfile.Remove(part))
	}
	if err := errors.Join(out.Sync(), out.Close()); err != nil {
		return 0, err
	}
	return n, posixfile.Rename(part, file)
}

func (t *table) writeTo(out io.Writer) (n int, err error) {
	w := bufio.NewWriter(out)
	if _, err := w.WriteString(strings.Join(columns(), ",") + "\n"); err != nil {
		return 0, err
	}
	seed, seen := maphash.MakeSeed(), map[uint64]bool{}
	for row, err := range t.rows.All() {
		if err != nil {
			return 0, err
		}
		folded := maphash.String(seed, safename.Fold(row.Key))
		if seen[folded] {
			return 0, &twinsError{row.Key}
		}
		seen[folded] = true
		n++
		if _, err := w.WriteString(row.Value); err != nil {
			return 0, err
		}
	}
	return n, w.Flush()
}

func (t *table) close() error { return t.rows.Close() }
