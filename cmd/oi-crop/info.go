package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/export/credits"
	"github.com/opensandwich/oi/cmd/internal/stream"
	"github.com/opensandwich/oi/record"
)

// describe prints what is in the streams. Of one that is damaged or cut it prints
// what there was, goes on with the next file, and then fails.
func (o *options) describe(ctx context.Context, env *cli.Env) error {
	names := env.Args
	if len(names) == 0 {
		names = []string{"-"}
	}
	attribution, err := o.createAttribution(env)
	if err != nil {
		return err
	}
	s := &summary{attribution: attribution, files: len(names), perLabel: map[string]map[string]int64{}, tensors: map[string]int64{}, contexts: map[string]int64{}, embeddings: map[string]int64{}}
	var errs []error
	for _, name := range names {
		err := s.file(ctx, env, o, name)
		if err == nil {
			s.wholeFiles++
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	readErr := errors.Join(errs...)
	if readErr != nil {
		readErr = errors.Join(readErr, attribution.Finish(readErr))
	} else {
		readErr = o.finishAttribution(env, attribution)
	}
	if s.records == 0 {
		return readErr
	}
	if o.stream.JSON != "" {
		return errors.Join(readErr, s.writeJSON(env.Stdout))
	}
	return errors.Join(readErr, s.write(env.Stdout))
}

// file reads one of the files.
func (s *summary) file(ctx context.Context, env *cli.Env, o *options, name string) (err error) {
	in, err := stream.Open(env, &o.stream, []string{name})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	return s.read(ctx, in)
}

// A summary is what --info says of a stream.
type summary struct {
	attribution *credits.File // nil: not wanted

	records    int64
	files      int
	wholeFiles int
	segments   int   // that came to their end
	wholeItems int64 // of these
	before     int64 // items, when the last segment began
	origin     dataset.Origin
	mixed      string // what is wrong with the versions of shards
	headers    []*record.Header
	accounts   []record.StageCounts
	items      int64
	perLabel   map[string]map[string]int64 // label, set: items
	photos     int64                       // items with bytes
	photoBytes int64
	noBytes    int64 // fetched items without
	tensors    map[string]int64
	contexts   map[string]int64
	embeddings map[string]int64
	background int64
	rotated    int64
	variants   int64
	epochs     int
	lost       record.Damage // by earlier stages that salvaged
}

func (s *summary) read(ctx context.Context, in *stream.Input) error {
	for {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		r, err := in.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		s.records++
		switch r := r.(type) {
		case *record.Header:
			s.headers, s.before = append(s.headers, r), s.items
			if err := s.origin.Begin(r); err != nil {
				s.mixed = err.Error()
			}
		case *record.End:
			s.close(r.Stages, r.Damage)
		case *record.Part:
			s.close(r.Stages, r.Damage)
		case *record.Item:
			if err := s.attribution.Add(credits.Of(r)); err != nil {
				return err
			}
			s.item(r)
		}
	}
}

// close takes what the end of a segment or piece says.
func (s *summary) close(accounts []record.StageCounts, lost *record.Damage) {
	s.accounts = append(s.accounts, accounts...)
	s.segments++
	s.wholeItems += s.items - s.before
	if lost != nil {
		s.lost.Regions += lost.Regions
		s.lost.Bytes += lost.Bytes
	}
}

func (s *summary) item(item *record.Item) {
	s.items++
	label := "(no label)"
	if item.Label != nil {
		label = item.Label.Name
	}
	if s.perLabel[label] == nil {
		s.perLabel[label] = map[string]int64{}
	}
	s.perLabel[label][item.Set]++
	if f := item.Fetched; f != nil {
		if len(f.Bytes) > 0 {
			s.photos++
			s.photoBytes += int64(len(f.Bytes))
		} else {
			s.noBytes++
		}
	}
	if t := item.Tensor; t != nil {
		s.tensors[shapeText(t)]++
	}
	if t := item.Context; t != nil {
		s.contexts[shapeText(t)]++
	}
	if e := item.Embedding; e != nil {
		at := fmt.Sprint(e.Side)
		if e.Context > 0 {
			at += fmt.Sprintf(" and %d", e.Context)
		}
		s.embeddings[fmt.Sprintf("%d %s at %s pixels by %s", e.Len(), e.DType, at, e.Of)]++
	}
	if c := item.Crop; c != nil {
		if c.Background {
			s.background++
		}
		if c.Rotation != 0 {
			s.rotated++
		}
	}
	if a := item.Augment; a != nil {
		s.variants++
		s.epochs = max(s.epochs, a.Epoch)
	}
}

// shapeText is what a picture is, for people.
func shapeText(t *record.Tensor) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(t.Shape), " ", "x"), "[]") + " " + t.DType
}

