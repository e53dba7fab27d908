package main

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/opensandwich/oi/record"
)

func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"oi-boxes": main}) }

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", RequireExplicitExec: true, RequireUniqueNames: true})
}

// execute runs the command in this process.
func execute(ctx context.Context, stdin string, args ...string) (code int, stdout []byte, stderr string) {
	return cmdtest.Run(ctx, command(), []byte(stdin), args...)
}

// ask runs the command on the sample, which must go well.
func ask(t *testing.T, args ...string) (*record.Header, []*record.Item, *record.End) {
	t.Helper()
	code, stdout, stderr := execute(t.Context(), "", append([]string{"--dataset", "sample"}, args...)...)
	if code != 0 {
		t.Fatalf("%v: exit code %d\n%s", args, code, stderr)
	}
	return cmdtest.Decode(t, stdout)
}

func TestStream(t *testing.T) {
	h, items, end := ask(t, "sandwiches", "hamburger", "/m/0cdn1")
	var names []string
	for _, class := range h.Classes {
		names = append(names, class.MID+" "+class.Name)
	}
	if !slices.Equal(names, []string{"/m/0cdn1 Hamburger", "/m/0l515 Sandwich"}) {
		t.Errorf("classes %v", names)
	}
	if len(h.Stages) != 1 || h.Stages[0].Tool != "oi-boxes" || h.Stages[0].Args["classes"] != "/m/0cdn1,/m/0l515" ||
		h.Stages[0].Args["dataset"] != "sample" || h.Stages[0].Args["split"] != "hash" || h.Stages[0].Args["set-seed"] != "1" {
		t.Errorf("trail %+v", h.Stages)
	}
	if len(end.Stages) != 1 || end.Stages[0].Out != int64(len(items)) || len(items) < 500 {
		t.Errorf("%d items, end %+v", len(items), end.Stages)
	}
	groups := map[string]string{}
	sets := map[string]int{}
	keys := map[string]bool{}
	for _, item := range items {
		if item.Subset != "train" || item.Image == nil || item.Box == nil || item.Label == nil || keys[item.Key] {
			t.Fatalf("item %+v", item)
		}
		keys[item.Key] = true
		sets[item.Set]++
		for _, group := range []string{"photo " + item.ID, "author " + item.Image.AuthorURL} {
			if group == "author " {
				continue
			}
			if set, ok := groups[group]; ok && set != item.Set {
				t.Errorf("%s is in %s and %s", group, set, item.Set)
			}
			groups[group] = item.Set
		}
	}
	if len(sets) != 3 || sets["train"] < sets["val"]+sets["test"] {
		t.Errorf("sets %v", sets)
	}
}

func TestOfficialSets(t *testing.T) {
	h, items, _ := ask(t, "--subset", "test,train,validation,test", "Hamburger")
	if h.Stages[0].Args["subset"] != "train,validation,test" || h.Stages[0].Args["split"] != "official" || h.Stages[0].Args["val"] != "" {
		t.Errorf("trail %v", h.Stages[0].Args)
	}
	var order []string
	for _, item := range items {
		if want := map[string]string{"train": "train", "validation": "val", "test": "test"}[item.Subset]; item.Set != want {
			t.Fatalf("%s of %s is in %s", item.Key, item.Subset, item.Set)
		}
		if len(order) == 0 || order[len(order)-1] != item.Subset {
			order = append(order, item.Subset)
		}
	}
	if !slices.Equal(order, []string{"train", "validation", "test"}) {
		t.Errorf("order %v", order)
	}
	// The same rows divided by a hash keep nothing of their subset.
	_, hashed, _ := ask(t, "--subset", "train,validation,test", "--split", "hash", "Hamburger")
	if len(hashed) != len(items) {
		t.Errorf("%d items by hash, %d official", len(hashed), len(items))
	}
	mixed := false
	for _, item := range hashed {
		mixed = mixed || item.Subset == "validation" && item.Set != "val"
	}
	if !mixed {
		t.Error("--split hash leaves validation as it is")
	}
}

func TestStrictAuthors(t *testing.T) {
	_, items, end := ask(t, "--subset", "train,validation,test", "--strict-authors", "Hamburger", "Sandwich")
	held := map[string]bool{}
	for _, item := range items {
		if item.Set != "train" && item.Image.AuthorURL != "" {
			held[item.Image.AuthorURL] = true
		}
	}
	for _, item := range items {
		if item.Set == "train" && held[item.Image.AuthorURL] {
			t.Fatalf("%s is by %s, who is held out", item.Key, item.Image.AuthorURL)
		}
	}
	if end.Stages[0].Removed["strict authors"] == 0 {
		t.Error("the sample shares no author between its subsets")
	}
}

