package selection

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/opensandwich/oi/cmd/internal/posixfile"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
	"github.com/opensandwich/oi/cmd/internal/leftover"
	"github.com/opensandwich/oi/cmd/internal/openimages"
)

// A limit judges all rows of its classes, to count them and to find those of
// the lowest ranks. What it finds depends on the lists, the classes, the rules
// and the seed, not on the number that is asked for: so it is kept in a file of
// the cache, for the next limit.
//
//	file = magic | key, text | rankings | CRC-32C of all before, uint32
//
// The key names the lists as they are, as an index does, and all else that the
// rankings depend on. Its hash is the name of the file.

const (
	// rankMagic changes with the form of the file and with what a judge
	// says of a row.
	rankMagic  = "oi-ranks 1\n"
	rankEnding = ".oi-ranks"
	// leastRanks is how many ranks are found at the least, over all labels:
	// a larger limit of the next query then needs no row. They take 24
	// bytes of memory, twice that meanwhile, and some 14 in the file, and
	// are sorted.
	leastRanks = 1 << 14
	// mostRanks bounds the ranks in a file.
	mostRanks = 1 << 20
	// mostFailed bounds the photos with failures that a file names.
	mostFailed = 1 << 12
	// mostRankBytes bounds the files in the folder: the oldest go.
	mostRankBytes = 64 << 20
)

var errRanks = errors.New("what is kept of an earlier limit is not of these lists")

// rankings is what a judge has found out about all matches of a query.
type rankings struct {
	sample                    // entries by rank, if they were read from a file
	rows   []int64            // by subset
	found  []int64            // rows by label
	lost   []map[string]int64 // by label: rows that rules take away
	failed []sound            // photos with rows that faults take away, in order; rank is their number
}

// add notes what became of a batch.
func (k *rankings) add(r *ranking) {
	for _, l := range r.lost {
		if l.label < len(k.lost) {
			k.lost[l.label][l.reason] += l.n
		}
	}
	for i := range r.batch.groups {
		all := r.batch.groups[i].matches
		n := uint64(0)
		for _, f := range r.failed {
			if f.match.place >= all[0].place && f.match.place <= all[len(all)-1].place {
				n++
			}
		}
		if n > 0 && len(k.failed) <= mostFailed {
			k.failed = append(k.failed, newSound(n, all, r.batch.sub))
		}
	}
}

// newSound is an entry of a photo's matches.
func newSound(rank uint64, all []match, sub *subset) sound {
	from := all[0].place
	return sound{rank, from, uint32(all[len(all)-1].place - from), sub.number}
}

// suffices reports whether the ranks are those of all that is kept.
func (q *Query) suffices(labels []lowestSounds) bool {
	have := make([]int64, len(labels))
	for i := range labels {
		have[i] = labels[i].have
	}
	keep, _ := q.shares(have)
	for i := range labels {
		if keep[i] > int64(len(labels[i].entries)) {
			return false
		}
	}
	return true
}

// A rankStore is the file for the rankings of a selection.
type rankStore struct {
	name, key string
	labels    int
}

// rankStore returns where the rankings of the selection are kept, or nil if
// they are not.
func (s *Selection) rankStore(ctx context.Context) *rankStore {
	q := s.query
	dir := openimages.RanksDir(q.Source)
	if dir == "" || q.ImageLabels || q.StrictAuthors || q.Doubles.Drop || q.Negatives > 0 || q.Seen != nil || q.Refuse != nil && q.Rules == "" {
		return nil
	}
	for _, sub := range s.subsets {
		if sub.gathered != nil && !sub.gathered.sorted || sub.counted && s.broken > 0 {
			return nil
		}
	}
	key, err := s.rankKey(ctx)
	if err != nil || key == "" {
		return nil
	}
	sum := sha256.Sum256([]byte(key))
	return &rankStore{filepath.Join(dir, hex.EncodeToString(sum[:16])+rankEnding), key, len(q.Classes)}
}

