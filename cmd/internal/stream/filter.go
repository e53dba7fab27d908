package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/record"
)

// inFlight bounds the bytes of records between reading and writing.
const inFlight = 24 << 20

// A Stage is what makes one filter different from another.
type Stage struct {
	// Args are the options that change results, for the provenance.
	Args map[string]string
	// Source is where the records come from, nil for the files.
	Source Source
	// Header looks at and may change each segment's header before the stage
	// adds itself to the provenance. It is called in the order of the
	// input, and the Func it returns, unless nil, works on this segment's
	// items.
	Header func(*record.Header) (Func, error)
	// Changes reports whether the stage changes the items of a segment; nil
	// is yes. One that only passes them on adds itself to no provenance.
	Changes func(*record.Header) bool
	// Need is the part that every item must have: "", "image", "fetched" or
	// "tensor".
	Need string
	// AddedBytes is the number of bytes that Func adds to an item, about.
	AddedBytes int64
	// Func works on the items of segments for which Header returned no
	// other.
	Func Func
	// Batch works on the items where it is set, in place of Func: on those
	// that have arrived, at most BatchSize at once.
	Batch     BatchFunc
	BatchSize int
	// Emit sees each outgoing item in order, before it is written.
	Emit func(*record.Item) error
	// Written sees each of them again when it was written: what Emit lent
	// it may be taken back.
	Written func(*record.Item) error
	// Finish is called when all is written, with the counts of all
	// segments.
	Finish func(record.StageCounts) error
	// MustDrain says that the stage has more to give than its output: it
	// reads on to the end after a broken pipe.
	MustDrain bool
	// NoOutput says that nothing goes to standard output.
	NoOutput bool
}

// A Source yields records, and io.EOF after the last one. *Input is one.
type Source interface {
	Read() (record.Record, error)
	Close() error
}

// A Func turns one item into none, one or several. It is called from many
// goroutines. An error ends the stage.
type Func func(context.Context, *record.Item) (Result, error)

// A BatchFunc is a Func of several items at once, and returns a Result for each
// of them. It is called from one goroutine, in the order of the input. How many
// items it is called with depends on timing, so that no Result may.
type BatchFunc func(context.Context, []*record.Item) ([]Result, error)

// A Result is what became of an item.
type Result struct {
	Items   []*record.Item
	Added   string // why there is more than one
	Removed string // the filter that took it out
	Skipped string // the reason it failed, a short stable word
	Detail  string // one line for people
	// Failure is more about an item that failed, if there is more to say.
	// It stands in place of Skipped and Detail.
	Failure *record.Failure
}

// Filter reads items from files, or standard input, works on them in
// parallel and writes the results in the order of the input.
func Filter(ctx context.Context, env *cli.Env, f *Flags, files []string, s Stage) (err error) {
	var out *Output
	if !s.NoOutput {
		if out, err = Create(env, f); err != nil {
			return err
		}
	}
	in := s.Source
	if in == nil {
		if in, err = Open(env, f, files); err != nil {
			return err
		}
	}
	counters, err := NewCounters(env, f, files...)
	if err != nil {
		return err
	}
	counters.deferred = f.Part && out != nil && out.framed() // else there is no part to join
	defer func() { err = errors.Join(err, counters.Finish()) }()

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	run := &filter{env: env, stage: s, flags: f, in: in, out: out, counters: counters}
	return run.run(ctx, cancel)
}

// filter is one run of Filter.
type filter struct {
	env      *cli.Env
	flags    *Flags
	stage    Stage
	in       Source
	out      *Output // nil: no output, or its pipe is broken
	counters *Counters
	end      record.Record // of the last segment, held back until more follows

	working sync.RWMutex // held for reading by workers at work
	stopped bool
}

// A task is a record on its way through.
type task struct {
	record record.Record
	header *record.Header // what becomes of a header
	work   Func           // what is done to an item
	weight int64
	came   record.Digest // of the item before any work was done
	result Result
	err    error
	done   chan struct{}
}

func (r *filter) run(ctx context.Context, cancel context.CancelCauseFunc) error {
	jobs := r.flags.Workers()
	work := make(chan *task, r.stage.BatchSize)
	ordered := make(chan *task, max(4*jobs, 2*r.stage.BatchSize))
	room := semaphore.NewWeighted(inFlight)

	var workers sync.WaitGroup
	if r.stage.Batch != nil {
		workers.Go(func() { r.workInBatches(ctx, work) })
	} else {
		for range jobs {
			workers.Go(func() {
				for t := range work {
					t.err = r.unlessStopped(ctx, func() (err error) {
						t.result, err = t.work(ctx, t.record.(*record.Item))
						return err
					})
					close(t.done)
				}
			})
		}
	}
	workers.Go(func() {
		defer close(ordered)
		defer close(work)
		r.read(ctx, room, work, ordered)
	})
	if err := r.write(room, ordered); err != nil {
		if errors.Is(err, errNoEnd) && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		// The reader may be waiting for a stage that writes nothing
		// more. It is abandoned together with the input, which it alone
		// may close.
		cancel(err)
		r.stop()
		return err
	}
	workers.Wait()
	return r.in.Close()
}

