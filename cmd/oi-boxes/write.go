package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/opensandwich/oi/cmd/internal/classset"
	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/openimages"
	"github.com/opensandwich/oi/cmd/internal/openimages/selection"
	"github.com/opensandwich/oi/cmd/internal/stream"
	"github.com/opensandwich/oi/record"
)

// A writer answers a query on standard output.
type writer struct {
	*options
	env     *cli.Env
	query   *selection.Query
	set     *classset.Set
	out     *stream.Output
	account *stream.Counters
	begun   bool          // the header is written
	buffers chan *encoded // of items that have been written, to be used again
	room    atomic.Int64  // what the items of a batch have taken at the most, in bytes
	flushed time.Time
}

// encoded is some items on their way out.
type encoded struct {
	bytes []byte
	items record.Digest
}

// A ledger is the accounts of a query, in which rows come in and items go out.
// Which ones go out is counted where they are written.
type ledger struct{ *stream.Counters }

func (l ledger) In(n int64)  { l.Counters.In(n, record.Digest{}) }
func (l ledger) Out(n int64) { l.Counters.Out(n, record.Digest{}) }

// firstRoom is what a buffer has for items in the beginning: enough for a batch
// of most, so that it does not grow by many steps.
const firstRoom = 160 << 10

// maxBuffers is how many buffers for items are kept to be used again.
const maxBuffers = 16

// flushEvery is how often what is written is handed on, so that the next stage
// can begin while a list is still being downloaded.
const flushEvery = time.Second

// run writes the stream. Nothing is written before there is a first item, so
// that a query that finds nothing leaves nothing behind.
func (w *writer) run(ctx context.Context) (err error) {
	header := &record.Header{Version: record.Version, Classes: w.labels()}
	w.account.MakesItems()
	if err := w.account.Begin(header); err != nil {
		return err
	}
	selected, err := w.query.Collect(ctx, ledger{w.account})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, selected.Close()) }()
	header.Stages = []record.Stage{{Tool: w.env.Name, Version: w.env.Version, Args: w.args()}}
	begin := func() error {
		if w.begun {
			return nil
		}
		w.begun = true
		header.Expected = selected.Expected()
		return w.out.Write(header)
	}
	err = selection.Emit(ctx, selected, w.encoder, func(made *encoded, n int64) error {
		if err := begin(); err != nil {
			return err
		}
		if err := w.out.WriteEncoded(made.bytes); err != nil {
			return err
		}
		w.account.Out(0, made.items)
		w.room.Store(max(w.room.Load(), int64(len(made.bytes))))
		select {
		case w.buffers <- made:
		default:
		}
		if now := w.env.Now(); now.Sub(w.flushed) >= flushEvery {
			w.flushed = now
			return w.out.Flush()
		}
		return nil
	})
	if err != nil {
		return err
	}
	w.filters.only.tell(w.env, "--ids")
	w.filters.not.tell(w.env, "--exclude-ids")
	if err := w.found(selected); err != nil {
		return err
	}
	writeTable(w.env, w.query, selected)
	w.tellDoubles(selected)
	count, err := w.account.End()
	if err != nil {
		return err
	}
	if count.Out == 0 {
		if err := w.nothingLeft(count); err != nil {
			return err
		}
	}
	if err := w.account.Judge(); err != nil {
		return err
	}
	if err := begin(); err != nil {
		return err
	}
	if err := w.out.Write(&record.End{Stages: []record.StageCounts{count}}); err != nil {
		return err
	}
	return w.out.Close()
}

// encoder returns a function that appends an item's bytes to a buffer.
func (w *writer) encoder() func(*encoded, *record.Item) (*encoded, error) {
	encoder := w.out.NewEncoder()
	return func(made *encoded, item *record.Item) (*encoded, error) {
		if made == nil {
			select {
			case made = <-w.buffers:
				*made = encoded{bytes: made.bytes[:0]}
			default:
				room := w.room.Load()
				made = &encoded{bytes: make([]byte, 0, room+room/8)}
			}
		}
		var err error
		made.items = made.items.Plus(record.DigestOf(item))
		made.bytes, err = encoder.Append(made.bytes, item)
		return made, err
	}
}