// whole says what is whole, if not all is or if there are shards.
func (s *summary) whole() []string {
	var lines []string
	if s.files > 1 && s.wholeFiles < s.files {
		lines = append(lines, fmt.Sprintf("%d of %d files", s.wholeFiles, s.files))
	}
	if s.segments < len(s.headers) {
		lines = append(lines, fmt.Sprintf("%d of %d segments, with %d of the %d items", s.segments, len(s.headers), s.wholeItems, s.items))
	}
	if text, ok := s.origin.Shards(); ok {
		lines = append(lines, "shards: "+cmp.Or(s.mixed, text))
	}
	return lines
}

// writeJSON writes the summary as data. Items without a set count under "".
func (s *summary) writeJSON(to io.Writer) error {
	unchecked, classes, stages := false, []record.Class{}, []record.Stage{}
	for _, h := range s.headers {
		unchecked = unchecked || h.Completeness == "unchecked"
		for _, c := range h.Classes {
			if !slices.ContainsFunc(classes, func(known record.Class) bool { return known.MID == c.MID && known.Name == c.Name }) {
				classes = append(classes, c)
			}
		}
		for _, stage := range h.Stages {
			if !slices.ContainsFunc(stages, func(known record.Stage) bool { return sameStage(known, stage) }) {
				stages = append(stages, stage)
			}
		}
	}
	type class struct {
		MID  string `json:"mid,omitempty"`
		Name string `json:"name"`
	}
	type stage struct {
		Tool    string            `json:"tool"`
		Version string            `json:"version,omitempty"`
		Args    map[string]string `json:"args,omitempty"`
	}
	type counts struct {
		Tool    string           `json:"tool"`
		In      int64            `json:"in"`
		Out     int64            `json:"out"`
		Added   map[string]int64 `json:"added,omitempty"`
		Removed map[string]int64 `json:"removed,omitempty"`
		Skipped map[string]int64 `json:"skipped,omitempty"`
		// MaxSkips is the limit of a piece, which nobody has judged.
		MaxSkips string `json:"max_skips,omitempty"`
	}
	description := struct {
		Items       int64                       `json:"items"`
		Segments    int                         `json:"segments"`
		Unchecked   bool                        `json:"unchecked,omitempty"`
		Whole       []string                    `json:"whole,omitempty"`
		Classes     []class                     `json:"classes"`
		Stages      []stage                     `json:"stages"`
		Labels      map[string]map[string]int64 `json:"labels"`
		Photos      int64                       `json:"photos"`
		PhotoBytes  int64                       `json:"photo_bytes"`
		NoBytes     int64                       `json:"photos_without_bytes"`
		Tensors     map[string]int64            `json:"tensors"`
		Contexts    map[string]int64            `json:"contexts,omitempty"`
		Embeddings  map[string]int64            `json:"embeddings,omitempty"`
		Background  int64                       `json:"background"`
		Rotated     int64                       `json:"rotated"`
		Variants    int64                       `json:"variants"`
		Epochs      int                         `json:"epochs"`
		LostBytes   int64                       `json:"lost_bytes"`
		LostRegions int64                       `json:"lost_regions"`
		Counts      []counts                    `json:"counts"`
	}{
		Items: s.items, Segments: len(s.headers), Unchecked: unchecked, Whole: s.whole(), Labels: s.perLabel, Photos: s.photos, PhotoBytes: s.photoBytes,
		Tensors: s.tensors, Contexts: s.contexts, Embeddings: s.embeddings, Background: s.background, Rotated: s.rotated, Variants: s.variants, Epochs: s.epochs, LostBytes: s.lost.Bytes,
		LostRegions: s.lost.Regions, NoBytes: s.noBytes,
		Classes: []class{}, Stages: []stage{}, Counts: []counts{},
	}
	for _, c := range classes {
		description.Classes = append(description.Classes, class{c.MID, c.Name})
	}
	for _, st := range stages {
		description.Stages = append(description.Stages, stage{st.Tool, st.Version, st.Args})
	}
	for _, c := range s.accounts {
		description.Counts = append(description.Counts, counts{c.Tool, c.In, c.Out, c.Added, c.Removed, c.Skipped, c.MaxSkips})
	}
	e := json.NewEncoder(to)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(description)
}

// write prints the summary. Names come from the stream and are escaped.
func (s *summary) write(to io.Writer) error {
	w := bufio.NewWriter(to) // its errors are sticky: Flush reports them
	s.writeTrail(w)
	fmt.Fprintf(w, "\nitems    %d", s.items)
	if len(s.headers) > 1 {
		fmt.Fprintf(w, " in %d segments", len(s.headers))
	}
	fmt.Fprintln(w)
	for _, line := range s.whole() {
		fmt.Fprintf(w, "whole    %s\n", cli.Escape(line))
	}
	if s.items > 0 {
		if err := s.writeCounts(w); err != nil {
			return err
		}
	}
	s.writeContents(w)
	if s.lost.Regions > 0 {
		fmt.Fprintf(w, "salvaged: %d bytes were lost to damage in %d places\n", s.lost.Bytes, s.lost.Regions)
	}
	for _, c := range s.accounts {
		fmt.Fprintf(w, "%-12s %s\n", cli.Escape(c.Tool), account(c))
	}
	return w.Flush()
}

