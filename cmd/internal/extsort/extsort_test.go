package extsort

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// TestSort compares with a map, with memory for all, for some and for none.
func TestSort(t *testing.T) {
	for _, memory := range []int{1, 500, 20_000, 1 << 30} {
		for _, n := range []int{0, 1, 2, 1000} {
			dir := t.TempDir()
			s := New(dir, memory)
			rng := rand.New(rand.NewPCG(uint64(memory), uint64(n)))
			want := map[string]string{}
			for i := range n {
				key := strings.Repeat("k", rng.IntN(3)) + fmt.Sprint(rng.IntN(n/2+1))
				value := strings.Repeat("v\n", rng.IntN(5)) + fmt.Sprint(i)
				want[key] = value
				if err := s.Add(key, value); err != nil {
					t.Fatal(err)
				}
			}
			if memory < 1000 && n == 1000 && len(s.runs) < 100 {
				t.Errorf("memory for %d: %d runs", memory, len(s.runs))
			}
			for range 2 { // it can be read again
				var got []Entry
				for e, err := range s.All() {
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, e)
				}
				keys := slices.Sorted(maps.Keys(want))
				if len(got) != len(keys) {
					t.Fatalf("%d of %d entries, memory for %d", len(got), len(keys), memory)
				}
				for i, e := range got {
					if e != (Entry{keys[i], want[keys[i]]}) {
						t.Fatalf("entry %d is %q, want %q: %q", i, e, keys[i], want[keys[i]])
					}
				}
			}
			for range s.All() {
				break
			}
			if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 && runtime.GOOS != "windows" {
				t.Errorf("in the folder before it is closed: %v %v", entries, err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
				t.Errorf("left in the folder: %v %v", entries, err)
			}
		}
	}
}

func TestNoFolder(t *testing.T) {
	s := New(t.TempDir()+"/nowhere", 1)
	if err := s.Add("a", "b"); err == nil {
		t.Error("there was a folder")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
