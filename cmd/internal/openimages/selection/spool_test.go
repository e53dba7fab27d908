package selection

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"testing"
)

// TestSpool checks that entries of all sizes come back, by offset and in
// order, in memory and from the file.
func TestSpool(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	rng := rand.New(rand.NewPCG(3, 4))
	for _, count := range []int{0, 1, 10, 5000} {
		s := &spool{}
		var entries [][]byte
		var offsets []int64
		for range count {
			entry := make([]byte, []int{0, 1, 127, 128, 300, spoolGuess - 2, spoolGuess - 1, spoolGuess, 3000}[rng.IntN(9)])
			for i := range entry {
				entry[i] = byte(rng.Uint32())
			}
			offset, err := s.add(entry)
			if err != nil {
				t.Fatal(err)
			}
			entries, offsets = append(entries, entry), append(offsets, offset)
		}
		if inFile := s.file != nil; inFile != (count == 5000) {
			t.Errorf("%d entries: in a file: %v", count, inFile)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("the temporary file has a name: %v, %v", left, err)
		}
		buf := make([]byte, 10)
		for _, i := range rng.Perm(count) {
			got, err := s.at(offsets[i], buf)
			if err != nil || !bytes.Equal(got, entries[i]) {
				t.Fatalf("entry %d: %v", i, err)
			}
		}
		n := 0
		err := s.each(func(entry []byte, offset int64) error {
			if !bytes.Equal(entry, entries[n]) || offset != offsets[n] {
				t.Fatalf("entry %d at %d, want %d", n, offset, offsets[n])
			}
			n++
			return nil
		})
		if err != nil || n != count {
			t.Errorf("%d of %d entries, %v", n, count, err)
		}
		if err := errors.Join(s.close(), s.close()); err != nil {
			t.Error(err)
		}
	}
}

func TestSpoolNoRoom(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()+"/absent")
	s := &spool{}
	var err error
	for i := 0; i < 3 && err == nil; i++ {
		_, err = s.add(make([]byte, spoolMemory))
	}
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := s.add(make([]byte, maxEntry+1)); err == nil {
		t.Error("an endless entry is taken")
	}
}