func (s *summary) writeTrail(w io.Writer) {
	var classes []string
	unchecked := false
	title := "trail   "
	for i, h := range s.headers {
		for _, c := range h.Classes {
			name := c.Name
			if c.MID != "" {
				name += " " + c.MID
			}
			classes = append(classes, name)
		}
		unchecked = unchecked || h.Completeness == "unchecked"
		if i > 0 && slices.EqualFunc(h.Stages, s.headers[i-1].Stages, sameStage) {
			continue
		}
		for _, stage := range h.Stages {
			fmt.Fprintf(w, "%s %s\n", title, cli.Escape(strings.TrimSpace(stage.Tool+" "+stage.Version+"  "+strings.Join(argWords(stage.Args), " "))))
			title = "        "
		}
	}
	slices.Sort(classes)
	classes = slices.Compact(classes)
	if len(classes) > 0 {
		fmt.Fprintf(w, "classes  %s\n", cli.Escape(strings.Join(classes, ", ")))
	}
	if unchecked {
		fmt.Fprintln(w, "unchecked: some stage read plain JSON, in which a cut cannot be seen")
	}
}

func sameStage(a, b record.Stage) bool {
	return a.Tool == b.Tool && a.Version == b.Version && maps.Equal(a.Args, b.Args)
}

// writeCounts prints the table of labels by sets.
func (s *summary) writeCounts(w io.Writer) error {
	present := map[string]int64{}
	for _, sets := range s.perLabel {
		for set, n := range sets {
			present[set] += n
		}
	}
	var sets []string
	for _, set := range []string{"train", "val", "test"} {
		if present[set] > 0 {
			sets = append(sets, set)
		}
	}
	for _, set := range slices.Sorted(maps.Keys(present)) {
		if !slices.Contains(sets, set) {
			sets = append(sets, set)
		}
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(name string, counts map[string]int64) {
		var sum int64
		fmt.Fprintf(table, "\t%s", cli.Escape(name))
		for _, set := range sets {
			fmt.Fprintf(table, "\t%d", counts[set])
			sum += counts[set]
		}
		fmt.Fprintf(table, "\t%d\t\n", sum)
	}
	fmt.Fprint(table, "\tlabel")
	for _, set := range sets {
		if set == "" {
			set = "(no set)"
		}
		fmt.Fprintf(table, "\t%s", cli.Escape(set))
	}
	fmt.Fprint(table, "\tall\t\n")
	for _, label := range slices.Sorted(maps.Keys(s.perLabel)) {
		row(label, s.perLabel[label])
	}
	if len(s.perLabel) > 1 {
		row("all", present)
	}
	return table.Flush()
}

func (s *summary) writeContents(w io.Writer) {
	if s.photos > 0 {
		fmt.Fprintf(w, "photos   in %d items, %s\n", s.photos, size(s.photoBytes))
	}
	if s.noBytes > 0 {
		fmt.Fprintf(w, "photos   of %d items fetched, their bytes no longer in the stream\n", s.noBytes)
	}
	for _, shape := range slices.Sorted(maps.Keys(s.tensors)) {
		fmt.Fprintf(w, "tensors  %d of %s\n", s.tensors[shape], cli.Escape(shape))
	}
	for _, shape := range slices.Sorted(maps.Keys(s.contexts)) {
		fmt.Fprintf(w, "contexts %d of %s\n", s.contexts[shape], cli.Escape(shape))
	}
	for _, numbers := range slices.Sorted(maps.Keys(s.embeddings)) {
		fmt.Fprintf(w, "vectors  %d of %s\n", s.embeddings[numbers], numbers)
	}
	if s.background+s.rotated > 0 {
		fmt.Fprintf(w, "crops    %d background windows, %d turned upright\n", s.background, s.rotated)
	}
	if s.variants > 0 {
		fmt.Fprintf(w, "variants %d in %d epochs\n", s.variants, s.epochs)
	}
}

// size is a number of bytes for people.
func size(n int64) string {
	if n < 1e6 {
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}

// account is one stage's count as a line.
func account(c record.StageCounts) string {
	line := fmt.Sprintf("%d in, %d out", c.In, c.Out)
	for _, part := range []struct {
		verb   string
		counts map[string]int64
	}{{"added", c.Added}, {"removed", c.Removed}, {"skipped", c.Skipped}} {
		for _, reason := range slices.Sorted(maps.Keys(part.counts)) {
			line += fmt.Sprintf(", %d %s (%s)", part.counts[reason], part.verb, cli.Escape(reason))
		}
	}
	if c.MaxSkips != "" { // in a piece, which nobody has judged
		line += ", to be joined under --max-skips " + c.MaxSkips
	}
	return line
}

// argWords are the options of a stage, NAME=VALUE, sorted.
func argWords(args map[string]string) (words []string) {
	for _, name := range slices.Sorted(maps.Keys(args)) {
		words = append(words, name+"="+args[name])
	}
	return words
}
