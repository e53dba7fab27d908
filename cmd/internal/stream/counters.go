package stream

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/status"
	"github.com/opensandwich/oi/record"
)

// defaultMaxSkips is what --max-skips is where it is not given. A share of a
// few records means nothing to somebody who asked for none.
const defaultMaxSkips = "25% from 20"

// lookAfter is the number of records after which a share is looked at for the
// first time, before the input has ended.
const lookAfter = 200

// parseMaxSkips reads the value of --max-skips, "" for the default.
func parseMaxSkips(text string) (record.SkipLimit, error) {
	if text == "" {
		text = defaultMaxSkips
	}
	limit, err := record.ParseSkipLimit(text)
	if err != nil {
		return limit, cli.Usagef("--max-skips %s: %w", text, err)
	}
	return limit, nil
}

// Counters count what happens to a stage's records, by segment and in
// all, and stop the stage when too many are skipped. They are used by one
// goroutine.
type Counters struct {
	env       *cli.Env
	flags     *Flags
	shards    map[string]bool // I/N, of which segments came
	limit     record.SkipLimit
	source    bool // what comes in are no items
	deferred  bool // whoever joins the pieces judges what was skipped
	segment   record.StageCounts
	kept      record.Digest // of the items that came in, those that stay
	total     record.StageCounts
	failures  *failures
	status    *status.Status
	making    bool  // of what goes out, not of what comes in
	expected  int64 // records, 0: not known
	announced int64 // records that are sure to come, or have come
	start     time.Time
	ended     bool // a segment came to its end
}

// NewCounters returns the counters of the stage env.Name, which reads inputs:
// no failures file may replace one. Finish must be called.
func NewCounters(env *cli.Env, f *Flags, inputs ...string) (*Counters, error) {
	limit, err := parseMaxSkips(f.MaxSkips)
	if err != nil {
		return nil, err
	}
	c := &Counters{env: env, flags: f, shards: map[string]bool{}, limit: limit, start: env.Now()}
	c.total.Tool = env.Name
	c.open()
	if f.Failures != "" {
		if err := f.AddJobFile(env, "--failures", f.Failures); err != nil {
			return nil, err
		}
		c.failures, err = createFailures(f.Failures, f.pieces, inputs)
		if err != nil {
			return nil, err
		}
	}
	c.status = StartStatus(env, "records")
	return c, nil
}

// StartStatus begins to show progress where a person would see it, of what unit
// names in the plural. The status must be stopped.
func StartStatus(env *cli.Env, unit string) *status.Status {
	subject := status.Subject{Name: env.Name, Unit: unit, Columns: env.StderrColumns}
	if env.StderrTTY && !env.Quiet {
		return status.Start(env.Stderr, subject, env.Now)
	}
	return status.Start(nil, subject, env.Now)
}

// open starts the counts of a segment.
func (c *Counters) open() {
	c.segment = record.StageCounts{Tool: c.env.Name, Digests: &record.Digests{Source: c.source}}
	c.kept = record.Digest{}
}

// MakesItems says that what comes in are no items, but what they are made of.
// Only of those that go out it is counted which they are. It is called before
// Begin.
func (c *Counters) MakesItems() { c.source = true }

// Begin starts a segment whose items are known by h, the header as it was
// before this stage.
func (c *Counters) Begin(h *record.Header) error {
	c.open()
	c.Expect(h.Expected)
	for _, stage := range h.Stages {
		if shard := stage.Args["shard"]; shard != "" {
			c.shards[shard] = true
		}
	}
	return c.failures.begin(h)
}

// Expect says that about n more records are to come in, 0 for not known: a
// hint, for the progress that is shown.
func (c *Counters) Expect(n int64) {
	c.expected += min(max(n, 0), math.MaxInt64-c.expected) // anybody may have written it
	c.status.SetTotal(c.expected)
}

// Announce says that n more records are to come in, of a stage that has counted
// them: a share of records that may be skipped is one of all of them.
func (c *Counters) Announce(n int64) {
	c.announced += n
	c.Expect(n)
}

// Making says that the input has been read and that n items are to be made of
// it, 0 for not known: progress is that of the items that go out from now on,
// which unit names in the plural.
func (c *Counters) Making(unit string, n int64) {
	c.status.Stop()
	c.status, c.making = StartStatus(c.env, unit), true
	c.status.SetTotal(n)
}

// In counts n records that came in, which are those of items.
func (c *Counters) In(n int64, items record.Digest) {
	c.segment.Digests.In = c.segment.Digests.In.Plus(items)
	c.segment.In += n
	c.total.In += n
	c.status.Add(n)
}

// Out counts n records that went out, which are those of items.
func (c *Counters) Out(n int64, items record.Digest) {
	c.segment.Digests.Out = c.segment.Digests.Out.Plus(items)
	c.segment.Out += n
	c.total.Out += n
	if c.making {
		c.status.Add(n)
	}
}

// Keep says that items came in and stay: those that came in and were neither
// kept nor skipped were removed, and those that go out besides the kept ones
// were added.
func (c *Counters) Keep(items record.Digest) { c.kept = c.kept.Plus(items) }

// Add counts n items made from others.
func (c *Counters) Add(reason string, n int64) {
	count(&c.segment.Added, reason, n)
	count(&c.total.Added, reason, n)
}

