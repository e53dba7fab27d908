package record_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/record"
)

// A stageRun keeps the accounts of a stage for a test.
type stageRun struct{ record.StageCounts }

func runStage(tool string) *stageRun {
	return &stageRun{record.StageCounts{Tool: tool, Digests: &record.Digests{},
		Added: map[string]int64{}, Removed: map[string]int64{}, Skipped: map[string]int64{}}}
}

// work drops, skips, doubles and passes on items.
func (s *stageRun) work(random *rand.Rand, items []*record.Item) []*record.Item {
	var out []*record.Item
	d := s.Digests
	for _, item := range items {
		one := record.DigestOf(item)
		s.In++
		d.In = d.In.Plus(one)
		switch random.IntN(6) {
		case 0:
			s.Removed["small"]++
			d.Removed = d.Removed.Plus(one)
			continue
		case 1:
			s.Skipped["decode"]++
			d.Skipped = d.Skipped.Plus(one)
			continue
		case 2:
			made := &record.Item{ID: item.ID, Key: item.ID + "_made"}
			s.Added["background"]++
			d.Added = d.Added.Plus(record.DigestOf(made))
			out = append(out, made)
		}
		out = append(out, item)
	}
	s.Out += int64(len(out))
	d.Out = d.Out.Plus(record.DigestOf(out...))
	return out
}

func someItems(n int) []*record.Item {
	var items []*record.Item
	for i := range n {
		item := &record.Item{ID: fmt.Sprintf("photo%d", i/2)}
		if i%3 > 0 {
			item.Key = fmt.Sprintf("photo%d_%d", i/2, i)
		}
		items = append(items, item)
	}
	return items
}

func source(items []*record.Item) record.StageCounts {
	n := int64(len(items))
	return record.StageCounts{Tool: "oi-boxes", In: n, Out: n,
		Digests: &record.Digests{Source: true, Out: record.DigestOf(items...)}}
}

func records(items []*record.Item) []record.Record {
	var all []record.Record
	for _, item := range items {
		all = append(all, item)
	}
	return all
}

// segment is a stream of some stages.
func segment(random *rand.Rand) []record.Record {
	items := someItems(2 + random.IntN(20))
	counts := []record.StageCounts{source(items)}
	for range random.IntN(3) {
		run := runStage(fmt.Sprint("stage", len(counts)))
		items = run.work(random, items)
		counts = append(counts, run.StageCounts)
	}
	all := append([]record.Record{head("a")}, records(items)...)
	return append(all, &record.End{Stages: counts})
}

// cutPieces returns a segment that was cut, worked on and not joined yet.
func cutPieces(random *rand.Rand) [][]record.Record {
	items := someItems(20)
	upstream := []record.StageCounts{source(items)}
	var all [][]record.Record
	for len(items) > 0 {
		n := min(1+random.IntN(6), len(items))
		fetch, crop := runStage("oi-fetch"), runStage("oi-crop")
		done := crop.work(random, fetch.work(random, items[:n]))
		part := &record.Part{Total: -1, Stages: []record.StageCounts{fetch.StageCounts, crop.StageCounts}}
		if items = items[n:]; len(items) == 0 {
			part.Total, part.Upstream = 20, upstream
		}
		h := head("a")
		h.Piece = true
		all = append(all, append(append([]record.Record{h}, records(done)...), part))
	}
	return all
}

func accountError(t *testing.T, what string, data []byte, opts ...record.ReaderOption) {
	t.Helper()
	_, err := readAll(bytes.NewReader(data), opts...)
	if account := new(record.AccountError); !errors.As(err, &account) && !errors.Is(err, record.ErrTruncated) &&
		(err == nil || !strings.Contains(err.Error(), "twice")) {
		t.Errorf("%s: error %v", what, err)
	}
}

