package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/report"
	"github.com/opensandwich/oi/cmd/internal/stream"
)

// compareItems returns an error unless the items are those of the report of
// --expect. Nothing is trained or written.
func (o *options) compareItems(ctx context.Context, env *cli.Env) (err error) {
	e, err := readExpected(env, o.expect)
	if err != nil {
		return err
	}
	in, err := stream.Open(env, &o.stream, env.Args)
	if err != nil {
		return err
	}
	spool := dataset.NewSpool(int64(o.memory), "")
	defer func() { err = errors.Join(err, spool.Close(), in.Close()) }()
	d := newData(o, env, in, spool)
	d.items.Embeddings = true
	if err := d.prepare(ctx); err != nil {
		return err
	}
	if e.dataVersion() != dataset.DataVersion {
		env.Warnf("the items cannot be compared: %s has version %d of the hash, this is version %d", e.path, e.dataVersion(), dataset.DataVersion)
		return nil
	}
	now, err := provenance(o, env, d)
	if err != nil {
		return err
	}
	others := e.otherSets(now)
	ofVariants := slices.ContainsFunc(e.Trail, func(s report.Stage) bool { return s.Tool == "oi-augment" })
	switch {
	case d.streamed != nil: // the train items are still to come
		others = slices.DeleteFunc(others, func(set string) bool { return set == dataset.Train })
	case ofVariants && maps.Equal(e.Sets[dataset.Train], d.counts()[dataset.Train]): // of which the report has the hash
		others = slices.DeleteFunc(others, func(set string) bool { return set == dataset.Train })
	}
	if len(others) == 0 {
		env.Infof("the items are those of %s", e.path)
		return nil
	}
	for _, line := range e.itemChanges(d, others) {
		env.Warnf("%s", line)
	}
	return fmt.Errorf("the items are not those of %s: other %s items", e.path, strings.Join(others, ", "))
}
