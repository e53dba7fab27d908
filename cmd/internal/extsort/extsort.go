// Package extsort sorts more than fits in memory.
package extsort

import (
	"bufio"
	"cmp"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/posixfile"
)

// An Entry is a value under its key.
type Entry struct{ Key, Value string }

// A Sorter collects entries and yields them in the order of their keys. Beyond
// its memory it keeps them in temporary files, which have no name: nothing
// remains of them after kill -9.
type Sorter struct {
	dir     string
	memory  int
	entries []Entry
	size    int
	runs    []*os.File
}

// New returns a Sorter that keeps about so many bytes in memory, and the rest
// in dir, or the default folder for temporary files if that is "".
func New(dir string, memory int) *Sorter { return &Sorter{dir: dir, memory: memory} }

// overhead is about what an entry takes besides its bytes.
const overhead = 48

// Add adds an entry.
func (s *Sorter) Add(key, value string) error {
	s.entries = append(s.entries, Entry{key, value})
	s.size += len(key) + len(value) + overhead
	if s.size < s.memory {
		return nil
	}
	return s.spill()
}

// sort sorts what is in memory, and leaves of several entries of a key the one
// that was added last.
func (s *Sorter) sort() {
	slices.SortStableFunc(s.entries, func(a, b Entry) int { return strings.Compare(a.Key, b.Key) })
	kept := s.entries[:0]
	for i, e := range s.entries {
		if i+1 == len(s.entries) || s.entries[i+1].Key != e.Key {
			kept = append(kept, e)
		}
	}
	clear(s.entries[len(kept):])
	s.entries = kept
}

// spill writes what is in memory to a file.
func (s *Sorter) spill() error {
	s.sort()
	file, err := posixfile.CreateUnnamed(s.dir, "oi-sort-*")
	if err != nil {
		return fmt.Errorf("temporary file to sort in: %w", err)
	}
	s.runs = append(s.runs, file)
	w := bufio.NewWriter(file)
	var length []byte
	for _, e := range s.entries {
		for _, text := range []string{e.Key, e.Value} {
			length = binary.AppendUvarint(length[:0], uint64(len(text)))
			if _, err := w.Write(length); err != nil {
				return err
			}
			if _, err := w.WriteString(text); err != nil {
				return err
			}
		}
	}
	clear(s.entries)
	s.entries, s.size = s.entries[:0], 0
	return w.Flush()
}

// All yields the entries in the order of their keys. Of several with one key it
// yields the one that was added last. After an error it yields nothing more.
func (s *Sorter) All() iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		s.sort()
		sources, err := s.sources()
		if err != nil {
			yield(Entry{}, err)
			return
		}
		for len(sources) > 0 {
			// Of the sources of one key the one that was written last
			// comes first, and counts.
			first := sources[0].entry
			for len(sources) > 0 && sources[0].entry.Key == first.Key {
				if err := sources[0].advance(); errors.Is(err, io.EOF) {
					heap.Pop(&sources)
				} else if err != nil {
					yield(Entry{}, err)
					return
				} else {
					heap.Fix(&sources, 0)
				}
			}
			if !yield(first, nil) {
				return
			}
		}
	}
}

// sources returns the sorted runs, each at its first entry.
func (s *Sorter) sources() (sources, error) {
	var all sources
	add := func(source *source) error {
		err := source.advance()
		if errors.Is(err, io.EOF) {
			return nil // an empty one
		}
		heap.Push(&all, source)
		return err
	}
	for i, file := range s.runs {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		if err := add(&source{number: i, file: bufio.NewReader(file)}); err != nil {
			return nil, err
		}
	}
	return all, add(&source{number: len(s.runs), memory: s.entries})
}

// Close gives the temporary files back.
func (s *Sorter) Close() error {
	var errs []error
	for _, file := range s.runs {
		errs = append(errs, file.Close())
	}
	s.runs, s.entries = nil, nil
	return errors.Join(errs...)
}

// A source is a sorted run, and the entry that it is at.
type source struct {
	number int // those written later have higher ones
	entry  Entry
	memory []Entry
	file   *bufio.Reader // nil for the run in memory
}

// advance goes to the next entry, and returns io.EOF after the last.
func (s *source) advance() error {
	if s.file == nil {
		if len(s.memory) == 0 {
			return io.EOF
		}
		s.entry, s.memory = s.memory[0], s.memory[1:]
		return nil
	}
	key, err := readText(s.file)
	if err != nil {
		return err
	}
	value, err := readText(s.file)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	s.entry = Entry{key, value}
	return err
}

func readText(r *bufio.Reader) (string, error) {
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return "", err
	}
	text := make([]byte, n)
	_, err = io.ReadFull(r, text)
	return string(text), err
}

// sources is a heap by key, then the latest first.
type sources []*source

// Len implements heap.Interface.
func (s sources) Len() int { return len(s) }

// Less implements heap.Interface.
func (s sources) Less(i, j int) bool {
	return cmp.Or(strings.Compare(s[i].entry.Key, s[j].entry.Key), cmp.Compare(s[j].number, s[i].number)) < 0
}

// Swap implements heap.Interface.
func (s sources) Swap(i, j int) { s[i], s[j] = s[j], s[i] }

// Push implements heap.Interface.
func (s *sources) Push(x any) { *s = append(*s, x.(*source)) }

// Pop implements heap.Interface.
func (s *sources) Pop() any {
	last := (*s)[len(*s)-1]
	*s = (*s)[:len(*s)-1]
	return last
}