// What every stage counted rightly is read, in whatever order pieces come, and
// any item that is taken away, doubled or replaced is found.
func TestAccounts(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		whole := segment(random)
		cut := cutPieces(random)
		for _, to := range []record.Encoding{record.Binary, record.FramedJSON} {
			joined := func(pieces [][]record.Record) []byte {
				return writeLoose(t, to, slices.Concat(pieces...)...)
			}
			if _, err := readAll(bytes.NewReader(writeLoose(t, to, whole...))); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			random.Shuffle(len(cut), func(i, k int) { cut[i], cut[k] = cut[k], cut[i] })
			got, err := readAll(bytes.NewReader(joined(cut)))
			if err != nil {
				t.Fatalf("seed %d, pieces: %v", seed, err)
			}
			if h := got[0].(*record.Header); h.Piece {
				t.Fatal("the joined segment says that it is a piece")
			}
			if end := got[len(got)-1].(*record.End); end.Stages[2].Digests == nil || end.Stages[1].Digests.In != end.Stages[0].Digests.Out {
				t.Fatalf("the sums have no digests: %+v", end.Stages)
			}

			if n := len(whole) - 2; n > 0 {
				at := 1 + random.IntN(n)
				accountError(t, "an item less", writeLoose(t, to, slices.Delete(slices.Clone(whole), at, at+1)...))
				accountError(t, "an item twice", writeLoose(t, to, slices.Insert(slices.Clone(whole), at, whole[at])...))
				other := slices.Clone(whole)
				other[at] = &record.Item{ID: "another"}
				accountError(t, "another item", writeLoose(t, to, other...))
			}
			a, b := random.IntN(len(cut)), random.IntN(len(cut))
			if a != b {
				accountError(t, "a piece for another", joined(append(slices.Delete(slices.Clone(cut), a, a+1), cut[b])))
			}
			accountError(t, "a piece less", joined(slices.Delete(slices.Clone(cut), a, a+1)))
			if last := cut[a][len(cut[a])-1].(*record.Part); last.Total >= 0 {
				continue // it is refused for that
			}
			open := cut[a][:len(cut[a])-1]
			accountError(t, "a piece without its part", writeLoose(t, to, open...), record.SinglePiece())
		}
	}
}

// An account that does not fit is named with its stage.
func TestAccountMessages(t *testing.T) {
	items := someItems(3)
	fetched := func(in, out record.Digest, n int64) record.StageCounts {
		return record.StageCounts{Tool: "oi-fetch", In: n, Out: n, Digests: &record.Digests{In: in, Out: out}}
	}
	all, some, others := record.DigestOf(items...), record.DigestOf(items[:2]...), record.DigestOf(items[0], items[0], items[2])
	boxes := source(items)
	for _, tt := range []struct {
		name   string
		items  []*record.Item
		stages []record.StageCounts
		want   string // "": none
	}{
		{"right", items, []record.StageCounts{boxes, fetched(all, all, 3)}, ""},
		{"less came in", items[:2], []record.StageCounts{boxes, fetched(some, some, 2)}, "oi-boxes sent 3 items on, 2 came in at oi-fetch"},
		{"others came in", items, []record.StageCounts{boxes, fetched(others, others, 3)},
			"oi-boxes sent 3 items on, as many came in at oi-fetch, but not the same ones"},
		{"less arrived", items[:2], []record.StageCounts{boxes}, "oi-boxes sent 3 items on, 2 arrived"},
		{"others arrived", []*record.Item{items[0], items[0], items[2]}, []record.StageCounts{boxes}, "as many arrived, but not the same ones"},
		{"no balance", items, []record.StageCounts{boxes, fetched(all, some, 3)}, "the counts of oi-fetch do not balance"},
		{"no counts of items", items[:2], []record.StageCounts{{Tool: "oi-boxes", In: 3, Out: 3}}, ""},
		{"the last stage does not count them", items[:2], []record.StageCounts{boxes, {Tool: "mine", In: 3, Out: 2}}, ""},
		{"a stage between does not count them", items[:2], []record.StageCounts{boxes, {Tool: "mine", In: 3, Out: 2}, fetched(some, some, 2)}, ""},
	} {
		end := &record.End{Stages: tt.stages}
		stream := append(append([]record.Record{head("a")}, records(tt.items)...), end)
		for _, to := range []record.Encoding{record.Binary, record.FramedJSON, record.JSON} {
			_, err := readAll(bytes.NewReader(writeLoose(t, to, stream...)))
			want := tt.want
			if to == record.JSON {
				want = "" // there is nothing to compare them to
			}
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("%s, %s: error %v, want %q", tt.name, to, err, want)
			}
		}
		end.Damage = &record.Damage{Regions: 1, Bytes: 9}
		if _, err := readAll(bytes.NewReader(encode(t, record.Binary, stream))); err != nil {
			t.Errorf("%s, salvaged: %v", tt.name, err)
		}
	}
}