// found warns of labels without a row, and fails if there is none at all.
func (w *writer) found(s *selection.Selection) error {
	where := fmt.Sprintf("%s of %s", strings.Join(w.subsets, ", "), w.query.Dataset.Name)
	box := "box"
	if w.imageLabels {
		box = "photo"
	}
	if n := s.Malformed(); s.Rows() == 0 && n > 0 {
		err := fmt.Errorf("no readable %s of %s in %s (malformed rows: %d)", box, openimages.ListNames(w.query.Classes, "or"), where, n)
		return cli.WithHint(err, "-v names each row that was skipped and why")
	}
	var none []openimages.Class
	var without []int // the numbers of these
	for i, class := range w.query.Classes {
		if s.Tally(i).Rows == 0 {
			none = append(none, class)
			without = append(without, i)
		}
	}
	if s.Rows() == 0 {
		err := fmt.Errorf("no %s of %s in %s", box, openimages.ListNames(w.query.Classes, "or"), where)
		var hints []string
		if hint := w.slashHint(without); hint != "" {
			hints = append(hints, hint)
		}
		if len(w.subsets) < len(openimages.Subsets()) {
			hints = append(hints, "--subset train,validation,test looks at all subsets")
		}
		return cli.WithHint(err, strings.Join(hints, "; "))
	}
	if len(none) > 0 {
		w.env.Warnf("no %s of %s in %s", box, openimages.ListNames(none, "or"), where)
		if hint := w.slashHint(without); hint != "" {
			w.env.Warnf("hint: %s", hint)
		}
	}
	w.fellShort(s, box)
	if w.official() && !slices.Contains(w.subsets, openimages.Train) {
		w.env.Infof("no row is for training, as every row keeps its subset; --split hash divides them")
	}
	return nil
}

// fellShort says where there is less than was asked for. It looks at the whole,
// not at a shard.
func (w *writer) fellShort(s *selection.Selection, box string) {
	total := int64(0)
	var none []openimages.Class
	for i, class := range w.query.Classes {
		t := s.Tally(i)
		left := t.Kept + t.Lost[selection.ReasonShard]
		total += left
		if t.Rows > 0 && left == 0 && t.Lost[selection.ReasonLimit] == 0 {
			none = append(none, class)
		}
	}
	negatives := s.Tally(len(w.query.Classes)).Rows
	if len(none) > 0 && total+negatives > 0 { // else that is an error of its own
		w.env.Warnf("no %s of %s is left", box, openimages.ListNames(none, "or"))
	}
	if 0 < total && total < w.limit {
		w.env.Infof("only %d for --limit %d: no more are left", total, w.limit)
	}
	if negatives < w.negatives {
		w.env.Warnf("only %d for --negatives %d: no more are left", negatives, w.negatives)
	}
	if n := s.SharedNegatives(); n > 0 {
		w.env.Warnf("--strict-authors: negatives of validation or test by authors with train rows: %d, as no others are left", n)
	}
}

// nothingLeft is the error of an answer without an item. A shard may well be
// empty; the others are not.
func (w *writer) nothingLeft(count record.StageCounts) error {
	if count.Removed[selection.ReasonShard] > 0 {
		w.env.Warnf("no photo is in shard %s", w.shard)
		return nil
	}
	err := errors.New("no box is left")
	if len(count.Skipped) > 0 {
		return cli.WithHint(err, "-v names each row that was skipped and why")
	}
	for _, m := range w.filters.asked {
		if n := count.Removed[m.reason]; n > 0 && m.want != known {
			return cli.WithHint(err, fmt.Sprintf("--%s %s took %d away; where nobody looked, only any keeps a box", m.flag, m.want, n))
		}
	}
	return cli.WithHint(err, "the table above tells which rule took them away")
}

// labels are those of the stream, sorted by name.
func (w *writer) labels() []record.Class {
	var list []record.Class
	for _, class := range w.query.Classes {
		list = append(list, record.Class{MID: class.MID, Name: class.Name, Supercategory: w.above[class.MID]})
	}
	if w.query.Negatives > 0 {
		list = append(list, record.Class{Name: w.query.NotName})
	}
	slices.SortFunc(list, func(a, b record.Class) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// args are the options that change the result, for the trail.
func (w *writer) args() map[string]string {
	args := w.choice.Args()
	maps.Copy(args, w.filters.args())
	args["classes"], args["without"] = w.set.Args()
	args["subset"] = strings.Join(w.subsets, ",")
	args["split"] = "official"
	if !w.official() {
		args["split"] = "hash"
		args["val"] = strconv.FormatFloat(w.sets.Val, 'g', -1, 64)
		args["test"] = strconv.FormatFloat(w.sets.Test, 'g', -1, 64)
		args["set-seed"] = strconv.FormatUint(w.sets.Seed, 10)
	}
	for name, n := range map[string]int64{"limit": w.limit, "max-per-class": w.perClass, "negatives": w.negatives} {
		if n > 0 {
			args[name] = strconv.FormatInt(n, 10)
			args["seed"] = strconv.FormatUint(w.seed, 10)
		}
	}
	for name, on := range map[string]bool{"balance": w.balance, "image-labels": w.imageLabels, "strict-authors": w.strict} {
		if on {
			args[name] = "true"
		}
	}
	if w.doubles.drop() {
		args["double-labels"] = w.doubles.rule
	}
	if w.balance {
		args["seed"] = strconv.FormatUint(w.seed, 10)
	}
	if w.shard.of > 1 {
		args["shard"] = w.shard.String()
	}
	maps.DeleteFunc(args, func(_, value string) bool { return value == "" })
	return args
}
