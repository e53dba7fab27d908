package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/cmd/internal/openimages"
	"github.com/opensandwich/oi/cmd/internal/openimages/selection"
	"github.com/opensandwich/oi/record"
)

// A place is where a query is asked: flags that name a data set.
type place struct {
	name string
	args []string
	// classes are asked for; there are boxes of each.
	classes []string
}

func places(t *testing.T) []place {
	list := []place{
		{"sample", []string{"--dataset", "sample"}, []string{"Hamburger", "Sandwich", "Pizza"}},
		{"made up", []string{"--metadata", madeUp(t), "--max-skips", "100%"}, []string{"Hamburger", "Sandwich", "Pizza"}},
	}
	real, ok := oitest.FindRealData(t, "openimages/mirror")
	if !ok {
		return list
	}
	return append(list,
		place{"real", []string{"--metadata", real}, []string{"Hot dog", "Muffin", "Cookie", "Popcorn"}},
		// The marks of the rows above are not known, of these they are.
		place{"real marks", []string{"--dataset", "v4", "--metadata", oldRows(t, real), "--subset", "train,validation,test"}, []string{"Person/", "Tree", "Vehicle/"}},
	)
}

// oldRows lays out the first rows of the oldest lists as the newer ones are.
func oldRows(t *testing.T, real string) string {
	t.Helper()
	from := filepath.Join(real, "..", "metadata", "2017_11")
	dir := t.TempDir()
	d, err := openimages.LookupDataset("v4")
	if err != nil {
		t.Fatal(err)
	}
	paths := map[string]string{
		filepath.Join(real, d.Classes.Path):   d.Classes.Path,
		filepath.Join(real, d.Hierarchy.Path): d.Hierarchy.Path,
	}
	for _, subset := range openimages.Subsets() {
		boxes, err := d.Boxes(subset)
		if err != nil {
			t.Fatal(err)
		}
		images, err := d.Images(subset)
		if err != nil {
			t.Fatal(err)
		}
		paths[filepath.Join(from, subset, "annotations-human-bbox.csv")] = boxes.Path
		paths[filepath.Join(from, subset, "images.csv")] = images.Path
	}
	for from, to := range paths {
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, to), string(data))
	}
	return dir
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// madeUp writes a data set in which all values of all flags occur, rows are
// repeated in other digits, boxes are empty, and photos are not in the image
// list.
func madeUp(t *testing.T) string {
	t.Helper()
	rng := rand.New(rand.NewPCG(5, 6))
	dir := t.TempDir()
	d, err := openimages.LookupDataset("v7")
	if err != nil {
		t.Fatal(err)
	}
	write := func(path, text string) { writeFile(t, filepath.Join(dir, path), text) }
	write(d.Classes.Path, "LabelName,DisplayName\n/m/0cdn1,Hamburger\n/m/0l515,Sandwich\n/m/0663v,Pizza\n/m/02wbm,Food\n/m/01g317,Person\n")
	write(d.Hierarchy.Path, `{"LabelName":"/m/0bl9f","Subcategory":[{"LabelName":"/m/02wbm","Subcategory":[
		{"LabelName":"/m/0663v"},{"LabelName":"/m/0l515","Subcategory":[{"LabelName":"/m/0cdn1"}]}]},{"LabelName":"/m/01g317"}]}`)
	mids := []string{"/m/0cdn1", "/m/0l515", "/m/0663v", "/m/02wbm", "/m/01g317"}
	for n, subset := range openimages.Subsets() {
		boxes, images := []string{}, []string{}
		for p := range 60 {
			id := fmt.Sprintf("%x%015x", n, p*0x345678)
			for range 1 + rng.IntN(6) {
				x, y := rng.IntN(80), rng.IntN(80)
				row := fmt.Sprintf("%s,x,%s,1,%.2f,%.2f,%.2f,%.2f", id, mids[rng.IntN(len(mids))],
					float64(x)/100, float64(x+1+rng.IntN(100-x))/100, float64(y)/100, float64(y+1+rng.IntN(100-y))/100)
				marks := ""
				for range 5 {
					marks += "," + strconv.Itoa(rng.IntN(3)-1)
				}
				boxes = append(boxes, row+marks)
				switch rng.IntN(10) {
				case 0: // again
					boxes = append(boxes, row+"0"+marks)
				case 1: // and again
					boxes = append(boxes, row+marks, row+"e0"+marks)
				case 2:
					boxes = append(boxes, fmt.Sprintf("%s,x,%s,1,0.5,0.5,0.%d,0.9%s", id, mids[rng.IntN(len(mids))], rng.IntN(9), marks))
				}
			}
			author := []string{"", "", "http://x/anna", "http://x/ben", fmt.Sprintf("http://x/%d", p)}[rng.IntN(5)]
			if rng.IntN(8) > 0 {
				images = append(images, id+",http://photo/"+id+","+author+",")
			}
		}
		boxFile, err := d.Boxes(subset)
		if err != nil {
			t.Fatal(err)
		}
		imageFile, err := d.Images(subset)
		if err != nil {
			t.Fatal(err)
		}
		write(boxFile.Path, "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside\n"+strings.Join(boxes, "\n")+"\n")
		write(imageFile.Path, "ImageID,OriginalURL,AuthorProfileURL,Author\n"+strings.Join(images, "\n")+"\n")
	}
	return dir
}

