package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandwich/oi/cmd/internal/export/credits"
	"github.com/opensandwich/oi/record"
)

func photo(subset, id, author string) *record.Item {
	return &record.Item{ID: id, Subset: subset, Key: id + "-0", Image: &record.Image{Author: author, Title: "=<" + id + ">\n", License: "https://l/", LandingURL: "https://p/" + id}}
}

// creditRows returns the rows of a list.
func creditRows(t *testing.T, c *Credits) []credits.Row {
	t.Helper()
	var rows []credits.Row
	if err := c.Each(func(r credits.Row) error { rows = append(rows, r); return nil }); err != nil {
		t.Fatal(err)
	}
	return rows
}

// A photo stands in the list once, and only if one of its items was used; in
// what order they came makes no difference.
func TestCreditLog(t *testing.T) {
	items := []*record.Item{photo("train", "b", "Ann"), photo("test", "a", ""), photo("train", "a", "Bo"), photo("train", "unused", "No")}
	second := *items[0]
	second.Key, second.Image = "b-1", &record.Image{Author: "Aaron"}
	items = append(items, &second)
	used := slices.Values([]string{"b-1", "a-0", "nobody"})
	var first *Credits
	for range 2 {
		var log CreditLog
		for i, item := range items {
			key := item.Key
			if item.Subset == "test" {
				key = "other"
			}
			if err := log.Add(key, items[i]); err != nil {
				t.Fatal(err)
			}
		}
		got, err := log.Of(used)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = got
		} else if d := cmp.Diff(first, got); d != "" {
			t.Error(d)
		}
		slices.Reverse(items)
	}
	want := []credits.Row{
		{ID: "a", Subset: "train", Title: "=<a>\n", Author: "Bo", License: "https://l/", LandingURL: "https://p/a"},
		{ID: "b", Subset: "train", Title: "=<b>\n", Author: "Ann", License: "https://l/", LandingURL: "https://p/b"},
	}
	if d := cmp.Diff(want, creditRows(t, first)); d != "" {
		t.Error(d)
	}
}

// Too many photos are not listed, and what is damaged is an error.
func TestCreditsErrors(t *testing.T) {
	var log CreditLog
	for i := range maxCredited + 1 {
		id := fmt.Sprint(i)
		if err := log.Add(id, photo("train", id, "x")); err != nil {
			t.Fatal(err)
		}
	}
	many, err := log.Of(slices.Values([]string{"1"}))
	if err != nil || many.Rows != "" {
		t.Fatalf("%v, %v", many, err)
	}
	var few CreditLog
	if err := few.Add("k", photo("train", "a", "x")); err != nil {
		t.Fatal(err)
	}
	good, err := few.Of(slices.Values([]string{"k"}))
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		c    *Credits
		want string
		none bool
	}{
		"none":    {nil, "older version", true},
		"many":    {many, "more than 50000", true},
		"base64":  {&Credits{1, "???"}, "lists 0 photos", false},
		"zstd":    {&Credits{1, "aGVsbG8gd29ybGQ="}, "magic", false},
		"cut":     {&Credits{1, good.Rows[:len(good.Rows)/8*4]}, "unexpected EOF", false},
		"missing": {&Credits{2, good.Rows}, "lists 1 photos, and says that they are 2", false},
	} {
		err := tc.c.Each(func(credits.Row) error { return nil })
		if err == nil || !strings.Contains(err.Error(), tc.want) || errors.Is(err, ErrNoCredits) != tc.none {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The photos of a file of items are those of its report that an item is of.
func TestReadItemsCredits(t *testing.T) {
	var log CreditLog
	for _, id := range []string{"a", "a-b", "c"} {
		if err := log.Add(id, photo("test", id, "x")); err != nil {
			t.Fatal(err)
		}
	}
	all, err := log.Of(slices.Values([]string{"a", "a-b", "c"}))
	if err != nil {
		t.Fatal(err)
	}
	report, err := json.Marshal(map[string]any{
		"credits": all, "evaluation": map[string]any{"details": map[string]any{"items": []Judged{{Key: "a-b-0123-bg"}, {Key: "c"}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "m.json")
	if err := os.WriteFile(path, report, 0o600); err != nil {
		t.Fatal(err)
	}
	var got []string
	err = ReadItemsCredits(strings.TrimSuffix(path, ".json")+".items.zst", func(r credits.Row) error { got = append(got, r.ID); return nil })
	if d := cmp.Diff([]string{"a-b", "c"}, got); err != nil || d != "" {
		t.Error(err, d)
	}
}

// A report is told from other JSON by its keys, in any order, wherever the
// look at it ends.
func TestIsJSON(t *testing.T) {
	var written bytes.Buffer
	if err := (&Report{Classes: []string{"weights_sha256"}}).WriteJSON(&written); err != nil {
		t.Fatal(err)
	}
	var sorted map[string]any
	if err := json.Unmarshal(written.Bytes(), &sorted); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(sorted)
	if err != nil {
		t.Fatal(err)
	}
	for _, yes := range [][]byte{written.Bytes(), again, again[:len(again)/2]} {
		if !IsJSON(yes) {
			t.Errorf("no report: %s", yes)
		}
	}
	for _, no := range []string{"", "{}", "[1]", "7", `{"id":"architecture"}`, `{"id":"a","x":{"architecture":1}} {"architecture":1}`, `{"id":["architecture",{"evaluation":2}]}`, "\x08\x07"} {
		if IsJSON([]byte(no)) {
			t.Errorf("a report: %s", no)
		}
	}
}