// Remove counts n items that a filter took out.
func (c *Counters) Remove(reason string, n int64) {
	count(&c.segment.Removed, reason, n)
	count(&c.total.Removed, reason, n)
}

// Skip counts an item that failed, keeps it for the failures file, and
// returns an error once there are too many. item may be nil where there is
// none, as for a malformed row.
func (c *Counters) Skip(item *record.Item, reason, detail string) error {
	return c.Fail(item, record.Failure{Reason: reason, Detail: detail})
}

// Fail is Skip for a stage that knows more of the failure.
func (c *Counters) Fail(item *record.Item, f record.Failure) error {
	f.Stage = c.env.Name
	count(&c.segment.Skipped, f.Reason, 1)
	count(&c.total.Skipped, f.Reason, 1)
	c.status.Skip()
	name := "a record"
	if item != nil {
		c.segment.Digests.Skipped = c.segment.Digests.Skipped.Plus(record.DigestOf(item))
		name = item.Key
		if name == "" {
			name = item.ID
		}
		failed := *item
		failed.Failure = &f
		if err := c.failures.write(&failed); err != nil {
			return err
		}
	}
	if f.Detail == "" {
		c.env.Debugf("skipped %s: %s", name, f.Reason)
	} else {
		c.env.Debugf("skipped %s: %s: %s", name, f.Reason, f.Detail)
	}
	in, skipped := max(c.total.In, c.announced), sum(c.total.Skipped)
	if c.deferred || c.limit.IsPercentage() && in < lookAfter || !c.limit.Exceeded(in, skipped) {
		return nil
	}
	return c.tooMany(in)
}

// Judge returns an error if too many records were skipped in all. It is to be
// called after the last segment and before its end record is written.
func (c *Counters) Judge() error {
	switch {
	case c.deferred:
		return nil
	case c.total.AllSkipped():
		return cli.WithHint(c.tooMany(c.total.In), "nothing came through, which is a failure whatever --max-skips allows; -v names each one")
	case c.limit.Exceeded(c.total.In, sum(c.total.Skipped)):
		return c.tooMany(c.total.In)
	}
	return nil
}

func (c *Counters) tooMany(in int64) error {
	return cli.WithHint(fmt.Errorf("too many skipped: %d of %d records (%s)", sum(c.total.Skipped), in, reasons(c.total.Skipped)),
		fmt.Sprintf("-v names each one; --max-skips allows more than %s", c.limit))
}

// CloseSegment is End for a stage that passes on the last record of its input's
// segment, an *End or a *Part: it returns that record with the counts added.
func (c *Counters) CloseSegment(last record.Record) (record.Record, error) {
	count, err := c.End()
	if err != nil {
		return nil, err
	}
	add := func(to []record.StageCounts) []record.StageCounts {
		return append(to[:len(to):len(to)], count)
	}
	switch last := last.(type) {
	case *record.End:
		end := *last
		end.Stages = add(end.Stages)
		return &end, nil
	case *record.Part:
		count.MaxSkips = c.limit.String()
		part := *last
		part.Stages = add(part.Stages)
		return &part, nil
	}
	return nil, fmt.Errorf("a segment cannot end with %T", last)
}

// End closes the segment and returns its counts.
func (c *Counters) End() (record.StageCounts, error) {
	if d := c.segment.Digests; !d.Source {
		d.Removed = d.In.Minus(c.kept).Minus(d.Skipped)
		d.Added = d.Out.Minus(c.kept)
	}
	if !c.segment.Balanced() {
		return record.StageCounts{}, fmt.Errorf("the account of %s does not balance: %+v", c.env.Name, c.segment)
	}
	c.ended = true
	return c.segment, c.failures.end()
}

// Total returns the count over all segments so far.
func (c *Counters) Total() record.StageCounts { return c.total }

// Finish ends the counting: the failures file appears, and env has a summary. It
// must be called however the stage ended.
func (c *Counters) Finish() error {
	c.status.Stop()
	err := c.failures.commit()
	t := c.total
	if t.In == 0 && !c.ended {
		return err // nothing has happened: an error says why
	}
	c.flags.warnOfShards(c.env, c.shards)
	line := fmt.Sprintf("%d in, %d out", t.In, t.Out)
	for _, part := range []struct {
		verb   string
		counts map[string]int64
	}{{"added", t.Added}, {"removed", t.Removed}, {"skipped", t.Skipped}} {
		if n := sum(part.counts); n > 0 {
			line += fmt.Sprintf(", %d %s (%s)", n, part.verb, reasons(part.counts))
		}
	}
	c.env.Summary = fmt.Sprintf("%s, %.1f s", line, c.env.Now().Sub(c.start).Seconds())
	return err
}

func count(m *map[string]int64, reason string, n int64) {
	if n == 0 {
		return
	}
	if *m == nil {
		*m = map[string]int64{}
	}
	(*m)[reason] += n
}

func sum(m map[string]int64) int64 {
	var n int64
	for _, v := range m {
		n += v
	}
	return n
}

func reasons(m map[string]int64) string {
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%s: %d", reason, m[reason]))
	}
	return strings.Join(parts, ", ")
}
