package dataset

import (
	"errors"
	"strings"
	"testing"

	"github.com/opensandwich/oi/record"
)

// Items that were dropped for others of another set are not said never to have
// been there, whichever came first.
func TestLeftOutAsRepeats(t *testing.T) {
	for name, sets := range map[string][2]string{"train first": {Train, Val}, "train last": {Val, Train}} {
		c := NewCollection(NewSpool(1<<20, ""), RepeatPolicy{Drop: true})
		for _, set := range sets {
			for n, label := range []string{"a", "b"} {
				if err := c.Add(picture(n, label, set)); err != nil {
					t.Fatal(err)
				}
			}
		}
		c.Divide(DefaultSplit())
		err := c.Counts().Check([]string{"a", "b"}, c.LeftOut)
		var problem *Problem
		if !errors.As(err, &problem) || !strings.Contains(problem.Text, "all items of the set train were left out, 2 as repeated") || !strings.Contains(problem.Next, "--repeats drop") {
			t.Errorf("%s: %#v", name, err)
		}
		if err := c.Spool.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A set, or a class of it, of which all was left out is not said to be one that
// nobody asked for.
func TestLeftOut(t *testing.T) {
	twin := func(n int, label string, of int) *record.Item {
		item := picture(n, label, Train)
		item.Fetched.SHA256 = picture(of, "", "").Fetched.SHA256
		return item
	}
	held := []*record.Item{picture(7, "a", Val), picture(8, "b", Val)}
	for name, tc := range map[string]struct {
		items      []*record.Item
		remove     string // label
		more       int    // left out before, of labels not known
		text, hint string
	}{
		"all of train":         {append(held, twin(1, "a", 7), twin(2, "b", 7), twin(3, "b", 8)), "", 0, "no items to train on: all items of the set train were left out, 3 as duplicate of a held-out picture", "--split hash"},
		"all of a class":       {append(held, picture(1, "a", Train), twin(2, "b", 7)), "", 0, "no b to train on: all items of b in the set train were left out, 1 as duplicate of a held-out picture", "--split hash"},
		"by two reasons":       {append(held, twin(1, "a", 7), picture(2, "c", Train)), "c", 0, "all items of the set train were left out, 1 as duplicate of a held-out picture, 1 as no more", "--split hash"},
		"by another reason":    {append(held, picture(2, "c", Train)), "c", 0, "all items of the set train were left out, 1 as no more", "ask for more boxes"},
		"of val":               {[]*record.Item{picture(1, "a", Train), picture(2, "b", Train), picture(3, "c", Val)}, "c", 0, "no items to validate with: all items of the set val were left out, 1 as no more", "ask for more boxes"},
		"before":               {held, "", 12, "all items of the set train were left out, 12 as duplicate of a held-out picture", "--split hash"},
		"nothing":              {held, "", 0, "the set train is empty", "--subset train"},
		"nothing of a class":   {append(held, picture(1, "a", Train), twin(2, "a", 7)), "", 0, "no b to train on: the set train has none", "leave the class out"},
		"nothing of val":       {[]*record.Item{picture(1, "a", Train), picture(2, "b", Train)}, "", 0, "the set val is empty", "--subset"},
		"enough of everything": {append(held, picture(1, "a", Train), picture(2, "b", Train), twin(3, "b", 8)), "", 0, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := collect(t, tc.items...)
			c.Divide(DefaultSplit())
			if tc.remove != "" {
				c.RemoveLabel(tc.remove, "no more")
			}
			c.RemoveDuplicates()
			c.LeftOut.Add(Duplicate, Train, "", tc.more)
			err := c.Counts().Check([]string{"a", "b"}, c.LeftOut)
			if tc.text == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var problem *Problem
			if !errors.As(err, &problem) || !strings.Contains(problem.Text, tc.text) || !strings.Contains(problem.Next, tc.hint) {
				t.Errorf("%#v, want %q and the hint %q", err, tc.text, tc.hint)
			}
		})
	}
}
