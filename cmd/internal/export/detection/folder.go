package detection

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/export/provenance"
	"github.com/opensandwich/oi/cmd/internal/export/safename"
	"github.com/opensandwich/oi/cmd/internal/filelock"
	"github.com/opensandwich/oi/cmd/internal/posixfile"
	"github.com/opensandwich/oi/record"
)

// A state is what .oi.json says of the folder.
type state struct {
	Version int    `json:"version"`
	Export  string `json:"export"` // stateKind
	// Trail is that of the first stream that went into the folder, Also are
	// those of further ones.
	Trail provenance.Trail   `json:"trail"`
	Also  []provenance.Trail `json:"also,omitempty"`
	// Complete says that the last run has come to its end. A run that
	// stops before it writes annotations changes nothing of an export that
	// is complete.
	Complete bool `json:"complete"`
}

const (
	stateVersion = 1
	stateKind    = "detection"
)

func (s *state) has(t provenance.Trail) bool {
	return s.Trail.Equal(t) || slices.ContainsFunc(s.Also, t.Equal)
}

// join makes sure that the folder belongs to the run that a header describes.
// The first header decides: those after it belong to the same run.
func (e *Export) join(h *record.Header) error {
	trail := provenance.TrailOf(append(slices.Clone(h.Stages), e.Stage))
	if e.state == nil {
		if err := e.open(trail); err != nil {
			return err
		}
	}
	switch {
	case e.state.has(trail):
	case e.state.Complete:
		return e.refused(trail)
	default:
		e.state.Also = append(e.state.Also, trail)
		if err := provenance.Write(e.Dir, e.state); err != nil {
			return err
		}
	}
	return nil
}

// open takes the folder for this run: one that is new or empty, or that the same
// run has begun, or with Force another run's.
func (e *Export) open(trail provenance.Trail) (err error) {
	if err := os.MkdirAll(e.Dir, 0o777); err != nil {
		return err
	}
	e.lock, err = filelock.Try(filepath.Join(e.Dir, ".oi.lock"))
	switch {
	case errors.Is(err, filelock.ErrHeld):
		return problem("wait for it, or name another folder", "another run is writing to %s: %w", e.Dir, err)
	case err != nil && !errors.Is(err, filelock.ErrUnsupported):
		return fmt.Errorf("lock %s: %w", e.Dir, err)
	}
	there := &state{}
	ok, err := provenance.Read(e.Dir, there)
	ours := ok && there.Version == stateVersion && there.Export == stateKind && len(there.Trail) > 0
	switch {
	case !ok && err == nil:
		if there, err = nil, e.checkEmpty(); err != nil {
			return err
		}
	case err != nil || !ours:
		return problem("name a new folder", "%s: it holds something other than such an export, as %s says", e.Dir, provenance.Name)
	case !there.has(trail):
		if e.state = there; !e.Force {
			return e.refused(trail)
		}
		there = nil
	}
	if there == nil {
		there = &state{Version: stateVersion, Export: stateKind, Trail: trail}
	}
	e.state = there
	if err := provenance.Write(e.Dir, there); err != nil {
		return err
	}
	e.spool, err = newSpool(e.Dir)
	return err
}

func (e *Export) refused(trail provenance.Trail) error {
	next := "name a new folder, or replace what is there with --force"
	if differ := e.state.Trail.Difference(trail); strings.Contains(differ, "shard=") {
		next = "annotation files need all items: give all shards to one oi-fetch, oi-fetch --photos DIR 1.oi 2.oi; photos in the cache are not asked for again"
	}
	return problem(next, "%s: it holds the export of another run: %s", e.Dir, e.state.Trail.Difference(trail))
}

// checkEmpty returns an error if there is anything in the folder that is not
// hidden: what somebody else has put there is never touched.
func (e *Export) checkEmpty() error {
	entries, err := os.ReadDir(e.Dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), ".") {
			return problem("name a new folder", "%s: there is %s in it, and no %s that says of what run", e.Dir, entry.Name(), provenance.Name)
		}
	}
	return nil
}

// complete notes whether the export is complete.
func (e *Export) complete(yes bool) error {
	if e.state.Complete == yes {
		return nil
	}
	e.state.Complete = yes
	return provenance.Write(e.Dir, e.state)
}

// removeStrays removes what an earlier run has written and this one has not, as
// one that was interrupted may have got photos which this one did not get: a
// detector would take a photo without annotations for one without objects.
func (e *Export) removeStrays(sets []uint8) (removed int64, err error) {
	keep := map[string]bool{}
	ofPhotos := map[string]string{} // folder of the export to the ending of its files, "" for the photo's
	switch e.Format {
	case YOLO:
		keep["data.yaml"] = true
	case VOC:
		keep["classes.txt"] = true
		ofPhotos["JPEGImages"], ofPhotos["Annotations"] = "", ".xml"
	}
	for _, set := range sets {
		name := setNames[set]
		switch e.Format {
		case COCO:
			keep["annotations/instances_"+name+".json"] = true
			ofPhotos["images/"+name] = ""
		case YOLO:
			ofPhotos["images/"+name], ofPhotos["labels/"+name] = "", ".txt"
		case VOC:
			keep["ImageSets/Main/"+name+".txt"] = true
		}
	}
	err = filepath.WalkDir(e.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(e.Dir, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		folder, _, _ := cutLast(name, "/")
		if folder == "" && temporary.MatchString(name) || couldBeOurs(folder) && temporary.MatchString(d.Name()) {
			return posixfile.Remove(path) // of a killed run: this one has the lock
		}
		if strings.HasPrefix(d.Name(), ".") || keep[name] || !couldBeOurs(folder) && name != "data.yaml" && name != "classes.txt" {
			return nil
		}
		ending, ok := ofPhotos[folder]
		p := e.photoOfFile(name)
		if ok && p != nil && e.isOf(p, name, ending) {
			return nil
		}
		if p == nil || !p.moved { // else it is of this run
			removed++
		}
		return posixfile.Remove(path)
	})
	return removed, err
}

// temporary are the names of files before they appear.
var temporary = regexp.MustCompile(`^\.(oi-.*|oi\.part|(instances_[a-z]+\.json|(all|train|val|test|classes)\.txt|README\.md|credits\.csv|data\.yaml)[0-9]+)$`)

// couldBeOurs reports whether some export writes files to a folder.
func couldBeOurs(folder string) bool {
	switch folder {
	case "annotations", "JPEGImages", "Annotations", "ImageSets/Main":
		return true
	}
	parent, set, _ := cutLast(folder, "/")
	return (parent == "images" || parent == "labels") && slices.Contains(setNames[:], set)
}

// photoOfFile returns the photo that a file is named after, or nil.
func (e *Export) photoOfFile(name string) *photo {
	_, base, _ := cutLast(name, "/")
	stem, _, _ := cutLast(base, ".")
	n, ok := e.byName[strings.ToLower(stem)]
	if !ok || e.photos[n].broken {
		return nil
	}
	return &e.photos[n]
}

// isOf reports whether a file is that of a photo, or its annotations where they
// have an ending.
func (e *Export) isOf(p *photo, name, ending string) bool {
	if ending == "" {
		return e.fileOf(p) == name
	}
	folder, base, _ := cutLast(name, "/")
	return safename.Of(p.id)+ending == base && (e.Format == VOC || strings.HasSuffix(folder, "/"+setNames[p.set]))
}

// cutLast is [strings.Cut] at the last sep. Where there is none, before is
// empty.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return "", s, false
}
