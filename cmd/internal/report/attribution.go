package report

import (
	"cmp"
	"crypto/sha256"
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/record"
)

// unknownLicence stands for items that carry none.
const unknownLicence = "unknown"

// An Attribution counts photos by licence, each photo once, however many items
// were cut from it. It keeps some 15 bytes a photo.
type Attribution struct {
	photos  map[shortHash]struct{}
	byName  map[string]*LicenceCount
	authors map[shortHash]struct{} // with their licences
}

// A shortHash stands for a name: the first bytes of its SHA-256. That two of ten
// million names have the same happens once in 300,000 times.
type shortHash [8]byte

func shortHashOf(name string) shortHash {
	sum := sha256.Sum256([]byte(name))
	return shortHash(sum[:])
}

// NewAttribution returns an empty count.
func NewAttribution() *Attribution {
	return &Attribution{photos: map[shortHash]struct{}{}, byName: map[string]*LicenceCount{}, authors: map[shortHash]struct{}{}}
}

// Add counts the photo of an item unless it was counted before.
func (l *Attribution) Add(item *record.Item) {
	id := item.ID
	if id == "" {
		id = dataset.KeyOf(item)
	}
	photo := shortHashOf(id)
	if _, ok := l.photos[photo]; ok {
		return
	}
	l.photos[photo] = struct{}{}
	name := unknownLicence
	if item.Image != nil && item.Image.License != "" {
		name = item.Image.License
	}
	licence := l.byName[name]
	if licence == nil {
		name = strings.Clone(name) // without the rest of its record
		licence = &LicenceCount{License: name}
		l.byName[name] = licence
	}
	licence.Photos++
	if author := dataset.AuthorOf(item); author != "" {
		who := shortHashOf(name + "\x00" + author)
		if _, ok := l.authors[who]; !ok {
			l.authors[who] = struct{}{}
			licence.Authors++
		}
	}
}

// Summary returns the licences, that of most photos first.
func (l *Attribution) Summary() []LicenceCount {
	all := make([]LicenceCount, 0, len(l.byName))
	for _, licence := range l.byName {
		all = append(all, *licence)
	}
	slices.SortFunc(all, func(a, b LicenceCount) int {
		return cmp.Or(cmp.Compare(b.Photos, a.Photos), cmp.Compare(a.License, b.License))
	})
	return all
}
