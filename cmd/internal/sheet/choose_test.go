package sheet

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// offer offers n items, of three classes, and returns the chosen keys.
func offer(t *testing.T, choice Choice, order []int) []string {
	t.Helper()
	c := NewChooser(choice)
	for _, i := range order {
		item := Item{Key: fmt.Sprintf("key%d", i), Class: string(rune('c' - i%3))}
		wanted, called := c.Wants(item), false
		c.Offer(item, func() Entry {
			called = true
			return Entry{Key: item.Key, Title: item.Class}
		})
		if called && !wanted {
			t.Errorf("%s was chosen, and not wanted before", item.Key)
		}
	}
	var keys []string
	for _, e := range c.Sheet("").entries {
		keys = append(keys, e.Title+" "+e.Key)
	}
	return keys
}

func upTo(n int) (order []int) {
	for i := range n {
		order = append(order, i)
	}
	return order
}

func TestChooseFirst(t *testing.T) {
	if got := offer(t, Choice{Items: 3}, upTo(20)); !slices.Equal(got, []string{"c key0", "b key1", "a key2"}) {
		t.Errorf("the first: %v", got)
	}
	if got := offer(t, Choice{Items: 2, PerClass: true}, upTo(20)); !slices.Equal(got, []string{"a key2", "a key5", "b key1", "b key4", "c key0", "c key3"}) {
		t.Errorf("the first of each class: %v", got)
	}
	if got := offer(t, Choice{Items: 30}, upTo(20)); len(got) != 20 {
		t.Errorf("of 20: %v", got)
	}
}

// TestChooseSample: which items are in a sample depends on keys and seed alone,
// and each is as likely as another.
func TestChooseSample(t *testing.T) {
	one := offer(t, Choice{Items: 5, Seed: 1}, upTo(100))
	if !slices.Equal(one, offer(t, Choice{Items: 5, Seed: 1}, upTo(100))) || len(one) != 5 {
		t.Errorf("two samples of a seed differ: %v", one)
	}
	if slices.Equal(one, offer(t, Choice{Items: 5, Seed: 2}, upTo(100))) {
		t.Error("another seed draws the same sample")
	}
	mixed := rand.New(rand.NewPCG(1, 2)).Perm(100)
	again := offer(t, Choice{Items: 5, Seed: 1}, mixed)
	slices.Sort(again)
	slices.Sort(one)
	if !slices.Equal(one, again) {
		t.Errorf("in another order: %v, want %v", again, one)
	}
	counts := make([]int, 10)
	for seed := range uint64(2000) {
		for _, key := range offer(t, Choice{Items: 3, Seed: seed + 1}, upTo(10)) {
			counts[key[len(key)-1]-'0']++
		}
	}
	for i, n := range counts { // 600 expected, sigma 20.5
		if n < 500 || n > 700 {
			t.Errorf("item %d was drawn %d times of 600", i, n)
		}
	}
	if got := offer(t, Choice{Items: 4, PerClass: true, Seed: 3}, upTo(60)); len(got) != 12 {
		t.Errorf("4 of each of 3 classes: %v", got)
	}
}

// TestChooseBounded: memory does not grow with the number of classes.
func TestChooseBounded(t *testing.T) {
	c := NewChooser(Choice{Items: 2, PerClass: true})
	for i := range 3 * MaxEntries {
		c.Offer(Item{Key: fmt.Sprint(i), Class: fmt.Sprint(i / 3)}, func() Entry { return Entry{} })
	}
	if n := c.Sheet("").Len(); n != MaxEntries || !c.Over() {
		t.Errorf("%d entries, over: %v", n, c.Over())
	}
}