// answer asks the command, which must go well or find nothing left, and checks
// that its account balances.
func (p place) answer(t *testing.T, args ...string) ([]*record.Item, *record.End) {
	t.Helper()
	args = slices.Concat(p.args, args, p.classes)
	code, stdout, stderr := execute(t.Context(), "", args...)
	if code != 0 {
		if strings.Contains(stderr, "no box is left") && len(stdout) == 0 {
			return nil, nil
		}
		t.Fatalf("%q: exit code %d\n%s", args, code, stderr)
	}
	_, items, end := cmdtest.Decode(t, stdout)
	c := end.Stages[0]
	if !c.Balanced() || c.Out != int64(len(items)) {
		t.Errorf("%q: %d items, account %+v", args, len(items), c)
	}
	return items, end
}

// byKey indexes items.
func byKey(items []*record.Item) map[string]*record.Item {
	m := map[string]*record.Item{}
	for _, item := range items {
		m[item.Key] = item
	}
	return m
}

// subsetOf checks that each item is also in whole, field by field: its set and
// what it avoids do not change with what else is asked.
func subsetOf(t *testing.T, what string, items []*record.Item, whole map[string]*record.Item) {
	t.Helper()
	for _, item := range items {
		other := whole[item.Key]
		if other == nil {
			t.Errorf("%s: %s is not in the whole", what, item.Key)
		} else if !reflect.DeepEqual(other, item) {
			t.Errorf("%s: %s (- whole, + here)\n%s", what, item.Key, gocmp.Diff(other, item))
		}
	}
}

// TestNothingElseChanges checks that filters, limits, shards and the order of
// the classes decide which items there are, and nothing of the items.
func TestNothingElseChanges(t *testing.T) {
	for _, p := range places(t) {
		t.Run(p.name, func(t *testing.T) {
			items, _ := p.answer(t, "--subset", "train,validation", "--split", "hash")
			whole := byKey(items)
			for _, args := range [][]string{
				{"--occluded", "no"}, {"--truncated", "known"}, {"--group-of", "yes"}, {"--depiction", "any"}, {"--inside", "no"},
				{"--min-side", "0.2"}, {"--min-area", "0.1"}, {"--aspect", "0.5:2"}, {"--limit", "37"}, {"--max-per-class", "9"},
				{"--balance"}, {"--shard", "2/3"}, {"--balance", "--limit", "20", "--shard", "1/2", "--min-side", "0.05", "--seed", "3"},
			} {
				some, _ := p.answer(t, append([]string{"--subset", "validation,train", "--split", "hash"}, args...)...)
				subsetOf(t, fmt.Sprint(args), some, whole)
			}
			turned := p
			turned.classes = slices.Clone(p.classes)
			slices.Reverse(turned.classes)
			again, _ := turned.answer(t, "--subset", "train,validation", "--split", "hash")
			if !reflect.DeepEqual(items, again) {
				t.Errorf("another order of the classes: %s", gocmp.Diff(items, again))
			}
		})
	}
}

