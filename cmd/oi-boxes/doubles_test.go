package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/record"
)

// realClasses are those that the real rows are of.
var realClasses = strings.Fields("Apple Banana Cake Candy Carrot Cookie Doughnut Grape Hot_dog Juice Muffin Orange Pineapple Popcorn Salad Watermelon")

// TestRealDoubles looks for boxes on one object in real rows, of which 106 are
// both a cake and a muffin. What is found is the same when an index is there.
func TestRealDoubles(t *testing.T) {
	real := oitest.RealData(t, "openimages/mirror")
	cache := t.TempDir()
	ask := func(more ...string) (items []*record.Item, stderr string) {
		t.Helper()
		args := append([]string{"--dataset", "v4", "--metadata", real, "--cache", cache, "--subset", "train,validation,test"}, more...)
		code, stdout, stderr := execute(t.Context(), "", append(args, realClasses...)...)
		if code != 0 {
			t.Fatalf("%v: exit code %d\n%s", more, code, stderr)
		}
		_, items, _ = cmdtest.Decode(t, stdout)
		return items, stderr
	}
	var lists [2]string
	for i := range lists {
		name := filepath.Join(t.TempDir(), "doubles.csv")
		items, stderr := ask("--doubles", name)
		if len(items) != 6741 || !strings.Contains(stderr, "oi-boxes: 218 boxes lie on one object under two labels (Cake + Muffin 106, Cookie + Muffin 5, Candy + Doughnut 4, ") {
			t.Fatalf("%d items\n%s", len(items), stderr)
		}
		list, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		lists[i] = string(list)
		dropped, stderr := ask("--double-labels", "drop")
		if len(dropped) != 6741-218 || !strings.Contains(stderr, "218 removed (double label: 218)") {
			t.Fatalf("%d items\n%s", len(dropped), stderr)
		}
		excluded, _ := ask("--exclude-ids", name)
		if len(excluded) != len(dropped) {
			t.Errorf("%d items are left by the list, %d by the rule", len(excluded), len(dropped))
		}
		for k := range excluded {
			if excluded[k].Key != dropped[k].Key {
				t.Fatalf("item %d is %s by the list, %s by the rule", k, excluded[k].Key, dropped[k].Key)
			}
		}
	}
	if lists[0] != lists[1] || strings.Count(lists[0], "\n") != 1+2*126 {
		t.Errorf("lists of %d and %d bytes", len(lists[0]), len(lists[1]))
	}
}
