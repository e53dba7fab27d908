package dataset

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/record"
)

// scene returns an item of a 40x40 picture that depends on look, and brighter by
// more.
func scene(n, look int, set string, more int) *record.Item {
	const side = 40
	rng := rand.New(rand.NewPCG(uint64(look), 9))
	var grid [6][6]int
	for y := range grid {
		for x := range grid[y] {
			grid[y][x] = rng.IntN(180)
		}
	}
	item := picture(n, "a", set)
	item.Tensor = &record.Tensor{Shape: []int{side, side, 3}, DType: "uint8"}
	for y := range side {
		for x := range side {
			v := byte(20 + more + grid[y*6/side][x*6/side])
			item.Tensor.Data = append(item.Tensor.Data, v, v, v)
		}
	}
	return item
}

func TestNearDuplicates(t *testing.T) {
	flat := func(n int, set string) *record.Item {
		item := scene(n, 0, set, 0)
		item.Tensor.Data = make([]byte, len(item.Tensor.Data))
		return item
	}
	items := []*record.Item{
		scene(1, 1, Test, 0), scene(2, 2, Test, 0), scene(3, 2, Test, 9), // two of one set are of no interest
		scene(11, 1, Val, 5), scene(12, 3, Val, 0), scene(13, 4, Val, 0),
		scene(21, 1, Train, 12), scene(22, 3, Train, 7), scene(23, 5, Train, 0), scene(24, 5, Train, 3), scene(25, 6, Train, 0),
		flat(31, Train), flat(32, Test), flat(33, Val),
	}
	want := "11-1 21-1 22-12"
	for round := range 3 {
		rand.New(rand.NewPCG(uint64(round), 1)).Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
		c := collect(t, items...)
		c.Divide(DefaultSplit())
		found, err := c.NearDuplicates(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, near := range found {
			got = append(got, strings.TrimLeft(fmt.Sprintf("%s-%s", near.Entry.Key[:4], strings.TrimLeft(near.HeldOut.Key[:4], "0")), "0"))
			if near.Correlation < .85 || near.Correlation > 1.0001 {
				t.Errorf("%+v", near)
			}
		}
		if strings.Join(got, " ") != want {
			t.Fatalf("got %v, want %s", got, want)
		}
		if n := c.RemoveNear(found); n != 3 || keys(c.Of(Test)) != "1 2 3 32" || keys(c.Of(Val)) != "12 13 33" || keys(c.Of(Train)) != "23 24 25 31" {
			t.Errorf("removed %d, left %s; %s; %s", n, keys(c.Of(Test)), keys(c.Of(Val)), keys(c.Of(Train)))
		}
		if c.LeftOut[NearDuplicate].Of(Train) != 2 || c.LeftOut[NearDuplicate].Of(Val) != 1 {
			t.Errorf("left out %v", c.LeftOut)
		}
	}
}

// BenchmarkNearDuplicates measures the finding alone, of crops of 128 pixels.
func BenchmarkNearDuplicates(b *testing.B) {
	c := NewCollection(NewSpool(2<<30, ""), RepeatPolicy{})
	rng := rand.New(rand.NewPCG(1, 1))
	const side, n = 128, 10_000
	for i := range n {
		item := picture(i, "a", []string{Train, Train, Train, Val, Test}[i%5])
		item.Tensor = &record.Tensor{Shape: []int{side, side, 3}, DType: "uint8", Data: make([]byte, side*side*3)}
		for k := range item.Tensor.Data {
			item.Tensor.Data[k] = byte(rng.Uint32())
		}
		if err := c.Add(item); err != nil {
			b.Fatal(err)
		}
	}
	c.Divide(DefaultSplit())
	for b.Loop() {
		if _, err := c.NearDuplicates(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/item")
}

// TestNearPairs: within a set and across sets, each with all that it is near.
func TestNearPairs(t *testing.T) {
	c := collect(t, scene(1, 1, Test, 0), scene(2, 2, Train, 0), scene(3, 1, Train, 9), scene(4, 3, Val, 0), scene(5, 1, Val, 14), scene(6, 2, Train, 3))
	c.Divide(DefaultSplit())
	var got []string
	err := c.NearPairs(t.Context(), c.Entries(), func(a, b int) {
		got = append(got, fmt.Sprint(c.Entries().At(a).Key[3:4], c.Entries().At(b).Key[3:4]))
	})
	slices.Sort(got)
	if want := "13,15,26,35"; err != nil || strings.Join(got, ",") != want {
		t.Errorf("%v %v, want %s", err, got, want)
	}
}