// TestShards checks that shards divide the answer and keep photos together.
func TestShards(t *testing.T) {
	for _, p := range places(t) {
		t.Run(p.name, func(t *testing.T) {
			args := []string{"--limit", "60", "--min-side", "0.05"}
			items, end := p.answer(t, args...)
			whole := byKey(items)
			for _, n := range []int{1, 2, 7} {
				where := map[string]int{}
				sum := 0
				for i := 1; i <= n; i++ {
					part, partEnd := p.answer(t, append(args, "--shard", fmt.Sprintf("%d/%d", i, n))...)
					sum += len(part)
					subsetOf(t, fmt.Sprintf("%d/%d", i, n), part, whole)
					for _, item := range part {
						if before, ok := where[item.ID]; ok && before != i {
							t.Errorf("photo %s is in shards %d and %d of %d", item.ID, before, i, n)
						}
						where[item.ID] = i
					}
					others := partEnd.Stages[0].Removed[selection.ReasonShard]
					if others != int64(len(items)-len(part)) {
						t.Errorf("%d/%d: %d of %d items, %d left to others", i, n, len(part), len(items), others)
					}
					// What the other rules took away does
					// not depend on the shard.
					removed := maps.Clone(partEnd.Stages[0].Removed)
					delete(removed, selection.ReasonShard)
					if !maps.Equal(removed, end.Stages[0].Removed) {
						t.Errorf("%d/%d: removed %v, of the whole %v", i, n, removed, end.Stages[0].Removed)
					}
				}
				if sum != len(items) {
					t.Errorf("%d shards have %d of %d items", n, sum, len(items))
				}
			}
		})
	}
}

// TestLimitsGrow checks that a larger limit keeps what a smaller one kept, and
// that limits are as even as the boxes allow.
func TestLimitsGrow(t *testing.T) {
	for _, p := range places(t) {
		t.Run(p.name, func(t *testing.T) {
			items, _ := p.answer(t)
			have := perLabel(items)
			for _, flag := range []string{"--limit", "--max-per-class"} {
				var before []*record.Item
				for _, n := range []int{1, 2, 3, 8, 21, 55, 400} {
					kept, _ := p.answer(t, flag, strconv.Itoa(n))
					subsetOf(t, fmt.Sprintf("%s %d", flag, n), before, byKey(kept))
					before = kept
					got := perLabel(kept)
					want := map[string]int{}
					total := 0
					for label, m := range have {
						want[label] = min(m, n)
						total += m
					}
					if flag == "--max-per-class" && !maps.Equal(got, want) {
						t.Errorf("%s %d: got %v, want %v", flag, n, got, want)
					}
					if flag == "--limit" {
						if len(kept) != min(n, total) {
							t.Errorf("%s %d: got %d of %d", flag, n, len(kept), total)
						}
						most := 0
						for _, m := range got {
							most = max(most, m)
						}
						for label, m := range have {
							if got[label] < m && got[label] < most-1 {
								t.Errorf("%s %d: %s has %d of %d, another %d", flag, n, label, got[label], m, most)
							}
						}
					}
				}
			}
			balanced, _ := p.answer(t, "--balance")
			least := len(items)
			for _, n := range have {
				least = min(least, n)
			}
			for label, n := range perLabel(balanced) {
				if n != least {
					t.Errorf("--balance: %d of %s, want %d", n, label, least)
				}
			}
		})
	}
}

func perLabel(items []*record.Item) map[string]int {
	m := map[string]int{}
	for _, item := range items {
		m[item.Label.Name]++
	}
	return m
}

