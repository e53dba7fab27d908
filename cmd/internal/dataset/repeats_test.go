package dataset

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/record"
)

func TestRepeats(t *testing.T) {
	item := func(key string, epoch, copy int) *record.Item {
		i := &record.Item{ID: "a", Key: key}
		if epoch > 0 {
			i.Augment = &record.Augment{Epoch: epoch, Copy: copy}
		}
		return i
	}
	type step struct {
		file   string // a segment begins
		number int
		item   *record.Item
	}
	for name, tc := range map[string]struct {
		steps []step
		want  string
	}{
		"different":         {[]step{{"x", 1, nil}, {item: item("a", 0, 0)}, {item: item("b", 0, 0)}}, ""},
		"one segment":       {[]step{{"x", 1, nil}, {item: item("a", 0, 0)}, {item: item("b", 0, 0)}, {item: item("a", 0, 0)}}, "item a comes twice in x"},
		"two segments":      {[]step{{"x", 1, nil}, {"x", 1, nil}, {item: item("a", 0, 0)}, {"x", 1, nil}, {item: item("a", 0, 0)}}, "item a comes in segment 2 and again in segment 3 of x"},
		"two files":         {[]step{{"x", 1, nil}, {item: item("a", 0, 0)}, {"y", 2, nil}, {item: item("a", 0, 0)}}, "item a comes in x and again in y"},
		"a file's segment":  {[]step{{"x", 1, nil}, {"x", 1, nil}, {item: item("a", 0, 0)}, {"y", 2, nil}, {item: item("a", 0, 0)}}, "item a comes in segment 2 of x and again in y"},
		"one file twice":    {[]step{{"x", 1, nil}, {item: item("a", 0, 0)}, {"x", 2, nil}, {item: item("a", 0, 0)}}, "item a comes in x and again in x, which is given twice"},
		"variants":          {[]step{{"x", 1, nil}, {item: item("a", 0, 0)}, {item: item("a", 1, 0)}, {item: item("a", 1, 1)}, {item: item("a", 2, 0)}}, ""},
		"a variant twice":   {[]step{{"x", 1, nil}, {item: item("a", 1, 1)}, {item: item("a", 2, 1)}, {item: item("a", 1, 1)}}, "item a comes twice in x"},
		"before any header": {[]step{{item: item("a", 0, 0)}, {item: item("a", 0, 0)}}, "item a comes twice"},
	} {
		t.Run(name, func(t *testing.T) {
			r := NewRepeats(RepeatPolicy{})
			var err error
			for _, s := range tc.steps {
				if s.item == nil {
					r.Begin(s.file, s.number)
				} else if _, err = r.Add(s.item); err != nil {
					break
				}
			}
			if tc.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var problem *Problem
			if !errors.As(err, &problem) || problem.Text != tc.want {
				t.Fatalf("%v, want %q", err, tc.want)
			}
			for _, hint := range []string{"--balance", "--copies", "--repeats drop"} {
				if !strings.Contains(problem.Next, hint) {
					t.Errorf("hint %q lacks %s", problem.Next, hint)
				}
			}
		})
	}
}

// Which of several items of one key stays does not depend on their order.
func TestRepeatsDropped(t *testing.T) {
	test, val, none := picture(1, "a", Test), picture(1, "b", Val), picture(1, "a", "")
	other := picture(1, "a", Val)
	other.Tensor.Data[0]++
	one := picture(2, "a", Train)
	for _, tc := range []struct {
		items []*record.Item
		sets  string
	}{
		{[]*record.Item{none, val, test, one}, "test"},
		{[]*record.Item{none, val, one, none}, "val"},
		{[]*record.Item{none, one, none}, ""},
	} {
		var want *record.Item
		for range 2 {
			c := NewCollection(NewSpool(1<<20, ""), RepeatPolicy{Drop: true})
			for _, item := range tc.items {
				if err := c.Add(item); err != nil {
					t.Fatal(err)
				}
			}
			if c.Entries().Len() != 2 || c.Dropped != len(tc.items)-2 {
				t.Fatalf("%d entries, %d dropped", c.Entries().Len(), c.Dropped)
			}
			at := 0
			if c.Entries().At(at).Key != none.Key {
				at = 1
			}
			got, err := c.Spool.Item(c.Entries().At(at).Number)
			if err != nil || got.Set != tc.sets {
				t.Errorf("an item of the set %q stayed (%v), want %q", got.Set, err, tc.sets)
			}
			if want != nil && (string(want.Tensor.Data) != string(got.Tensor.Data) || want.Label.Name != got.Label.Name) {
				t.Error("the order makes a difference")
			}
			want = got
			slices.Reverse(tc.items)
		}
	}
	// Of one set, too.
	kept := map[string]bool{}
	for _, order := range [][]*record.Item{{val, other}, {other, val}} {
		c := NewCollection(NewSpool(1<<20, ""), RepeatPolicy{Drop: true})
		for _, item := range order {
			if err := c.Add(item); err != nil {
				t.Fatal(err)
			}
		}
		got, err := c.Spool.Item(c.Entries().At(0).Number)
		if err != nil {
			t.Fatal(err)
		}
		if got.Label.Name != c.Entries().At(0).Label || c.DropLine() != "left out 1 items that repeat another, 1 of which have another label or set than it" {
			t.Errorf("label %s, entry %+v, %q", got.Label.Name, c.Entries().At(0), c.DropLine())
		}
		kept[got.Label.Name] = true
	}
	if len(kept) != 1 {
		t.Error("the order decides which of two items of a set stays")
	}
}

func TestRepeatPolicy(t *testing.T) {
	var p RepeatPolicy
	for _, text := range []string{"drop", "error"} {
		if err := p.Set(text); err != nil || p.String() != text || p.Drop != (text == "drop") {
			t.Errorf("%s: %v, %+v", text, err, p)
		}
	}
	if p.Set("keep") == nil {
		t.Error("an unknown policy is taken")
	}
}
