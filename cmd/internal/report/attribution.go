package report

import (
	"cmp"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/record"
)

// unknownLicence stands for items that carry none.
const unknownLicence = "unknown"

// An Attribution counts photos by licence, each photo once, however many items
// were cut from it.
type Attribution struct {
	photos  map[string]struct{}
	byName  map[string]*LicenceCount
	authors map[[2]string]struct{}
}

// NewAttribution returns an empty count.
func NewAttribution() *Attribution {
	return &Attribution{photos: map[string]struct{}{}, byName: map[string]*LicenceCount{}, authors: map[[2]string]struct{}{}}
}

// Add counts the photo of an item unless it was counted before.
func (l *Attribution) Add(item *record.Item) {
	id := item.ID
	if id == "" {
		id = dataset.KeyOf(item)
	}
	if _, ok := l.photos[id]; ok {
		return
	}
	l.photos[id] = struct{}{}
	name := unknownLicence
	if item.Image != nil && item.Image.License != "" {
		name = item.Image.License
	}
	licence := l.byName[name]
	if licence == nil {
		licence = &LicenceCount{License: name}
		l.byName[name] = licence
	}
	licence.Photos++
	if author := dataset.AuthorOf(item); author != "" {
		who := [2]string{name, author}
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
