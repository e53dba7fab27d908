package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/export/credits"
)

// itemsEnding is how the name of a file of items ends, see [ItemsFile].
const itemsEnding = ".items.zst"

// IsItemsFile reports whether a file lists a report's items, by its name.
func IsItemsFile(path string) bool { return strings.HasSuffix(path, itemsEnding) }

// IsJSON reports whether a file that begins with some bytes is a report as JSON,
// and not another object.
func IsJSON(first []byte) bool {
	d := json.NewDecoder(bytes.NewReader(first))
	if token, err := d.Token(); err != nil || token != json.Delim('{') {
		return false
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return false
		}
		switch key {
		case "architecture", "weights_sha256", "evaluation":
			return true
		}
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return false
		}
	}
	return false
}

// ReadCredits calls each for the photos that a report in JSON lists.
func ReadCredits(from io.Reader, each func(credits.Row) error) error {
	var r struct {
		Credits *Credits `json:"credits"`
	}
	if err := json.NewDecoder(io.LimitReader(from, maxReport)).Decode(&r); err != nil {
		return err
	}
	return r.Credits.Each(each)
}

// ReadItemsCredits calls each for the photos of the items that a file lists,
// see [ItemsFile]. The report that it belongs to must stand next to it.
func ReadItemsCredits(path string, each func(credits.Row) error) error {
	report := strings.TrimSuffix(path, itemsEnding) + ".json"
	file, err := os.Open(report)
	if err != nil {
		return fmt.Errorf("the photos of its items are listed in %s: %w", filepath.Base(report), err)
	}
	var rows []credits.Row
	ids := map[string]bool{} // of them, those of an item
	err = errors.Join(ReadCredits(file, func(row credits.Row) error {
		rows = append(rows, row)
		ids[row.ID] = false
		return nil
	}), file.Close())
	if err != nil {
		return fmt.Errorf("%s: %w", report, err)
	}
	_, err = ReadItems(report, func(item Judged) error {
		// A key begins with the id of its photo and a hyphen.
		for id := item.Key; id != ""; id = id[:max(0, strings.LastIndexByte(id, '-'))] {
			if _, known := ids[id]; known {
				ids[id] = true
				break
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, row := range rows {
		if ids[row.ID] {
			if err := each(row); err != nil {
				return err
			}
		}
	}
	return nil
}