// TestFiltersAgainstNaive asks for random combinations of filters and compares
// with a plain look at the items of the unfiltered answer.
func TestFiltersAgainstNaive(t *testing.T) {
	for _, p := range places(t) {
		t.Run(p.name, func(t *testing.T) {
			items, end := p.answer(t)
			rng := rand.New(rand.NewPCG(1, 2))
			rounds := 25
			if len(items) > 1000 {
				rounds = 8
			}
			for range rounds {
				var args []string
				var tests []func(*record.Item) bool
				for _, m := range []struct {
					flag string
					of   func(b *record.Box) int
				}{
					{"--occluded", func(b *record.Box) int { return b.Occluded }},
					{"--truncated", func(b *record.Box) int { return b.Truncated }},
					{"--group-of", func(b *record.Box) int { return b.GroupOf }},
					{"--depiction", func(b *record.Box) int { return b.Depiction }},
					{"--inside", func(b *record.Box) int { return b.Inside }},
				} {
					if rng.IntN(3) > 0 {
						continue
					}
					want := []string{"yes", "no", "any", "known"}[rng.IntN(4)]
					ok := map[string]map[int]bool{
						"yes": {1: true}, "no": {0: true}, "known": {0: true, 1: true}, "any": {-1: true, 0: true, 1: true},
					}[want]
					args = append(args, m.flag, want)
					tests = append(tests, func(item *record.Item) bool { return ok[m.of(item.Box)] })
				}
				if rng.IntN(3) == 0 {
					side := float64(rng.IntN(40)) / 100
					args = append(args, "--min-side", fmt.Sprint(side))
					tests = append(tests, func(i *record.Item) bool {
						return i.Box.XMax-i.Box.XMin > side-1e-9 && i.Box.YMax-i.Box.YMin > side-1e-9
					})
				}
				if rng.IntN(3) == 0 {
					area := float64(rng.IntN(30)) / 100
					args = append(args, "--min-area", fmt.Sprint(area))
					tests = append(tests, func(i *record.Item) bool { return (i.Box.XMax-i.Box.XMin)*(i.Box.YMax-i.Box.YMin) > area-1e-9 })
				}
				if rng.IntN(3) == 0 {
					args = append(args, "--aspect", "0.5:1.5")
					tests = append(tests, func(i *record.Item) bool {
						w, h := i.Box.XMax-i.Box.XMin, i.Box.YMax-i.Box.YMin
						return w > 0.5*h-1e-9 && w < 1.5*h+1e-9
					})
				}
				var want []*record.Item
				for _, item := range items {
					if !slices.ContainsFunc(tests, func(ok func(*record.Item) bool) bool { return !ok(item) }) {
						want = append(want, item)
					}
				}
				got, gotEnd := p.answer(t, args...)
				if !slices.EqualFunc(want, got, func(a, b *record.Item) bool { return reflect.DeepEqual(a, b) }) {
					t.Fatalf("%q: got %d items, want %d", args, len(got), len(want))
				}
				if gotEnd != nil && gotEnd.Stages[0].In != end.Stages[0].In {
					t.Errorf("%q: %d rows came in, %d unfiltered", args, gotEnd.Stages[0].In, end.Stages[0].In)
				}
			}
		})
	}
}

// TestFilterEdges has boxes that are just large enough, in digits that a
// computer cannot hold.
func TestFilterEdges(t *testing.T) {
	box := openimages.BoxRow{Box: record.Box{XMin: 0.2, XMax: 0.3, YMin: 0.7, YMax: 0.8}}
	for _, f := range []filters{{minSide: 0.1}, {minArea: 0.01}, {aspect: "1:1"}} {
		f.marks = []string{all, all, all, all, all}
		if err := f.check(); err != nil {
			t.Fatal(err)
		}
		if reason := f.refuse(&box); reason != "" {
			t.Errorf("%+v: %s", f, reason)
		}
	}
	f := filters{minSide: 0.100001, marks: []string{all, all, all, all, all}}
	if f.check() != nil || f.refuse(&box) != reasonSide {
		t.Error("a box that is too small by the last digit is kept")
	}
}

// TestIDs checks both lists of ids against each other.
func TestIDs(t *testing.T) {
	for _, p := range places(t) {
		t.Run(p.name, func(t *testing.T) {
			items, _ := p.answer(t)
			whole := byKey(items)
			listed := map[string]bool{}
			list := "ImageID,Reason\n# photos, in forms in which lists have them, and a single box\n"
			for i, item := range items {
				switch i % 9 {
				case 0:
					listed[item.ID] = true
					list += item.ID + ",dark\r\n"
				case 1:
					listed[item.ID] = true
					list += "train/" + item.ID + ".jpg\n"
				case 2:
					listed[item.Key] = true
					list += item.Key + "  wrong box\n"
				}
			}
			path := filepath.Join(t.TempDir(), "ids")
			if err := os.WriteFile(path, []byte(list), 0o600); err != nil {
				t.Fatal(err)
			}
			in, _ := p.answer(t, "--ids", path)
			out, _ := p.answer(t, "--exclude-ids", path)
			subsetOf(t, "--ids", in, whole)
			subsetOf(t, "--exclude-ids", out, whole)
			if len(in)+len(out) != len(items) || len(in) == 0 || len(out) == 0 {
				t.Errorf("%d in, %d out, %d in all", len(in), len(out), len(items))
			}
			for _, item := range in {
				if !listed[item.ID] && !listed[item.Key] {
					t.Errorf("%s is not listed", item.Key)
				}
			}
		})
	}
}
