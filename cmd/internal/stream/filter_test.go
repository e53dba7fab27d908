package stream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/record"
)

// stream returns a segment of n items in the given encoding.
func segment(t testing.TB, e record.Encoding, from, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	w := record.NewWriter(&b, e)
	write := func(r record.Record) {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	write(&record.Header{Version: record.Version, Classes: []record.Class{{MID: "/m/1", Name: "One"}},
		Stages: []record.Stage{{Tool: "oi-boxes", Version: "1"}}})
	for i := range n {
		write(testItem(from + i))
	}
	write(&record.End{Stages: []record.StageCounts{{Tool: "oi-boxes", In: int64(n), Out: int64(n)}}})
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func testItem(i int) *record.Item {
	id := fmt.Sprintf("%016x", i)
	return &record.Item{ID: id, Key: id + "-00000000", Label: &record.Label{MID: "/m/1", Name: "One"},
		Fetched: &record.Fetched{Source: "dir", Bytes: bytes.Repeat([]byte{byte(i)}, 1000)}}
}

func number(item *record.Item) int {
	var i int
	if _, err := fmt.Sscanf(item.ID, "%x", &i); err != nil {
		panic(err)
	}
	return i
}

// lockedBuffer is standard error for several goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func testEnv(stdin io.Reader, stdout io.Writer) (*cli.Env, *lockedBuffer) {
	stderr := &lockedBuffer{}
	return &cli.Env{Name: "oi-test", Version: "9", Stdin: stdin, Stdout: stdout, Stderr: stderr,
		Getenv: func(string) string { return "" }, Now: time.Now}, stderr
}

func pass(_ context.Context, item *record.Item) (Result, error) {
	return Result{Items: []*record.Item{item}}, nil
}

// read returns all records of a stream.
func read(t *testing.T, b []byte, options ...record.ReaderOption) []record.Record {
	t.Helper()
	var all []record.Record
	r := record.NewReader(bytes.NewReader(b), options...)
	for {
		v, err := r.Read()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("read the output: %v", err)
		}
		all = append(all, v)
	}
}

func items(all []record.Record) []*record.Item {
	var out []*record.Item
	for _, r := range all {
		if item, ok := r.(*record.Item); ok {
			out = append(out, item)
		}
	}
	return out
}

func TestFilterOrderAndAccounts(t *testing.T) {
	in := append(segment(t, record.Binary, 0, 40), segment(t, record.Binary, 40, 7)...)
	var want []byte
	for _, jobs := range []int{1, 2, 8, 64} {
		// Each task of a group waits for the next one to be done, so
		// that they finish in the reverse order.
		var gates [48]chan struct{}
		for i := range gates {
			gates[i] = make(chan struct{})
		}
		close(gates[47])
		var stdout bytes.Buffer
		env, stderr := testEnv(bytes.NewReader(in), &stdout)
		var emitted []int
		err := Filter(t.Context(), env, &Flags{Jobs: jobs, MaxSkips: "50%"}, nil, Stage{
			Args: map[string]string{"a": "b"},
			Func: func(_ context.Context, item *record.Item) (Result, error) {
				i := number(item)
				defer close(gates[i])
				if group := min(jobs, 4); (i+1)%group != 0 && i != 39 && i != 46 {
					<-gates[i+1]
				}
				switch i % 5 {
				case 0:
					return Result{Skipped: "zero"}, nil
				case 1:
					return Result{Removed: "one"}, nil
				case 2:
					other := *item
					other.Key = item.ID + "-11111111"
					return Result{Items: []*record.Item{item, &other}, Added: "copy"}, nil
				}
				return Result{Items: []*record.Item{item}}, nil
			},
			Emit: func(item *record.Item) error { emitted = append(emitted, number(item)); return nil },
		})
		if err != nil {
			t.Fatalf("-j %d: %v\n%s", jobs, err, stderr)
		}
		if want == nil {
			want = bytes.Clone(stdout.Bytes())
		}
		if !bytes.Equal(stdout.Bytes(), want) {
			t.Errorf("-j %d: other bytes than -j 1", jobs)
		}
		all := read(t, stdout.Bytes())
		var out []int
		for _, item := range items(all) {
			out = append(out, number(item))
		}
		if fmt.Sprint(out) != fmt.Sprint(emitted) {
			t.Errorf("emitted %v, wrote %v", emitted, out)
		}
		header := all[0].(*record.Header)
		if s := header.Stages[len(header.Stages)-1]; s.Tool != "oi-test" || s.Version != "9" || !maps.Equal(s.Args, map[string]string{"a": "b"}) {
			t.Errorf("trail: %+v", s)
		}
		end := all[len(all)-1].(*record.End)
		last := end.Stages[len(end.Stages)-1]
		if last.Tool != "oi-test" || last.In != 7 || last.Skipped["zero"] != 2 || last.Removed["one"] != 2 || last.Added["copy"] != 1 || last.Out != 4 {
			t.Errorf("the second segment's account: %+v", last)
		}
		if !strings.HasPrefix(env.Summary, "47 in, 36 out, 9 added (copy: 9), 10 removed (one: 10), 10 skipped (zero: 10), ") {
			t.Errorf("summary: %s", env.Summary)
		}
	}
}

