// Package detection writes whole photos with their boxes as a folder that
// object detectors are trained from: each photo once, however many boxes it
// has, its bytes as they came, and annotations as COCO, YOLO or PASCAL VOC have
// them.
//
// Annotation files need all items, and must not depend on their order. Photos
// are therefore written as they come, and their boxes are kept as rows of 50
// bytes in a temporary file until the end, with the credits: memory takes some
// 400 bytes a photo, the disk 50 a box and a few hundred a photo.
package detection

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/opensandwich/oi/cmd/internal/commalist"
	"github.com/opensandwich/oi/cmd/internal/export/credits"
	"github.com/opensandwich/oi/cmd/internal/export/provenance"
	"github.com/opensandwich/oi/cmd/internal/export/safename"
	"github.com/opensandwich/oi/cmd/internal/filelock"
	"github.com/opensandwich/oi/cmd/internal/pix"
	"github.com/opensandwich/oi/record"
)

// A Format is a form of annotations.
type Format string

// The formats.
const (
	COCO Format = "coco"
	YOLO Format = "yolo"
	VOC  Format = "voc"
)

// ParseFormat returns the format of that name.
func ParseFormat(name string) (Format, error) {
	switch f := Format(name); f {
	case COCO, YOLO, VOC:
		return f, nil
	}
	return "", fmt.Errorf("%q is no form of annotations: expected coco, yolo or voc", name)
}

// What becomes of boxes around several objects of a class at once.
const (
	DropGroups = "drop"
	KeepGroups = "keep"
)

// DefaultGroups is what becomes of them where nobody says: in COCO they are
// crowds and in VOC difficult, which evaluations ignore; YOLO has no word for
// it.
func (f Format) DefaultGroups() string {
	if f == YOLO {
		return DropGroups
	}
	return KeepGroups
}

// Quality is the JPEG quality of photos that are rotated.
const Quality = 95

// decodedPixels is how many pixels are decoded at a time, or one photo that has
// more.
const decodedPixels = 16_000_000

// Options say what is wanted.
type Options struct {
	Dir       string
	Format    Format
	Groups    string // DropGroups or KeepGroups
	Force     bool   // replace the export of another run
	MaxPixels int
	Stage     record.Stage // of the command, as in the trail
}

// An Export is a folder that is being filled. Its Add may be called from many
// goroutines.
type Export struct {
	Options
	lock   *filelock.Lock // nil where there are none
	state  *state
	pixels *semaphore.Weighted

	mu       sync.Mutex
	spool    *spool
	classes  classes
	photos   []photo
	byName   map[string]int32 // by the names of their files, in lower case
	licences map[string]bool  // addresses, without ""
	scratch  []byte
	counts   Counts
}

// A photo is what is kept in memory of one.
type photo struct {
	id            string
	sum           [8]byte // of the file as it was fetched
	last          int64   // one more than the place of its last row
	credit        int64   // the place of its credits
	creditSize    uint32
	creditHash    uint64
	others        uint64 // a hash of the boxes that the last item has named, with its own
	width, height uint16 // as stored
	rotation      uint16
	set           uint8 // number in setNames
	written       uint8 // a bit for each set
	media         media
	odd           bool // the rotation is no quarter turn
	reset         bool
	moved         bool // items gave it several sets
	broken        bool // it does not decode, and is left out
	negative      bool
}

// setNames are the folders of the sets. A photo of several goes to the last of
// them, which is the one most surely not trained on.
var setNames = [...]string{"all", "train", "val", "test"}

func setNumber(set string) uint8 {
	for i, name := range setNames {
		if i > 0 && name == set {
			return uint8(i)
		}
	}
	return 0
}

// problem is an error together with what to do about it.
func problem(next, format string, args ...any) error {
	return &provenance.Problem{Err: fmt.Errorf(format, args...), Next: next}
}

// Open begins an export. Nothing is written before Begin.
func Open(o Options) *Export {
	return &Export{
		Options: o, pixels: semaphore.NewWeighted(decodedPixels), classes: newClasses(),
		byName: map[string]int32{}, licences: map[string]bool{},
	}
}

// A Segment is what the header of a segment says of its items.
type Segment struct {
	wholePhotos bool   // its items are labels of whole photos
	negative    string // the label of photos that are verified to be without the classes
	unknown     bool   // there is no trail that would say
}

// Begin checks that the folder is this run's, and notes what a header says. It
// is called for each header before the items after it.
func (e *Export) Begin(h *record.Header) (*Segment, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.join(h); err != nil {
		return nil, err
	}
	s := &Segment{unknown: true}
	for _, stage := range h.Stages {
		if stage.Tool != "oi-boxes" {
			continue
		}
		s.unknown = false
		s.wholePhotos = s.wholePhotos || stage.Args["image-labels"] != ""
		if s.wholePhotos && stage.Args["negatives"] != "" {
			s.negative = negativeLabel(h.Classes, stage.Args["classes"])
		}
	}
	for _, c := range h.Classes {
		if s.negative == "" || c.Name != s.negative {
			e.classes.add(c.Name, c.MID, c.Supercategory)
		}
	}
	return s, nil
}

