package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/record"
)

// caseOf lays out one of the small data sets beside the repository, with the
// official classes and hierarchy, or skips.
func caseOf(t *testing.T, name string) place {
	t.Helper()
	from, to := oitest.Case(t, filepath.Join("boxes", name)), t.TempDir()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	official := oitest.RealData(t, "openimages/mirror/2018_04")
	for file, source := range map[string]string{
		"class-descriptions-boxable.csv": "class-descriptions-boxable.csv", "class-descriptions.csv": "class-descriptions-boxable.csv",
		"bbox_labels_600_hierarchy.json": "bbox_labels_600_hierarchy.json",
	} {
		data, err := os.ReadFile(filepath.Join(official, source))
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(to, "2018_04", file), string(data))
	}
	return place{name, []string{"--dataset", "v4", "--metadata", to}, nil}
}

// negativesOf tells items from negatives.
func negativesOf(items []*record.Item) (asked, negatives []string) {
	for _, item := range items {
		if strings.HasPrefix(item.Label.Name, "not ") {
			negatives = append(negatives, item.Key)
		} else {
			asked = append(asked, item.Label.Name+" "+item.Key)
		}
	}
	return asked, negatives
}

// tell asks the command and returns what it says, too.
func (p place) tell(t *testing.T, args ...string) (asked, negatives []string, stderr string) {
	t.Helper()
	code, stdout, stderr := execute(t.Context(), "", slices.Concat(p.args, args, p.classes)...)
	if code != 0 {
		t.Fatalf("%q: exit code %d\n%s", args, code, stderr)
	}
	_, items, _ := cmdtest.Decode(t, stdout)
	asked, negatives = negativesOf(items)
	return asked, negatives, stderr
}

// TestNegativesAreWhole has rows that are repeated, and one of a photo that is
// not in the image list.
func TestNegativesAreWhole(t *testing.T) {
	p := caseOf(t, "neg")
	p.classes = []string{"Hamburger"}
	for seed := range 5 {
		for n := 1; n <= 5; n++ {
			asked, negatives, stderr := p.tell(t, "--negatives", fmt.Sprint(n), "--seed", fmt.Sprint(seed))
			want := min(n, 3)
			slices.Sort(negatives)
			if len(asked) != 1 || len(slices.Compact(negatives)) != want || strings.Contains(stderr, "duplicate") || strings.Contains(stderr, "not in image list") {
				t.Errorf("seed %d: %q of %d negatives\n%s", seed, negatives, n, stderr)
			}
			if warned := strings.Contains(stderr, fmt.Sprintf("oi-boxes: only 3 for --negatives %d: no more are left\n", n)); warned != (n > 3) {
				t.Errorf("seed %d: %d negatives asked for\n%s", seed, n, stderr)
			}
		}
	}
}

// TestNegativesHoldNobodyOut has an author with a box in train and a negative
// in validation.
func TestNegativesHoldNobodyOut(t *testing.T) {
	p := caseOf(t, "strict")
	p.classes = []string{"Hamburger"}
	want, _, _ := p.tell(t, "--subset", "train,validation", "--strict-authors")
	for seed := range 5 {
		for n := 1; n <= 3; n++ {
			asked, negatives, stderr := p.tell(t, "--subset", "train,validation", "--strict-authors", "--negatives", fmt.Sprint(n), "--seed", fmt.Sprint(seed))
			if len(want) != 3 || !slices.Equal(asked, want) || len(negatives) != 1 ||
				!strings.Contains(stderr, "oi-boxes: --strict-authors: negatives of validation or test by authors with train rows: 1, as no others are left\n") {
				t.Errorf("seed %d, %d negatives: %q and %q, without negatives %q\n%s", seed, n, asked, negatives, want, stderr)
			}
		}
	}
}

// TestNegativesShowNoKind has a photo that is verified to show a kind of one of
// the classes, which is also above another.
func TestNegativesShowNoKind(t *testing.T) {
	p := caseOf(t, "deny")
	for _, classes := range [][]string{{"Food"}, {"Food", "Muffin"}, {"Food/", "Muffin"}, {"Food+Muffin"}, {"x=Muffin+Food"}, {"Muffin", "Food", "Baked goods"}} {
		p.classes = classes
		asked, negatives, stderr := p.tell(t, "--image-labels", "--negatives", "1")
		if len(negatives) > 0 || len(asked) == 0 || !strings.Contains(stderr, "oi-boxes: only 0 for --negatives 1: no more are left\n") {
			t.Errorf("%q: %q and %q\n%s", classes, asked, negatives, stderr)
		}
	}
	// Of Muffin alone it is one: that its kind was seen says nothing of
	// muffins.
	p.classes = []string{"Muffin"}
	if asked, negatives, stderr := p.tell(t, "--image-labels", "--negatives", "1"); len(asked) != 1 || len(negatives) != 1 {
		t.Errorf("%q and %q\n%s", asked, negatives, stderr)
	}
}

// TestFallsShort asks for more than there is, or for what the filters take
// away.
func TestFallsShort(t *testing.T) {
	p := place{"sample", []string{"--dataset", "sample"}, []string{"Hamburger", "Pizza"}}
	_, _, stderr := p.tell(t)
	if strings.Contains(stderr, "left") {
		t.Errorf("nothing falls short\n%s", stderr)
	}
	items, _ := p.answer(t)
	most := len(items)
	for n, want := range map[int]bool{most - 1: false, most: false, most + 1: true} {
		for _, shard := range []string{"1/1", "1/2"} {
			_, _, stderr := p.tell(t, "--limit", fmt.Sprint(n), "--shard", shard)
			if got := strings.Contains(stderr, fmt.Sprintf("oi-boxes: only %d for --limit %d: no more are left\n", most, n)); got != want {
				t.Errorf("--limit %d of %d, shard %s: warned %v\n%s", n, most, shard, got, stderr)
			}
		}
	}
	// The one box of Hamburger.
	file := filepath.Join(t.TempDir(), "ids")
	writeFile(t, file, items[0].Key+"\n")
	other := map[string]string{"Hamburger": "Pizza", "Pizza": "Hamburger"}[items[0].Label.Name]
	for _, args := range [][]string{{"--balance"}, {"--max-per-class", "5"}, nil} {
		_, _, stderr = p.tell(t, append(args, "--ids", file)...)
		if !strings.Contains(stderr, "oi-boxes: no box of "+other+" is left\n") || strings.Contains(stderr, "no box of "+items[0].Label.Name+" is left") {
			t.Errorf("%q: %s", args, stderr)
		}
	}
	// What a limit takes was meant to be taken.
	if _, _, stderr = p.tell(t, "--limit", "1"); strings.Contains(stderr, "is left") {
		t.Errorf("--limit 1: %s", stderr)
	}
}