// A digest is the sum of the SHA-256 of the keys modulo 2^128, as
//
//	python3 -c "import hashlib
//	print('%032x' % (sum(int(hashlib.sha256(k).hexdigest(), 16) for k in [b'a', b'b', b'b']) % 2**128))"
//
// prints it.
func TestDigest(t *testing.T) {
	a, b := &record.Item{ID: "x", Key: "a"}, &record.Item{ID: "b"}
	const want = "bf01e3f92624a708506854e35b2649f5"
	if got := record.DigestOf(a, b, b).String(); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := record.DigestOf(b, a, b); got.String() != want {
		t.Errorf("in another order %s, want %s", got, want)
	}
	if got := record.DigestOf(a, b, b).Minus(record.DigestOf(b)); got != record.DigestOf(a, b) {
		t.Errorf("%s", got)
	}
	if got := record.DigestOf().String(); got != strings.Repeat("0", 32) {
		t.Errorf("of no items %s", got)
	}
}

func TestDigestsInvalid(t *testing.T) {
	line := func(digests string) string {
		return `{"oi":"header","version":1}` + "\n" + `{"oi":"end","stages":[{"tool":"x","in":0,"out":0,"digests":` + digests + `}]}`
	}
	zero := strings.Repeat("0", 32)
	for digests, want := range map[string]string{
		`{}`:                          "out: missing",
		`{"out":"12"}`:                "32 lower-case hex digits",
		`{"out":"` + zero[1:] + `G"}`: "32 lower-case hex digits",
		`{"out":"` + zero + `"}`:      "",
		`{"in":"` + zero + `","out":"` + zero + `"}`: "",
	} {
		_, err := readAll(strings.NewReader(line(digests)))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: error %v, want %q", digests, err, want)
		}
	}
}

// accountStream has pieces whose stages say which items they counted.
func accountStream() goldenStream {
	a, b := &record.Item{ID: "a", Key: "a_1"}, &record.Item{ID: "b"}
	crop := func(items ...*record.Item) record.StageCounts {
		n := int64(len(items))
		return record.StageCounts{Tool: "oi-crop", In: n, Out: n, Digests: &record.Digests{In: record.DigestOf(items...), Out: record.DigestOf(items...)}}
	}
	piece := pieceHeader()
	piece.Piece = true
	return goldenStream{
		name: "accounts",
		records: []record.Record{
			piece, b, &record.Part{Total: -1, Stages: []record.StageCounts{crop(b)}},
			piece, a, &record.Part{Total: 2, Stages: []record.StageCounts{crop(a)}, Upstream: []record.StageCounts{source([]*record.Item{a, b})}},
		},
		read: []record.Record{
			pieceHeader(), b, a, &record.End{Stages: []record.StageCounts{source([]*record.Item{a, b}), crop(a, b)}},
		},
	}
}

// A Writer refuses the counts that a Reader would, and goes on.
func TestWriterChecksCounts(t *testing.T) {
	items := []*record.Item{thing("a"), thing("b"), thing("c")}
	digest := record.DigestOf(items...)
	stage := func(in, out int64) *record.End {
		return &record.End{Stages: []record.StageCounts{{Tool: "mine", In: in, Out: out, Digests: &record.Digests{Source: true, Out: digest}}}}
	}
	for _, to := range []record.Encoding{record.Binary, record.FramedJSON, record.JSON} {
		for _, encoded := range []bool{false, true} {
			var buf bytes.Buffer
			w := record.NewWriter(&buf, to)
			if err := w.Write(head("a")); err != nil {
				t.Fatal(err)
			}
			for _, item := range items {
				err := error(nil)
				if encoded {
					var one []byte
					if one, err = record.NewEncoder(to).Append(nil, item); err == nil {
						err = w.WriteEncoded(one)
					}
				} else {
					err = w.Write(item)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			for _, bad := range []record.Record{stage(0, 3), stage(2, 2), stage(4, 4), &record.Part{Total: -1, Stages: stage(2, 2).Stages}} {
				var format *record.FormatError
				var account *record.AccountError
				if err := w.Write(bad); !errors.As(err, &format) || !errors.As(err, &account) {
					t.Errorf("%v, %+v: %v", to, bad, err)
				}
			}
			if err := errors.Join(w.Write(stage(3, 3)), w.Flush()); err != nil {
				t.Fatal(err)
			}
			if _, err := readAll(&buf); err != nil {
				t.Error(err)
			}
		}
	}
}
