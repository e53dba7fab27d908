package folder

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	pv "github.com/opensandwich/oi/cmd/internal/export/provenance"
	"github.com/opensandwich/oi/record"
)

// A provenance is what the file .oi.json in a folder of crops says: which run
// has filled it, and which classes have a folder in which sets. Pieces and
// shards of a run are that run.
type provenance struct {
	Version int   `json:"version"`
	Trail   trail `json:"trail"`
	// Also are the trails of further streams that went into the folder.
	Also    []trail  `json:"also,omitempty"`
	Classes []Class  `json:"classes"` // sorted
	Sets    []string `json:"sets"`    // sorted; "" where items had none
	// Complete says that a whole run has come to its end. Before that a
	// trail may be missing.
	Complete bool `json:"complete"`
}

type trail = pv.Trail

type Class struct {
	MID  string `json:"mid,omitempty"`
	Name string `json:"name"`
}

const (
	provenanceName    = pv.Name
	provenanceVersion = 1
)

// trailOf is the trail of a stream that this stage adds to, without what tells
// shards apart, and whether it is one shard of several.
func trailOf(stages []record.Stage) (t trail, shard bool) {
	t = pv.TrailOf(stages)
	for _, s := range t {
		_, isShard := s.Args["shard"]
		shard = shard || isShard
		delete(s.Args, "shard")
	}
	return t, shard
}

// has reports whether a trail is among those that filled the folder.
func (p *provenance) has(t trail) bool {
	return p.Trail.Equal(t) || slices.ContainsFunc(p.Also, t.Equal)
}

// add adds a trail.
func (p *provenance) add(t trail) {
	switch {
	case p.has(t):
	case p.Trail == nil:
		p.Trail = t
	default:
		p.Also = append(p.Also, t)
	}
}

// merge adds classes and sets to those that are known.
func (p *provenance) merge(classes []Class, sets []string) {
	p.Classes = append(append([]Class{}, p.Classes...), classes...)
	slices.SortFunc(p.Classes, func(a, b Class) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(b.MID, a.MID)) // the one with an MID first
	})
	p.Classes = slices.CompactFunc(p.Classes, func(a, b Class) bool { return a.Name == b.Name })
	p.Sets = append(append([]string{}, p.Sets...), sets...)
	slices.Sort(p.Sets)
	p.Sets = slices.Compact(p.Sets)
}

// readProvenance returns nil if there is none.
func readProvenance(dir string) (*provenance, error) {
	p := &provenance{}
	if ok, err := pv.Read(dir, p); !ok {
		return nil, err
	}
	path := filepath.Join(dir, provenanceName)
	if p.Version != provenanceVersion {
		return nil, fmt.Errorf("%s is of version %d: this version knows version %d", path, p.Version, provenanceVersion)
	}
	if len(p.Trail) == 0 {
		return nil, fmt.Errorf("%s has no trail", path)
	}
	return p, nil
}

// write replaces the file. The caller has the folder's lock.
func (p *provenance) write(dir string) error {
	p.Version = provenanceVersion
	return pv.Write(dir, p)
}

// difference names the first thing in which a trail differs from the one that
// filled the folder.
func (p *provenance) difference(mine trail) string { return p.Trail.Difference(mine) }