// negativeLabel returns the label that oi-boxes gives to negatives: the one that
// is no class's and no name that was asked for.
func negativeLabel(labels []record.Class, asked string) string {
	words := commalist.Split(asked)
	for _, c := range labels {
		if c.MID == "" && !slices.ContainsFunc(words, func(word string) bool { return strings.HasPrefix(word, c.Name+"=") }) {
			return c.Name
		}
	}
	return ""
}

// Add takes in an item with its photo, which data returns. The item is not kept.
func (e *Export) Add(ctx context.Context, s *Segment, item *record.Item, data func() ([]byte, error)) error {
	number, set, write, err := e.note(s, item)
	if err != nil || !write {
		return err
	}
	return e.writePhoto(ctx, number, set, item.ID, data)
}

// note keeps the item's row, and says whether the photo is to be written, and
// for which set.
func (e *Export) note(s *Segment, item *record.Item) (number int32, set uint8, write bool, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	const photos = "--photos takes what comes before oi-crop"
	switch {
	case item.Crop != nil && item.Crop.Background:
		return 0, 0, false, problem(photos, "record %s is a background window of oi-crop, and no object", item.Key)
	case item.Augment != nil:
		return 0, 0, false, problem(photos, "record %s is a variant of oi-augment, and no object", item.Key)
	}
	negative := false
	if s.whole(item) {
		if negative = s.negative != "" && item.Label != nil && item.Label.Name == s.negative; !negative {
			e.counts.WholePhotos++
			return 0, 0, false, nil
		}
	} else if item.Label == nil {
		return 0, 0, false, problem("give it one: {\"label\": {\"name\": …}}", "record %s has a box without a label", item.Key)
	}
	number, p, err := e.photoOf(item)
	if err != nil {
		return 0, 0, false, err
	}
	p.negative = p.negative || negative
	if !negative {
		if err := e.addRows(p, item); err != nil {
			return 0, 0, false, err
		}
	}
	if set := setNumber(item.Set); set != p.set {
		p.moved = true
		p.set = max(p.set, set)
	}
	write = p.written&(1<<p.set) == 0
	p.written |= 1 << p.set
	return number, p.set, write, nil
}

// whole reports whether an item is a label of a whole photo. Where nothing says
// what made the stream, it is taken for one if its box is the whole photo, and
// nothing else is known of it.
func (s *Segment) whole(item *record.Item) bool {
	b := item.Box
	return b == nil || s.wholePhotos || s.unknown && item.Avoid == nil &&
		b.XMin == 0 && b.XMax == 1 && b.YMin == 0 && b.YMax == 1 &&
		b.Occluded < 0 && b.Truncated < 0 && b.GroupOf < 0 && b.Depiction < 0 && b.Inside < 0
}

// photoOf returns the item's photo, which has its credits and is the one that
// the items before have shown.
func (e *Export) photoOf(item *record.Item) (int32, *photo, error) {
	var sum [8]byte
	if item.Fetched == nil {
		return 0, nil, fmt.Errorf("record %s has no photo", item.Key)
	}
	if _, err := hex.Decode(sum[:], []byte(item.Fetched.SHA256[:min(16, len(item.Fetched.SHA256))])); err != nil {
		return 0, nil, fmt.Errorf("record %s: the photo's SHA-256 is %q", item.Key, item.Fetched.SHA256)
	}
	rotation, even := 0, true
	if item.Image != nil {
		rotation, even = pix.QuarterTurn(item.Image.Rotation)
	}
	name := strings.ToLower(safename.Of(item.ID))
	number, known := e.byName[name]
	if !known {
		number = int32(len(e.photos))
		id := strings.Clone(item.ID)
		if name == id {
			name = id // the same memory
		}
		e.photos = append(e.photos, photo{id: id, sum: sum, rotation: uint16(rotation), odd: !even, set: setNumber(item.Set)})
		e.byName[name] = number
	}
	p := &e.photos[number]
	switch {
	case p.id != item.ID:
		ids := []string{p.id, item.ID}
		slices.Sort(ids)
		return 0, nil, problem("export them into two folders", "photos %s and %s would be one file on Windows and macOS", ids[0], ids[1])
	case p.sum != sum:
		return 0, nil, problem("take all from one source: --images", "photo %s came twice, with different bytes", p.id)
	case int(p.rotation) != rotation || p.odd == even:
		return 0, nil, problem("the image list has one Rotation for each photo: make the stream again", "photo %s came twice, with different rotations", p.id)
	}
	return number, p, e.addCredit(p, credits.Of(item))
}

// Close gives up the folder's lock and the temporary file. It must be called
// however the export ended.
func (e *Export) Close() error {
	var errs []error
	if e.spool != nil {
		errs = append(errs, e.spool.close())
	}
	if e.lock != nil {
		errs = append(errs, e.lock.Release())
	}
	return errors.Join(errs...)
}
