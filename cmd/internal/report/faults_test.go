package report

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
)

// TestFaults: what was found in the data is on the page with its pictures, six
// at once and the others folded, and a key that stands for a partner is named.
func TestFaults(t *testing.T) {
	const side = 8
	r := example(t)
	list := FaultList{Kind: PoorCrops, Items: 40, Counts: map[string]int{"tiny": 40}, File: "poor.csv"}
	for i := 0; !list.Full(); i++ {
		item := cmdtest.Crop(i, "<b>", "train", side, side, make([]byte, side*side*3))
		list.Show(Fault{Key: item.Key, Label: "<b>", Set: "train", What: fmt.Sprintf("tiny: %d pixels", i)}, item, nil)
	}
	near := FaultList{Kind: NearDuplicates, Items: 1, Left: true, Examples: []Fault{}}
	one, other := cmdtest.Crop(100, "a", "train", side, side, make([]byte, side*side*3)), cmdtest.Crop(101, "a", "test", side, side, make([]byte, side*side*3))
	near.Show(Fault{Key: one.Key, Label: "a", Set: "train", What: "nearly a of test", Partner: other.Key}, one, other)
	r.Faults = []FaultList{list, near}
	var b bytes.Buffer
	if err := r.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	_, page, found := strings.Cut(b.String(), `<h2 id="faults">`)
	if !found || !strings.Contains(b.String(), `<a href="#faults">`) {
		t.Fatal("the page has no such section")
	}
	page, _, _ = strings.Cut(page, "<h2")
	for _, want := range []string{
		"<h3>40 tiny, extreme or blurred crops</h3>", "40 tiny.", "Listed in <code>poor.csv</code>", "Shown are 24 of them:", "<summary>18 more</summary>",
		"<h3>1 nearly held-out pictures</h3>", "They are left out of what the model is trained on.", other.Key + ", nearly the same as " + one.Key, "<b>&lt;b&gt;</b> (train), tiny: 23 pixels",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if n := strings.Count(page, "data:image/jpeg"); n != maxFaults+2 {
		t.Errorf("%d pictures", n)
	}
	before, _, _ := strings.Cut(page, "<details")
	if n := strings.Count(before, `<div class="card">`); n != firstCards {
		t.Errorf("%d cards before the fold", n)
	}
	if regexp.MustCompile(`<script|onclick`).MatchString(b.String()) {
		t.Error("the page has a script")
	}
}