func TestLimitAndNegatives(t *testing.T) {
	h, items, _ := ask(t, "--limit", "50", "--negatives", "30", "Hamburger", "Sandwich")
	counts := map[string]int{}
	for _, item := range items {
		counts[item.Label.Name]++
	}
	if counts["Hamburger"] != 25 || counts["Sandwich"] != 25 || counts["not Hamburger or Sandwich"] != 30 {
		t.Errorf("counts %v", counts)
	}
	if len(h.Classes) != 3 || h.Classes[2].Name != "not Hamburger or Sandwich" {
		t.Errorf("classes %v", h.Classes)
	}
	_, other, _ := ask(t, "--limit", "50", "--negatives", "30", "--seed", "2", "Hamburger", "Sandwich")
	if len(other) != 80 || slices.EqualFunc(items, other, func(a, b *record.Item) bool { return a.Key == b.Key }) {
		t.Errorf("another seed gives the same %d items", len(other))
	}
}

func TestDescendants(t *testing.T) {
	_, burgers, _ := ask(t, "Hamburger")
	_, sandwiches, _ := ask(t, "Sandwich")
	_, both, _ := ask(t, "--with-descendants", "Sandwich")
	if len(both) != len(burgers)+len(sandwiches) {
		t.Errorf("%d with descendants, %d and %d without", len(both), len(burgers), len(sandwiches))
	}
	// Asked for together, each box goes to the most specific class, once.
	code, stdout, stderr := execute(t.Context(), "", "--dataset", "sample", "--with-descendants", "Sandwich", "Hamburger")
	_, items, _ := cmdtest.Decode(t, stdout)
	counts := map[string]int{}
	for _, item := range items {
		counts[item.Label.Name]++
	}
	if code != 0 || counts["Hamburger"] != len(burgers) || counts["Sandwich"] != len(sandwiches) {
		t.Errorf("got %d %v", code, counts)
	}
	if !strings.Contains(stderr, "oi-boxes: Hamburger is a kind of Sandwich: its boxes go to Hamburger alone\n") {
		t.Errorf("stderr %s", stderr)
	}
}

func TestNamesFromInput(t *testing.T) {
	_, want, _ := execute(t.Context(), "", "--dataset", "sample", "Hamburger", "Sandwich")
	for _, stdin := range []string{
		"/m/0l515\tSandwich\n/m/0cdn1\tHamburger\n", "sandwich\r\n\n\"Hamburger\"\n", "'hamburgers'\n/m/0l515",
	} {
		code, got, stderr := execute(t.Context(), stdin, "--dataset", "sample", "-")
		if code != 0 || !bytes.Equal(got, want) {
			t.Errorf("%q: got %d, %d bytes, %s", stdin, code, len(got), stderr)
		}
	}
	if code, _, stderr := execute(t.Context(), "\n", "--dataset", "sample", "-"); code != 2 || !strings.Contains(stderr, "no class on standard input") {
		t.Errorf("got %d %s", code, stderr)
	}
}

// TestSameBytes asks twice, and in another order.
func TestSameBytes(t *testing.T) {
	args := []string{"--dataset", "sample", "--limit", "40", "--negatives", "9", "--subset", "validation,train"}
	_, one, _ := execute(t.Context(), "", append(args, "Hamburger", "Pizza")...)
	_, two, _ := execute(t.Context(), "", append(args, "pizza", "hamburgers")...)
	if len(one) == 0 || !bytes.Equal(one, two) {
		t.Errorf("%d and %d bytes differ", len(one), len(two))
	}
}

func TestOutputFails(t *testing.T) {
	for _, tt := range []struct {
		err  error
		code int
	}{{errors.New("no space left on device"), 1}, {cli.ErrDownstreamGone, 0}} {
		for _, room := range []int{0, 70_000} {
			var stderr bytes.Buffer
			env := cmdtest.Env(strings.NewReader(""), cmdtest.FailAfter(room, tt.err), &stderr)
			if code := command().Execute(t.Context(), env, []string{"--dataset", "sample", "Hamburger"}); code != tt.code {
				t.Errorf("%v after %d bytes: exit code %d\n%s", tt.err, room, code, &stderr)
			}
		}
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if code, stdout, _ := execute(ctx, "", "--dataset", "sample", "Hamburger"); code != 130 || len(stdout) > 0 {
		t.Errorf("got %d, %d bytes", code, len(stdout))
	}
}
