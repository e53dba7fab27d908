package stream

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2"

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

// An Account counts what happens to a stage's records, by segment and in
// all, and stops the stage when too many are skipped. It is used by one
// goroutine.
type Account struct {
	env      *cli.Env
	limit    record.SkipLimit
	deferred bool // whoever joins the pieces judges what was skipped
	segment  record.StageCounts
	total    record.StageCounts
	failures *failures
	status   *status.Status
	start    time.Time
	ended    bool // a segment came to its end
}

// NewAccount opens the account of the stage env.Name, which reads inputs: no
// failures file may replace one. Finish must be called.
func NewAccount(env *cli.Env, f *Flags, inputs ...string) (*Account, error) {
	limit, err := parseMaxSkips(f.MaxSkips)
	if err != nil {
		return nil, err
	}
	a := &Account{env: env, limit: limit, start: env.Now()}
	a.segment.Tool, a.total.Tool = env.Name, env.Name
	if f.Failures != "" {
		a.failures, err = createFailures(f.Failures, inputs)
		if err != nil {
			return nil, err
		}
	}
	if env.StderrTTY && !env.Quiet {
		a.status = status.Start(env.Stderr, env.Name, env.Now)
	} else {
		a.status = status.Start(nil, env.Name, env.Now)
	}
	return a, nil
}

// Begin starts a segment whose items are known by h, the header as it was
// before this stage.
func (a *Account) Begin(h *record.Header) error {
	a.segment = record.StageCounts{Tool: a.env.Name}
	return a.failures.begin(h)
}

// In counts n records that came in.
func (a *Account) In(n int64) {
	a.segment.In += n
	a.total.In += n
	a.status.Add(n)
}

// Out counts n records that went out.
func (a *Account) Out(n int64) {
	a.segment.Out += n
	a.total.Out += n
}

// Add counts n items made from others.
func (a *Account) Add(reason string, n int64) {
	count(&a.segment.Added, reason, n)
	count(&a.total.Added, reason, n)
}

// Remove counts n items that a filter took out.
func (a *Account) Remove(reason string, n int64) {
	count(&a.segment.Removed, reason, n)
	count(&a.total.Removed, reason, n)
}

// Skip counts an item that failed, keeps it for the failures file, and
// returns an error once there are too many. item may be nil where there is
// none, as for a malformed row.
func (a *Account) Skip(item *record.Item, reason, detail string) error {
	return a.Fail(item, record.Failure{Reason: reason, Detail: detail})
}

// Fail is Skip for a stage that knows more of the failure.
func (a *Account) Fail(item *record.Item, f record.Failure) error {
	f.Stage = a.env.Name
	count(&a.segment.Skipped, f.Reason, 1)
	count(&a.total.Skipped, f.Reason, 1)
	a.status.Skip()
	name := "a record"
	if item != nil {
		name = item.Key
		if name == "" {
			name = item.ID
		}
		failed := *item
		failed.Failure = &f
		if err := a.failures.write(&failed); err != nil {
			return err
		}
	}
	if f.Detail == "" {
		a.env.Debugf("skipped %s: %s", name, f.Reason)
	} else {
		a.env.Debugf("skipped %s: %s: %s", name, f.Reason, f.Detail)
	}
	skipped := sum(a.total.Skipped)
	if a.deferred || a.limit.IsPercentage() && a.total.In < lookAfter || !a.limit.Exceeded(a.total.In, skipped) {
		return nil
	}
	return a.tooMany()
}

// Judge returns an error if too many records were skipped in all. It is to be
// called after the last segment and before its end record is written.
func (a *Account) Judge() error {
	switch {
	case a.deferred:
		return nil
	case a.total.AllSkipped():
		return cli.WithHint(a.tooMany(), "nothing came through, which is a failure whatever --max-skips allows; -v names each one")
	case a.limit.Exceeded(a.total.In, sum(a.total.Skipped)):
		return a.tooMany()
	}
	return nil
}

func (a *Account) tooMany() error {
	return cli.WithHint(fmt.Errorf("too many skipped: %d of %d records (%s)", sum(a.total.Skipped), a.total.In, reasons(a.total.Skipped)),
		fmt.Sprintf("-v names each one; --max-skips allows more than %s", a.limit))
}

// End closes the segment and returns its count.
func (a *Account) End() (record.StageCounts, error) {
	if !a.segment.Balanced() {
		return record.StageCounts{}, fmt.Errorf("the account of %s does not balance: %+v", a.env.Name, a.segment)
	}
	a.ended = true
	return a.segment, a.failures.end()
}

// Total returns the count over all segments so far.
func (a *Account) Total() record.StageCounts { return a.total }

// Finish ends the account: the failures file appears, and a summary is
// printed. It must be called however the stage ended.
func (a *Account) Finish() error {
	a.status.Stop()
	err := a.failures.commit()
	t := a.total
	if t.In == 0 && !a.ended {
		return err // nothing has happened: an error says why
	}
	line := fmt.Sprintf("%d in, %d out", t.In, t.Out)
	for _, part := range []struct {
		verb   string
		counts map[string]int64
	}{{"added", t.Added}, {"removed", t.Removed}, {"skipped", t.Skipped}} {
		if n := sum(part.counts); n > 0 {
			line += fmt.Sprintf(", %d %s (%s)", n, part.verb, reasons(part.counts))
		}
	}
	a.env.Infof("%s, %.1f s", line, a.env.Now().Sub(a.start).Seconds())
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

// failures is the file of skipped items. Its methods do nothing on nil.
type failures struct {
	file   *renameio.PendingFile
	writer *record.Writer
	open   bool // a segment is
	worth  bool // a segment came to its end, or an item failed
}

func createFailures(path string, inputs []string) (*failures, error) {
	if err := cli.CheckOutputFile(path, inputs...); err != nil {
		return nil, fmt.Errorf("--failures: %w", err)
	}
	file, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o666))
	if err != nil {
		return nil, fmt.Errorf("--failures: %w", err)
	}
	return &failures{file: file, writer: record.NewWriter(file, record.FramedJSON)}, nil
}

func (f *failures) begin(h *record.Header) error {
	if f == nil {
		return nil
	}
	if err := f.close(); err != nil {
		return err
	}
	f.open = true
	return f.wrap(f.writer.Write(h))
}

func (f *failures) write(item *record.Item) error {
	if f == nil {
		return nil
	}
	f.worth = true
	return f.wrap(f.writer.Write(item))
}

// end closes the segment of a stage that finished it.
func (f *failures) end() error {
	if f == nil || !f.open {
		return nil
	}
	f.worth = true
	return f.close()
}

func (f *failures) close() error {
	if !f.open {
		return nil
	}
	f.open = false
	return f.wrap(f.writer.Write(&record.End{}))
}

// commit makes the file appear, also when the stage failed and there is
// something in it: that is when it is needed most.
func (f *failures) commit() error {
	if f == nil {
		return nil
	}
	if !f.worth {
		return f.wrap(f.file.Cleanup())
	}
	err := f.close()
	if err == nil {
		err = f.writer.Flush()
	}
	if err != nil {
		return f.wrap(errors.Join(err, f.file.Cleanup()))
	}
	return f.wrap(f.file.CloseAtomicallyReplace())
}

func (f *failures) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("write the failures: %w", err)
}