// rankKey names all that rankings depend on. It is "" while a list has no
// index.
func (s *Selection) rankKey(ctx context.Context) (string, error) {
	var key strings.Builder
	for _, sub := range s.subsets {
		boxes, err := sub.list.State(ctx)
		if err != nil {
			return "", err
		}
		images := ""
		if sub.images != nil {
			if images = sub.images.State(); images == "" {
				return "", nil
			}
		} else if sub.rows+sub.announced > 0 {
			return "", nil
		}
		if boxes == "" {
			return "", nil
		}
		fmt.Fprintf(&key, "%s %q %s %q %s\n", sub.name, sub.boxes.Path, boxes, sub.imageList.Path, images)
	}
	for _, mid := range slices.Sorted(maps.Keys(s.query.Assign)) {
		fmt.Fprintf(&key, "%q %d\n", mid, s.query.Assign[mid])
	}
	fmt.Fprintf(&key, "%d labels, seed %d, %q\n", len(s.query.Classes), s.query.Seed, s.query.Rules)
	return key.String(), nil
}

// least is how many ranks of each label are found at the least.
func (r *rankStore) least() int64 {
	if r == nil {
		return 0
	}
	return int64(leastRanks / max(r.labels, 1))
}

// load returns the rankings, or nil if there are none that can be believed.
func (r *rankStore) load(s *Selection) *rankings {
	if r == nil {
		return nil
	}
	for _, sub := range s.subsets {
		if sub.counted || sub.gathered != nil {
			return nil // its rows have been read
		}
	}
	data, err := readBounded(r.name, mostRankBytes)
	if err != nil {
		return nil
	}
	if !bytes.HasPrefix(data, []byte(rankMagic)) || len(data) < len(rankMagic)+4 || binary.LittleEndian.Uint32(data[len(data)-4:]) != rankSum(data[:len(data)-4]) {
		return nil
	}
	d := csvscan.Decoder{Buf: data[len(rankMagic) : len(data)-4]}
	if d.Text() != r.key {
		return nil
	}
	return decodeRankings(&d, len(s.subsets), r.labels)
}

// readBounded reads a file of up to most bytes.
func readBounded(name string, most int64) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > most {
		return nil, fs.ErrInvalid
	}
	return os.ReadFile(name)
}

func rankSum(data []byte) uint32 {
	return crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))
}

// save keeps the rankings, whose entries are sorted, if the lists are still
// what they were. What cannot be kept is found out again.
func (r *rankStore) save(ctx context.Context, s *Selection, found *rankings) {
	n := 0
	for i := range found.labels {
		n += len(found.labels[i].entries)
		found.found = append(found.found, s.tally[i].Rows)
	}
	for _, sub := range s.subsets {
		found.rows = append(found.rows, sub.rows)
	}
	if key, err := s.rankKey(ctx); err != nil || key != r.key || n > mostRanks || len(found.failed) > mostFailed {
		return
	}
	e := csvscan.Encoder{Buf: []byte(rankMagic)}
	e.Text(r.key)
	found.encode(&e)
	data := binary.LittleEndian.AppendUint32(e.Buf, rankSum(e.Buf))
	dir := filepath.Dir(r.name)
	if os.MkdirAll(dir, 0o777) != nil {
		return
	}
	file, err := os.CreateTemp(dir, "."+filepath.Base(r.name)+"-*")
	if err != nil {
		return
	}
	_, err = file.Write(data)
	if err = errors.Join(err, file.Chmod(0o644), file.Close()); err == nil {
		err = posixfile.Rename(file.Name(), r.name)
	}
	if err != nil {
		_ = posixfile.Remove(file.Name())
	}
	_ = trimRanks(dir)
}

// trimRanks removes the oldest files, and what processes have left behind.
func trimRanks(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var files []fs.FileInfo
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || !strings.Contains(e.Name(), rankEnding) {
			continue
		}
		if !strings.HasPrefix(e.Name(), ".") {
			files = append(files, info)
		} else if time.Since(info.ModTime()) > leftover.Age {
			_ = leftover.Remove(filepath.Join(dir, e.Name()))
		}
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int { return b.ModTime().Compare(a.ModTime()) })
	var errs []error
	size := int64(0)
	for _, info := range files {
		if size += info.Size(); size > mostRankBytes {
			errs = append(errs, leftover.Remove(filepath.Join(dir, info.Name())))
		}
	}
	return errors.Join(errs...)
}

// reject removes rankings that err says are wrong.
func (r *rankStore) reject(err error) error {
	if !errors.Is(err, errRanks) {
		return nil
	}
	return leftover.Remove(r.name)
}

