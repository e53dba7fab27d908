package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/export/newfile"
	"github.com/opensandwich/oi/record"
)

// A provenance is what the file .oi.json in a folder of crops says: which run
// has filled it, and which classes have a folder in which sets. Pieces and
// shards of a run are that run.
type provenance struct {
	Version int     `json:"version"`
	Trail   []stage `json:"trail"`
	// Also are the trails of further streams that went into the folder.
	Also    [][]stage `json:"also,omitempty"`
	Classes []class   `json:"classes"` // sorted
	Sets    []string  `json:"sets"`    // sorted; "" where items had none
	// Complete says that a whole run has come to its end. Before that a
	// trail may be missing.
	Complete bool `json:"complete"`
}

// A stage is an entry of a trail, without what tells shards apart.
type stage struct {
	Tool    string            `json:"tool"`
	Version string            `json:"version"`
	Args    map[string]string `json:"args"`
}

type class struct {
	MID  string `json:"mid,omitempty"`
	Name string `json:"name"`
}

const (
	provenanceName    = ".oi.json"
	provenanceVersion = 1
	maxProvenance     = 64 << 20 // bytes; that of 20,000 classes has 1 MB
)

// trailOf is the trail of a stream that this stage adds to, and whether it is
// one shard of several.
func trailOf(stages []record.Stage) (trail []stage, shard bool) {
	for _, s := range stages {
		args := maps.Clone(s.Args)
		if args == nil {
			args = map[string]string{}
		}
		_, isShard := args["shard"]
		shard = shard || isShard
		delete(args, "shard")
		trail = append(trail, stage{s.Tool, s.Version, args})
	}
	return trail, shard
}

func sameTrail(a, b []stage) bool { return slices.EqualFunc(a, b, stage.equal) }

func (s stage) equal(t stage) bool {
	return s.Tool == t.Tool && s.Version == t.Version && maps.Equal(s.Args, t.Args)
}

// has reports whether a trail is among those that filled the folder.
func (p *provenance) has(trail []stage) bool {
	return sameTrail(p.Trail, trail) || slices.ContainsFunc(p.Also, func(also []stage) bool { return sameTrail(also, trail) })
}

// add adds a trail.
func (p *provenance) add(trail []stage) {
	switch {
	case p.has(trail):
	case p.Trail == nil:
		p.Trail = trail
	default:
		p.Also = append(p.Also, trail)
	}
}

// merge adds classes and sets to those that are known.
func (p *provenance) merge(classes []class, sets []string) {
	p.Classes = append(append([]class{}, p.Classes...), classes...)
	slices.SortFunc(p.Classes, func(a, b class) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(b.MID, a.MID)) // the one with an MID first
	})
	p.Classes = slices.CompactFunc(p.Classes, func(a, b class) bool { return a.Name == b.Name })
	p.Sets = append(append([]string{}, p.Sets...), sets...)
	slices.Sort(p.Sets)
	p.Sets = slices.Compact(p.Sets)
}

// readProvenance returns nil if there is none.
func readProvenance(dir string) (*provenance, error) {
	path := filepath.Join(dir, provenanceName)
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close() // only read from
	data, err := io.ReadAll(io.LimitReader(file, maxProvenance+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxProvenance {
		return nil, fmt.Errorf("%s has more than %d bytes", path, maxProvenance)
	}
	p := &provenance{}
	if err := json.Unmarshal(data, p); err != nil {
		return nil, fmt.Errorf("%s does not read as JSON: %w", path, err)
	}
	if p.Version != provenanceVersion {
		return nil, fmt.Errorf("%s is of version %d: this oi-crop knows version %d", path, p.Version, provenanceVersion)
	}
	if len(p.Trail) == 0 {
		return nil, fmt.Errorf("%s has no trail", path)
	}
	return p, nil
}

// write replaces the file. The caller has the folder's lock: of two that write,
// one would take the other's temporary file.
func (p *provenance) write(dir string) error {
	p.Version = provenanceVersion
	var data bytes.Buffer
	encoder := json.NewEncoder(&data)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(p); err != nil {
		return err
	}
	path := filepath.Join(dir, provenanceName)
	temp := path + ".part" // one that a killed run has left is used again
	file, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return err
	}
	if err := errors.Join(newfile.WriteSynced(file, data.Bytes()), file.Close()); err != nil {
		return err
	}
	return os.Rename(temp, path)
}

// difference names the first thing in which a trail differs from the one that
// filled the folder.
func (p *provenance) difference(trail []stage) string {
	for i, mine := range trail {
		if i >= len(p.Trail) {
			return fmt.Sprintf("%s is here, and not there", mine.Tool)
		}
		there := p.Trail[i]
		switch {
		case there.Tool != mine.Tool:
			return fmt.Sprintf("%s there, %s here", there.Tool, mine.Tool)
		case there.Version != mine.Version:
			return fmt.Sprintf("%s %s there, %s here", mine.Tool, there.Version, mine.Version)
		}
		keys := slices.Concat(slices.Collect(maps.Keys(there.Args)), slices.Collect(maps.Keys(mine.Args)))
		slices.Sort(keys)
		for _, key := range keys {
			if there.Args[key] != mine.Args[key] {
				return fmt.Sprintf("%s has %s there, %s here", mine.Tool, argument(there.Args, key), argument(mine.Args, key))
			}
		}
	}
	return fmt.Sprintf("%s is there, and not here", p.Trail[len(trail)].Tool)
}

func argument(args map[string]string, key string) string {
	value, ok := args[key]
	if !ok {
		return "no " + key
	}
	return key + "=" + value
}