func TestFilterErrorsWriteNoEnd(t *testing.T) {
	broken := errors.New("broken")
	for name, s := range map[string]Stage{
		"do": {Func: func(ctx context.Context, item *record.Item) (Result, error) {
			if number(item) == 5 {
				return Result{}, broken
			}
			return pass(ctx, item)
		}},
		"emit": {Func: pass, Emit: func(item *record.Item) error {
			if number(item) == 5 {
				return broken
			}
			return nil
		}},
		"header": {Func: pass, Header: func(*record.Header) (Func, error) { return nil, broken }},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout bytes.Buffer
			env, _ := testEnv(bytes.NewReader(segment(t, record.Binary, 0, 10)), &stdout)
			if err := Filter(t.Context(), env, &Flags{Jobs: 3}, nil, s); !errors.Is(err, broken) {
				t.Fatalf("got %v", err)
			}
			if _, err := io.ReadAll(itemsOnly(record.NewReader(&stdout))); err == nil {
				t.Error("the output reads as complete")
			}
		})
	}
}

// itemsOnly turns a record reader into a reader that ends with its error.
func itemsOnly(r *record.Reader) io.Reader {
	return readerFunc(func([]byte) (int, error) {
		_, err := r.Read()
		return 0, err
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestFilterDoOfASegment(t *testing.T) {
	in := append(segment(t, record.Binary, 0, 3), segment(t, record.Binary, 3, 4)...)
	var stdout bytes.Buffer
	env, _ := testEnv(bytes.NewReader(in), &stdout)
	segments := 0
	err := Filter(t.Context(), env, &Flags{Jobs: 3}, nil, Stage{Func: pass, Header: func(h *record.Header) (Func, error) {
		segments++
		h.Completeness = "unchecked"
		if segments == 1 {
			return nil, nil
		}
		return func(context.Context, *record.Item) (Result, error) { return Result{Removed: "second"}, nil }, nil
	}})
	all := read(t, stdout.Bytes())
	if err != nil || len(items(all)) != 3 {
		t.Errorf("%d items, %v, want the 3 of the first segment", len(items(all)), err)
	}
	if h := all[0].(*record.Header); h.Completeness != "unchecked" {
		t.Error("the header's change is lost")
	}
}

// A largeSource yields n items of 7 MB. It remembers how many more it was asked
// for than were written, at the most.
type largeSource struct {
	read, n int
	written atomic.Int64
	ahead   int64
	third   chan struct{} // closed when it is asked for the third item
}

func (s *largeSource) Read() (record.Record, error) {
	if s.read <= s.n {
		s.ahead = max(s.ahead, int64(s.read)-s.written.Load())
	}
	if s.read++; s.read == 4 {
		close(s.third)
	}
	switch {
	case s.read == 1:
		return &record.Header{Version: record.Version}, nil
	case s.read-2 < s.n:
		item := testItem(s.read)
		item.Fetched.Bytes = make([]byte, 7<<20)
		return item, nil
	case s.read-2 == s.n:
		return &record.End{Stages: []record.StageCounts{}}, nil
	}
	return nil, io.EOF
}

func (*largeSource) Close() error { return nil }

// TestFilterLargeRecords: a record is not read while those that are in work
// leave no room for one as large.
func TestFilterLargeRecords(t *testing.T) {
	source := &largeSource{n: 20, third: make(chan struct{})}
	env, _ := testEnv(nil, io.Discard)
	err := Filter(t.Context(), env, &Flags{Jobs: 8}, nil, Stage{
		Source: source, NoOutput: true,
		Func: func(_ context.Context, item *record.Item) (Result, error) {
			return Result{Items: []*record.Item{item}}, nil
		},
		Emit: func(*record.Item) error {
			<-source.third
			for range 1000 {
				runtime.Gosched() // so that it is read on if it may be
			}
			source.written.Add(1)
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if source.ahead > 3 { // the header and two
		t.Errorf("a record of 7 MB is read next to %d", source.ahead-1)
	}
}

func TestFilterTruncatedInput(t *testing.T) {
	whole := segment(t, record.Binary, 0, 5)
	var stdout bytes.Buffer
	env, _ := testEnv(bytes.NewReader(whole[:len(whole)-30]), &stdout)
	err := Filter(t.Context(), env, &Flags{Jobs: 2}, nil, Stage{Func: pass})
	if !errors.Is(err, record.ErrTruncated) || !strings.Contains(err.Error(), "standard input") {
		t.Fatalf("got %v", err)
	}
	r := record.NewReader(&stdout)
	n := 0
	for _, err = range r.Items() {
		if err == nil {
			n++
		}
	}
	if n != 5 || !errors.Is(err, record.ErrTruncated) {
		t.Errorf("downstream saw %d items and %v", n, err)
	}
}

// leaver takes n bytes and then tells that its reader has gone.
type leaver struct{ n int }

func (l *leaver) Write(p []byte) (int, error) {
	if l.n -= len(p); l.n < 0 {
		return 0, ErrBrokenPipe
	}
	return len(p), nil
}

func TestFilterDownstreamGone(t *testing.T) {
	// The input stays open: a stage whose reader has gone must not wait.
	never, w := io.Pipe()
	defer w.Close()
	whole := segment(t, record.Binary, 0, 200)
	in := io.MultiReader(bytes.NewReader(whole[:len(whole)-30]), never)
	env, _ := testEnv(in, &leaver{n: 20_000})
	if err := Filter(t.Context(), env, &Flags{Jobs: 4}, nil, Stage{Func: pass}); !errors.Is(err, ErrBrokenPipe) {
		t.Errorf("got %v", err)
	}

	env, _ = testEnv(bytes.NewReader(whole), &leaver{n: 20_000})
	n := 0
	err := Filter(t.Context(), env, &Flags{Jobs: 4}, nil, Stage{Func: pass, MustDrain: true, Emit: func(*record.Item) error { n++; return nil }})
	if err != nil || n != 200 {
		t.Errorf("owing: %d of 200 items, %v", n, err)
	}
}

// What is done goes out, however long the stage before takes for more.
func TestFilterDoesNotHoldBack(t *testing.T) {
	for range 50 {
		in, more := io.Pipe()
		out, stdout := io.Pipe()
		env, _ := testEnv(in, stdout)
		ended := make(chan error)
		go func() { ended <- Filter(t.Context(), env, &Flags{}, nil, Stage{Func: pass}) }()
		whole := segment(t, record.Binary, 0, 5)
		if _, err := more.Write(whole); err != nil {
			t.Fatal(err)
		}
		r := record.NewReader(out)
		for range 6 { // a header and the items; the end waits for that of the input
			if _, err := r.Read(); err != nil {
				t.Fatal(err)
			}
		}
		if err := more.Close(); err != nil {
			t.Fatal(err)
		}
		if end, err := r.Read(); err != nil {
			t.Fatalf("%v, %v", end, err)
		}
		go io.Copy(io.Discard, out) // until Filter has ended
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if err := stdout.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFilterCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	env, _ := testEnv(bytes.NewReader(segment(t, record.Binary, 0, 50)), io.Discard)
	err := Filter(ctx, env, &Flags{Jobs: 2}, nil, Stage{Func: func(ctx context.Context, item *record.Item) (Result, error) {
		cancel()
		<-ctx.Done()
		return Result{}, ctx.Err()
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestNeedNamesTheStage(t *testing.T) {
	bare := segment(t, record.Binary, 0, 1)
	for need, hint := range map[string]string{"tensor": "oi-crop"} {
		var stdout bytes.Buffer
		env, stderr := testEnv(bytes.NewReader(bare), &stdout)
		c := &cli.Command{Name: "oi-test", Run: func(ctx context.Context, env *cli.Env) error {
			return Filter(ctx, env, &Flags{Jobs: 1}, nil, Stage{Func: pass, Need: need})
		}}
		if code := c.Execute(t.Context(), env, nil); code != 1 || !strings.Contains(stderr.String(), "oi-test: hint: a stage is missing") || !strings.Contains(stderr.String(), hint) {
			t.Errorf("%s: %d %s", need, code, stderr)
		}
	}
	env, _ := testEnv(nil, nil)
	for need, item := range map[string]*record.Item{
		"image":   {},
		"fetched": {ID: "a"},
		"tensor":  {ID: "a"},
	} {
		if Need(env, item, need) == nil {
			t.Errorf("%s: nothing is missing", need)
		}
	}
	if err := Need(env, &record.Item{ID: "a", Fetched: &record.Fetched{}}, "fetched"); err == nil || !strings.Contains(err.Error(), "any more") {
		t.Errorf("dropped bytes: %v", err)
	}
}

func TestFailuresComeBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "failed.json")
	fail := true
	do := func(_ context.Context, item *record.Item) (Result, error) {
		if fail && number(item)%4 == 0 {
			return Result{Skipped: "fourth", Detail: "it is \"one\""}, nil
		}
		return Result{Items: []*record.Item{item}}, nil
	}
	var first, second bytes.Buffer
	env, _ := testEnv(bytes.NewReader(segment(t, record.Binary, 0, 12)), &first)
	if err := Filter(t.Context(), env, &Flags{Jobs: 2, MaxSkips: "3", Failures: path}, nil, Stage{Func: do}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), `"reason":"fourth"`) {
		t.Fatalf("%v\n%s", err, text)
	}
	fail = false
	env, _ = testEnv(nil, &second)
	if err := Filter(t.Context(), env, &Flags{Jobs: 2}, []string{path}, Stage{Func: do}); err != nil {
		t.Fatal(err)
	}
	back := items(read(t, second.Bytes()))
	if len(back) != 3 {
		t.Fatalf("%d items came back, want 3", len(back))
	}
	for i, item := range back {
		if number(item) != 4*i || item.Failure != nil || !bytes.Equal(item.Fetched.Bytes, testItem(4*i).Fetched.Bytes) {
			t.Errorf("item %d came back as %+v", 4*i, item)
		}
	}
}

func TestFailuresSpareTheInput(t *testing.T) {
	path := filepath.Join(t.TempDir(), "in")
	data := segment(t, record.Binary, 0, 5)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	env, _ := testEnv(nil, io.Discard)
	err := Filter(t.Context(), env, &Flags{Failures: path}, []string{path}, Stage{
		Func: func(_ context.Context, item *record.Item) (Result, error) {
			return Result{Items: []*record.Item{item}}, nil
		}})
	if err == nil || !strings.Contains(err.Error(), "is also an input") {
		t.Errorf("got %v", err)
	}
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, data) {
		t.Errorf("the input was changed (%v)", err)
	}
}

func TestFailuresOfAFailedRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "failed.json")
	var stdout bytes.Buffer
	env, _ := testEnv(bytes.NewReader(segment(t, record.Binary, 0, 12)), &stdout)
	err := Filter(t.Context(), env, &Flags{Jobs: 1, MaxSkips: "1", Failures: path}, nil, Stage{
		Func: func(context.Context, *record.Item) (Result, error) { return Result{Skipped: "bad"}, nil }})
	if err == nil || !strings.Contains(err.Error(), "too many skipped: 2 of 2 records (bad: 2)") {
		t.Fatalf("got %v", err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(items(read(t, file))); n != 2 {
		t.Errorf("%d failures kept, want 2", n)
	}
}

// A stage of batches gets each item once, in order, and never more than it
// asked for; the output is that of a stage of single items.
func TestFilterInBatches(t *testing.T) {
	in := bytes.Join([][]byte{segment(t, record.Binary, 0, 150), segment(t, record.Binary, 150, 3)}, nil)
	for _, size := range []int{1, 7, 1000} {
		var stdout bytes.Buffer
		env, stderr := testEnv(bytes.NewReader(in), &stdout)
		next := 0
		var total record.StageCounts
		err := Filter(t.Context(), env, &Flags{}, nil, Stage{
			BatchSize: size,
			Batch: func(_ context.Context, items []*record.Item) ([]Result, error) {
				if len(items) == 0 || len(items) > size {
					t.Errorf("%d items at once, want 1 to %d", len(items), size)
				}
				results := make([]Result, len(items))
				for i, item := range items {
					if number(item) != next {
						t.Errorf("item %d, want %d", number(item), next)
					}
					switch next++; number(item) % 10 {
					case 3:
						results[i].Removed = "three"
					case 4:
						results[i].Skipped = "four"
					default:
						results[i].Items = []*record.Item{item}
					}
				}
				return results, nil
			},
			Finish: func(c record.StageCounts) error { total = c; return nil },
		})
		if err != nil {
			t.Fatal(err, stderr)
		}
		if total.In != 153 || total.Out != 123 || total.Removed["three"] != 15 || total.Skipped["four"] != 15 {
			t.Errorf("batches of %d: %+v", size, total)
		}
		for i, item := range items(read(t, stdout.Bytes())) {
			if want := i/8*10 + []int{0, 1, 2, 5, 6, 7, 8, 9}[i%8]; number(item) != want {
				t.Fatalf("batches of %d: item %d is %d, want %d", size, i, number(item), want)
			}
		}
	}
}

// A batch that fails, and one with too few results, end the stage, and no end
// is written.
func TestFilterBatchFails(t *testing.T) {
	for _, fail := range []error{errors.New("no memory"), nil} {
		var stdout bytes.Buffer
		env, _ := testEnv(bytes.NewReader(segment(t, record.Binary, 0, 50)), &stdout)
		finished := false
		err := Filter(t.Context(), env, &Flags{}, nil, Stage{
			BatchSize: 8,
			Batch:     func(context.Context, []*record.Item) ([]Result, error) { return nil, fail },
			Finish:    func(record.StageCounts) error { finished = true; return nil },
		})
		if err == nil || fail != nil && !errors.Is(err, fail) || finished {
			t.Errorf("%v, want %v; finished: %v", err, fail, finished)
		}
		if _, err := record.NewReader(bytes.NewReader(stdout.Bytes())).Read(); err != nil {
			t.Errorf("the header is missing: %v", err)
		}
		if bytes.Contains(stdout.Bytes(), []byte("end")) {
			t.Error("an end was written")
		}
	}
}