// enter enters rankings into the accounts, as if all rows had been judged. The
// rows that faults take away are judged again, to name them.
func (s *Selection) enter(ctx context.Context, found *rankings) error {
	s.counted = true
	failed := map[*subset][]csvscan.Range{}
	missing := uint64(0)
	for _, f := range found.failed {
		sub := s.subsets[f.sub]
		failed[sub] = append(failed[sub], csvscan.Range{From: f.from, To: f.from + int64(f.span)})
		missing += f.rank
	}
	for i, sub := range s.subsets {
		sub.rows = found.rows[i]
		s.ledger.In(sub.rows)
	}
	for i, lost := range found.lost {
		s.tally[i].Rows = found.found[i]
		s.lose(i, lost)
	}
	for _, sub := range s.subsets {
		if failed[sub] == nil {
			continue
		}
		again := func(ctx context.Context) seq[*batch] {
			return sub.withImages(s.readBatches(ctx, sub, failed[sub]), mostListed, true)
		}
		for r, err := range inOrder(ctx, again, s.rankBatch) {
			if err != nil {
				return err
			}
			r.lost = nil
			if err := s.count(ctx, &r.counts); err != nil {
				return err
			}
			missing -= uint64(len(r.failed))
			r.batch.release()
		}
	}
	if missing != 0 {
		return errRanks
	}
	return nil
}

// complete returns an error if what was to be kept has not been found.
func (s *Selection) complete(limits *quotas) error {
	n := int64(0)
	for i := range s.tally {
		n += s.tally[i].Kept + s.tally[i].Lost[ReasonShard]
	}
	switch {
	case n == limits.items:
		return nil
	case limits.store != nil:
		return errors.Join(fmt.Errorf("%w: %d of %d boxes are there; it has been removed: run the same command again", errRanks, n, limits.items), limits.store.reject(errRanks))
	}
	return fmt.Errorf("%d of %d boxes are there: %w", n, limits.items, csvscan.ErrChanged)
}

func (k *rankings) encode(e *csvscan.Encoder) {
	for _, n := range slices.Concat(k.rows, k.found) {
		e.Int(n)
	}
	sounds := func(list []sound) {
		e.Int(int64(len(list)))
		for _, m := range list {
			e.Word(m.rank)
			e.Int(m.from)
			e.Int(int64(m.span))
			e.Int(int64(m.sub))
		}
	}
	for i := range k.labels {
		e.Int(k.labels[i].have)
		sounds(k.labels[i].entries)
		e.Int(int64(len(k.lost[i])))
		for _, reason := range slices.Sorted(maps.Keys(k.lost[i])) {
			e.Text(reason)
			e.Int(k.lost[i][reason])
		}
	}
	sounds(k.failed)
}

// decodeRankings returns nil for what encode has not written.
func decodeRankings(d *csvscan.Decoder, subsets, labels int) *rankings {
	k := &rankings{}
	number := func() int64 {
		n := d.Int()
		d.Bad = d.Bad || n < 0
		return n
	}
	// A list of so many entries, each of which takes some bytes.
	count := func(least int) int {
		n := number()
		if d.Bad = d.Bad || n > int64(len(d.Buf)/least); d.Bad {
			return 0
		}
		return int(n)
	}
	for range subsets {
		k.rows = append(k.rows, number())
	}
	for range labels {
		k.found = append(k.found, number())
	}
	sounds := func() []sound {
		list := make([]sound, count(11))
		for i := range list {
			m := sound{rank: d.Word(), from: number()}
			span, sub := number(), number()
			if span > math.MaxUint32 || sub >= int64(subsets) {
				d.Bad = true
				return nil
			}
			m.span, m.sub = uint32(span), uint8(sub)
			list[i] = m
		}
		return list
	}
	for range labels {
		l := lowestSounds{have: number(), entries: sounds()}
		d.Bad = d.Bad || !slices.IsSortedFunc(l.entries, func(a, b sound) int { return cmp.Compare(a.rank, b.rank) })
		lost := map[string]int64{}
		for range count(2) {
			reason := d.Text()
			lost[reason] = number()
		}
		k.labels, k.lost = append(k.labels, l), append(k.lost, lost)
	}
	k.failed = sounds()
	if d.Bad || len(d.Buf) > 0 {
		return nil
	}
	return k
}
