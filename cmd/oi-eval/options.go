package main

import (
	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/preprocess"
	"github.com/opensandwich/oi/cmd/internal/transfer"
)

// maxNeighbours bounds --neighbours.
const maxNeighbours = 1000

// checkForeign checks the options that say how a model is to be used that
// oi-train did not write, and those of --embed.
func (o *options) checkForeign() error {
	if o.normalize != "" {
		n, err := preprocess.Parse(o.normalize, o.channels)
		if err != nil {
			return cli.Usagef("--normalize %s: %w", o.normalize, err)
		}
		o.normalization = n
	} else if o.channels != "" {
		return cli.Usagef("--channels %s says nothing without --normalize", o.channels)
	}
	switch transfer.DType(o.embeddingDType) {
	case transfer.Float16, transfer.Float32:
	default:
		return cli.Usagef("--embedding-dtype %s: want float16 or float32", o.embeddingDType)
	}
	if o.neighbours < 0 || o.neighbours > maxNeighbours {
		return cli.Usagef("--neighbours %d: want 1 to %d", o.neighbours, maxNeighbours)
	}
	if o.neighbours > 0 && (o.embed || o.info || o.labels != "") {
		return cli.Usagef("--neighbours asks no model: it does not go with --embed, --info or --labels")
	}
	if o.neighbours > 0 && o.emit && len(o.reports)+len(o.require) > 0 {
		return cli.Usagef("--neighbours --emit writes items: it does not go with --report or --require")
	}
	if o.embed {
		return o.checkEmbed()
	}
	switch {
	case o.keepTensor:
		return cli.Usagef("--keep-tensor says nothing without --embed")
	case o.features != "":
		return cli.Usagef("--features says nothing without --embed")
	case o.embeddingDType != string(transfer.Float16):
		return cli.Usagef("--embedding-dtype says nothing without --embed")
	case o.stream.Part:
		return cli.Usagef("--part works with --embed only: figures are of the whole stream")
	}
	return nil
}

func (o *options) checkEmbed() error {
	if o.emit || o.info || len(o.reports)+len(o.require)+len(o.sets) > 0 {
		return cli.Usagef("--embed writes embeddings and asks no questions: it does not go with --emit, --report, --require, --set or --info")
	}
	return nil
}

// transferOptions say how a file is to be used as a backbone.
func (o *options) transferOptions() transfer.Options {
	return transfer.Options{Features: o.features, Normalization: o.normalization, DType: transfer.DType(o.embeddingDType), Facts: o.models.Table.Facts}
}
