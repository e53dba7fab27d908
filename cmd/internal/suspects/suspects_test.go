package suspects

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
)

// No group is divided, every item is in one fold, and a class is in as many
// folds as it can be.
func TestFolds(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		n, classes := 1+r.IntN(200), 1+r.IntN(8)
		groups, labels := make([]int, n), make([]int, n)
		for i := range groups {
			groups[i] = r.IntN(1 + n/2)
			labels[i] = groups[i] % classes // an author photographs one class
		}
		folds := Folds(groups, labels, classes, 5)
		fold := map[int]int{}
		seen := map[int]bool{}
		spread := map[int]map[int]bool{}
		distinct := map[int]map[int]bool{}
		for f, places := range folds {
			if !slices.IsSorted(places) || len(places) == 0 {
				t.Fatalf("fold %d is %v", f, places)
			}
			for _, i := range places {
				if other, ok := fold[groups[i]]; ok && other != f || seen[i] {
					t.Fatalf("group %d is in two folds, or item %d is", groups[i], i)
				}
				fold[groups[i]], seen[i] = f, true
				for _, m := range []map[int]map[int]bool{spread, distinct} {
					if m[labels[i]] == nil {
						m[labels[i]] = map[int]bool{}
					}
				}
				spread[labels[i]][f], distinct[labels[i]][groups[i]] = true, true
			}
		}
		if len(seen) != n || len(folds) != min(5, len(fold)) {
			t.Fatalf("%d of %d items in %d folds of %d groups", len(seen), n, len(folds), len(fold))
		}
		for class := range distinct {
			if want := min(len(folds), len(distinct[class])); len(spread[class]) != want {
				t.Fatalf("class %d of %d groups is in %d of %d folds", class, len(distinct[class]), len(spread[class]), len(folds))
			}
		}
	}
}

func TestAnswers(t *testing.T) {
	rows := [][]float64{{.9, .1, 0}, {.8, .2, 0}, {.3, .6, .1}, {.1, .9, 0}, {.45, .55, 0}, {.05, .95, 0}, {0, .5, .5}}
	labels := []int{0, 0, 0, 1, 0, 0, 2}
	answers := make([]Answer, len(rows), len(rows)+1)
	for i, row := range rows {
		answers[i] = NewAnswer(row, labels[i])
	}
	answers, labels = append(answers, Answer{}), append(labels, 2) // nobody answered
	Mark(answers, labels, 3)
	if a := answers[2]; a.Other != 1 || a.OfLabel != .3 || a.OfOther != .6 || !a.Differs() {
		t.Errorf("%+v", a)
	}
	if a := answers[6]; a.Other != 1 || a.Differs() {
		t.Errorf("as probable as the label is no other answer: %+v", a)
	}
	if got := Order(answers); !slices.Equal(got, []int{5, 2, 4}) {
		t.Errorf("order %v", got)
	}
	// Items of class 1 get .9 for it on average.
	for i, want := range []bool{5: true, 7: false} {
		if answers[i].Confident != want {
			t.Errorf("answer %d: %+v", i, answers[i])
		}
	}
	if a := NewAnswer([]float32{.2, .4, .4}, 0); a.Other != 1 {
		t.Errorf("of equals not the first: %+v", a)
	}
}

func TestWriteList(t *testing.T) {
	var b bytes.Buffer
	list := []Suspect{
		{Key: "000cd56bb02e4edb-01234567", Label: "Hot dog", Other: "Salad", OfLabel: .25, OfOther: .5, Set: "val", Confident: true, Also: "Bun"},
		{Key: "000cd56bb02e4edb-01234567-bg", Label: "background", Other: "Salad", Set: "train", Background: true},
		{Key: "a b,c\n#d", Label: "tab\there", Other: "new\nline", Set: "test"},
	}
	if err := WriteList(&b, list); err != nil {
		t.Fatal(err)
	}
	want := "key,label,answer,of_label,of_answer,set,confident,also_labelled\n" +
		"000cd56bb02e4edb-01234567,Hot dog,Salad,0.250000,0.500000,val,yes,Bun\n" +
		"#000cd56bb02e4edb-01234567-bg,background,Salad,0.000000,0.000000,train,no,\n" +
		"\"#a b,c #d\",tab here,new line,0.000000,0.000000,test,no,\n"
	if b.String() != want {
		t.Errorf("got\n%s", b.String())
	}
}