// workInBatches gives the stage's Batch what has arrived, again and again.
func (r *filter) workInBatches(ctx context.Context, work <-chan *task) {
	for first := range work {
		batch := append(make([]*task, 0, r.stage.BatchSize), first)
		for more := true; more && len(batch) < r.stage.BatchSize; {
			select {
			case t, open := <-work:
				if more = open; open {
					batch = append(batch, t)
				}
			default:
				more = false
			}
		}
		items := make([]*record.Item, len(batch))
		for i, t := range batch {
			items[i] = t.record.(*record.Item)
		}
		var results []Result
		err := r.unlessStopped(ctx, func() (err error) {
			results, err = r.stage.Batch(ctx, items)
			if err == nil && len(results) != len(items) {
				err = fmt.Errorf("%d results of %d items", len(results), len(items))
			}
			return err
		})
		for i, t := range batch {
			if t.err = err; err == nil {
				t.result = results[i]
			}
			close(t.done)
		}
	}
}

// unlessStopped calls f, the stage's work, unless the stage has failed.
func (r *filter) unlessStopped(ctx context.Context, f func() error) error {
	r.working.RLock()
	defer r.working.RUnlock()
	if r.stopped {
		return context.Cause(ctx)
	}
	return f()
}

// stop returns when no worker is at work: the caller of Filter may then close
// what they work with.
func (r *filter) stop() {
	r.working.Lock()
	defer r.working.Unlock()
	r.stopped = true
}

// read feeds the workers, and hands everything to the writer in order.
func (r *filter) read(ctx context.Context, room *semaphore.Weighted, work, ordered chan<- *task) {
	fn := r.stage.Func
	last := int64(0)
	for {
		// A record takes memory while it is read, before its size is
		// known: next to a large one there is to be room for another.
		if next := min(last, inFlight/2); next > inFlight/4 {
			if room.Acquire(ctx, next) != nil {
				return
			}
			room.Release(next)
		}
		t := &task{done: make(chan struct{})}
		t.record, t.err = r.in.Read()
		if h, ok := t.record.(*record.Header); ok {
			t.header, fn, t.err = r.header(h)
		}
		t.work = fn
		item, isItem := t.record.(*record.Item)
		if t.err == nil && isItem {
			t.err = Need(r.env, item, r.stage.Need)
			t.came = record.DigestOf(item)
			t.weight = min(weight(item)+r.stage.AddedBytes, inFlight)
		}
		last = t.weight
		if t.err == nil && room.Acquire(ctx, t.weight) != nil {
			t.err = context.Cause(ctx)
		}
		failed := t.err != nil
		if failed || !isItem {
			close(t.done)
		}
		select {
		case ordered <- t:
		case <-ctx.Done():
			return
		}
		if failed {
			return
		}
		if isItem {
			select {
			case work <- t:
			case <-ctx.Done():
				t.err = context.Cause(ctx)
				close(t.done)
				return
			}
		}
	}
}

// header returns what becomes of a segment's header, and of its items.
func (r *filter) header(in *record.Header) (*record.Header, Func, error) {
	out, fn := *in, r.stage.Func
	if r.stage.Header != nil {
		special, err := r.stage.Header(&out)
		if err != nil {
			return nil, nil, err
		}
		if special != nil {
			fn = special
		}
	}
	out.Piece = r.flags.Part
	if r.stage.Changes != nil && !r.stage.Changes(in) {
		return &out, fn, nil
	}
	out.Stages = append(out.Stages[:len(out.Stages):len(out.Stages)],
		record.Stage{Tool: r.env.Name, Version: r.env.Version, Args: r.stage.Args})
	return &out, fn, nil
}

// write takes the tasks in order until the input's end or the first error.
func (r *filter) write(room *semaphore.Weighted, ordered <-chan *task) error {
	for {
		t, err := r.next(ordered)
		if err != nil {
			return err
		}
		select {
		case <-t.done:
		default:
			// Nothing is ready: what is written so far should not
			// wait.
			if err := r.flush(); err != nil {
				return err
			}
			<-t.done
		}
		if errors.Is(t.err, io.EOF) {
			return r.finish()
		}
		if t.err != nil {
			return r.fail(t.err)
		}
		if err := r.handle(t); err != nil {
			return r.fail(err)
		}
		room.Release(t.weight)
	}
}

// errNoEnd is what the writer sees of a reader that has given up.
var errNoEnd = errors.New("the input ended without an end")

// next returns the next task. While there is none, what is written so far does
// not wait for it: the stage before may be slow.
func (r *filter) next(ordered <-chan *task) (*task, error) {
	var t *task
	select {
	case t = <-ordered:
	default:
		if err := r.flush(); err != nil {
			return nil, err
		}
		t = <-ordered
	}
	if t == nil {
		return nil, errNoEnd
	}
	return t, nil
}

