package report

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/opensandwich/oi/cmd/internal/export/credits"
	"github.com/opensandwich/oi/record"
)

// How much a model and a report list of whom to thank: with more photos, or
// items of them, they say how many there are, and no more.
const (
	maxCredited      = 50_000    // photos
	maxCreditedItems = 1_000_000 // items
)

// What is read of a list of credits, in bytes.
const (
	maxCreditsText = 64 << 20
	maxCreditsRows = 256 << 20
	maxCreditsZstd = 8 << 20 // window
)

// Credits are who made the photos of a report, each photo once.
type Credits struct {
	Photos int `json:"photos"`
	// Rows is base64 of zstd of a [Credit] a line as JSON, in the order of
	// subsets and ids; "" where there are too many.
	Rows string `json:"rows,omitempty"`
}

// A Credit is one photo of Credits.
type Credit struct {
	ID         string `json:"id"`
	Subset     string `json:"subset,omitempty"`
	Title      string `json:"title,omitempty"`
	Author     string `json:"author,omitempty"`
	AuthorURL  string `json:"author_url,omitempty"`
	License    string `json:"license,omitempty"`
	LandingURL string `json:"landing_url,omitempty"`
}

// A CreditLog notes the photos of items as they come. The zero CreditLog is
// empty and ready for use.
type CreditLog struct {
	seed   maphash.Seed
	photos map[[2]string]int32 // subset and id: number of the row
	rows   []string            // Credits as JSON
	items  map[uint64]int32    // hash of the key: number of the row
	full   bool
}

// Add notes the photo of an item, whose key it is to be found by. Should items
// of a photo not agree, what comes last in order of the alphabet stays.
func (l *CreditLog) Add(key string, item *record.Item) error {
	if l.full {
		return nil
	}
	if l.photos == nil {
		l.seed, l.photos, l.items = maphash.MakeSeed(), map[[2]string]int32{}, map[uint64]int32{}
	}
	row := credits.Of(item)
	text, err := json.Marshal(Credit{row.ID, row.Subset, row.Title, row.Author, row.AuthorURL, row.License, row.LandingURL})
	if err != nil {
		return err
	}
	photo := [2]string{strings.Clone(row.Subset), strings.Clone(cmp.Or(row.ID, key))}
	number, known := l.photos[photo]
	switch {
	case !known:
		number = int32(len(l.rows))
		l.photos[photo], l.rows = number, append(l.rows, string(text))
	case string(text) > l.rows[number]: // so that the order does not matter
		l.rows[number] = string(text)
	}
	l.items[maphash.String(l.seed, key)] = number
	if len(l.rows) > maxCredited || len(l.items) > maxCreditedItems {
		*l = CreditLog{full: true}
	}
	return nil
}

// Of returns the credits of the items of some keys.
func (l *CreditLog) Of(keys iter.Seq[string]) (*Credits, error) {
	if l.full {
		return &Credits{}, nil
	}
	used := map[int32]bool{}
	for key := range keys {
		if number, ok := l.items[maphash.String(l.seed, key)]; ok {
			used[number] = true
		}
	}
	if len(used) == 0 {
		return nil, nil
	}
	var photos [][2]string
	for photo, number := range l.photos {
		if used[number] {
			photos = append(photos, photo)
		}
	}
	slices.SortFunc(photos, func(a, b [2]string) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	var packed bytes.Buffer
	z, err := zstd.NewWriter(&packed, zstd.WithEncoderConcurrency(1)) // the same bytes on every machine
	if err != nil {
		return nil, err
	}
	w := bufio.NewWriter(z) // its errors are sticky: Flush reports them
	for _, photo := range photos {
		_, _ = w.WriteString(l.rows[l.photos[photo]] + "\n")
	}
	if err := errors.Join(w.Flush(), z.Close()); err != nil {
		return nil, err
	}
	return &Credits{len(photos), base64.StdEncoding.EncodeToString(packed.Bytes())}, nil
}

// ErrNoCredits says that a model or a report does not list its photos.
var ErrNoCredits = errors.New("it does not list its photos")

// Each calls each for the photos, and returns ErrNoCredits where they are not
// listed. c may be nil.
func (c *Credits) Each(each func(credits.Row) error) error {
	switch {
	case c == nil:
		return fmt.Errorf("%w, as it is of an older version or of no photo", ErrNoCredits)
	case c.Rows == "":
		return fmt.Errorf("%w, as they are more than %d, or of more than %d items", ErrNoCredits, maxCredited, maxCreditedItems)
	case len(c.Rows) > maxCreditsText:
		return fmt.Errorf("its list of photos is larger than %d MB", maxCreditsText>>20)
	}
	z, err := zstd.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(c.Rows)),
		zstd.WithDecoderMaxWindow(maxCreditsZstd), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return err
	}
	defer z.Close()
	d := json.NewDecoder(io.LimitReader(z, maxCreditsRows))
	for n := 0; ; n++ {
		var row Credit
		switch err := d.Decode(&row); {
		case errors.Is(err, io.EOF) && n == c.Photos:
			return nil
		case errors.Is(err, io.EOF):
			return fmt.Errorf("it lists %d photos, and says that they are %d", n, c.Photos)
		case err != nil:
			return fmt.Errorf("photo %d of its list: %w", n+1, err)
		}
		if err := each(credits.Row{
			ID: row.ID, Subset: row.Subset, Title: row.Title, Author: row.Author, AuthorURL: row.AuthorURL, License: row.License, LandingURL: row.LandingURL,
		}); err != nil {
			return err
		}
	}
}

// keys yields those of the items that were judged, in their order.
func (e *Evaluation) keys() iter.Seq[string] {
	return func(yield func(string) bool) {
		if e == nil || e.Details == nil {
			return
		}
		for _, x := range e.Details.answers {
			if !yield(x.key) {
				return
			}
		}
	}
}

// Judged returns the credits of the items that an evaluation judged; where it
// does not know which these are, it returns those of none.
func (l *CreditLog) Judged(e *Evaluation) (*Credits, error) { return l.Of(e.keys()) }