// fail ends the output after an error: what was done before it still goes out.
func (r *filter) fail(err error) error {
	if errors.Is(err, ErrBrokenPipe) {
		return err
	}
	return errors.Join(err, r.flush())
}

// handle counts a record and writes what became of it.
func (r *filter) handle(t *task) error {
	switch v := t.record.(type) {
	case *record.Header:
		if err := r.emitEnd(); err != nil {
			return err
		}
		if err := r.counters.Begin(v); err != nil {
			return err
		}
		return r.emit(t.header)
	case *record.Item:
		return r.item(v, t.came, t.result)
	}
	end, err := r.counters.CloseSegment(t.record)
	r.end = end
	return err
}

// emitEnd writes the end of the last segment. It is held back until the next
// segment begins or the input has ended, because what came of the whole input
// decides whether the output ends well.
func (r *filter) emitEnd() error {
	if r.end == nil {
		return nil
	}
	end := r.end
	r.end = nil
	return r.emit(end)
}

// finish ends the output after the last record, if not too much was skipped.
func (r *filter) finish() error {
	r.counters.deferred = r.counters.deferred && r.out != nil // nobody joins what nobody reads
	if err := r.counters.Judge(); err != nil {
		return r.fail(err)
	}
	if err := r.emitEnd(); err != nil {
		return r.fail(err)
	}
	if err := r.close(); err != nil || r.stage.Finish == nil {
		return err
	}
	return r.stage.Finish(r.counters.Total())
}

func (r *filter) item(item *record.Item, came record.Digest, result Result) error {
	r.counters.In(1, came)
	if err := r.counters.failures.came(came); err != nil {
		return err
	}
	switch {
	case result.Failure != nil:
		return r.counters.Fail(item, *result.Failure)
	case result.Skipped != "":
		return r.counters.Skip(item, result.Skipped, result.Detail)
	case result.Removed != "":
		r.counters.Remove(result.Removed, 1)
		return nil
	case len(result.Items) == 0:
		return fmt.Errorf("record %s: nothing came of it", item.Key)
	}
	r.counters.Keep(came)
	r.counters.Add(result.Added, int64(len(result.Items)-1))
	r.counters.Out(int64(len(result.Items)), record.DigestOf(result.Items...))
	for _, out := range result.Items {
		out.Failure = nil // it came through this time
		if r.stage.Emit != nil {
			if err := r.stage.Emit(out); err != nil {
				return err
			}
		}
		if err := r.emit(out); err != nil {
			return err
		}
		if r.stage.Written != nil {
			if err := r.stage.Written(out); err != nil {
				return err
			}
		}
	}
	return nil
}

// emit writes a record unless there is nobody to read it.
func (r *filter) emit(v record.Record) error {
	if r.out == nil {
		return nil
	}
	return r.ignoreBrokenPipe(r.out.Write(v))
}

func (r *filter) flush() error {
	if r.out == nil {
		return nil
	}
	return r.ignoreBrokenPipe(r.out.Flush())
}

func (r *filter) close() error {
	if r.out == nil {
		return nil
	}
	return r.ignoreBrokenPipe(r.out.Close())
}

// ignoreBrokenPipe forgets the output after a broken pipe, if the stage is to
// read on to the end all the same.
func (r *filter) ignoreBrokenPipe(err error) error {
	if errors.Is(err, ErrBrokenPipe) && r.stage.MustDrain {
		r.out = nil
		return nil
	}
	return err
}

// weight is the memory of an item, about.
func weight(item *record.Item) int64 {
	n := int64(2 << 10)
	if item.Fetched != nil {
		n += int64(len(item.Fetched.Bytes))
	}
	for _, view := range []*record.Tensor{item.Tensor, item.Context} {
		if view != nil {
			n += int64(len(view.Data))
		}
	}
	if item.Embedding != nil {
		n += int64(len(item.Embedding.Data))
	}
	return n
}

// Need returns an error that names the missing stage if item lacks part,
// which is "", "image", "fetched" or "tensor".
func Need(env *cli.Env, item *record.Item, part string) error {
	name := item.Key
	if name == "" {
		name = item.ID
	}
	switch {
	case part == "image" && item.ID == "":
		return cli.WithHint(fmt.Errorf("a record has no image id"), "run oi-boxes first: oi-boxes CLASS | "+env.Name)
	case part == "fetched" && item.Fetched == nil:
		return cli.WithHint(fmt.Errorf("record %s has no photo", name), "a stage is missing: … | oi-fetch | "+env.Name)
	case part == "fetched" && item.Fetched.Bytes == nil:
		return cli.WithHint(fmt.Errorf("record %s has no photo any more", name), "an earlier oi-crop dropped it; --keep-bytes there keeps it")
	case part == "tensor" && item.Tensor == nil:
		return cli.WithHint(fmt.Errorf("record %s has no tensor", name), "a stage is missing: … | oi-fetch | oi-crop | "+env.Name)
	}
	return nil
}
