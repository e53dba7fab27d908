package report

import (
	"cmp"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/record"
)

// unknownLicence stands for items that carry none.
const unknownLicence = "unknown"

// Licences counts photos by licence, each photo once, however many items were
// cut from it.
type Licences struct {
	photos  map[string]struct{}
	byName  map[string]*Licence
	authors map[[2]string]struct{}
}

// NewLicences returns an empty count.
func NewLicences() *Licences {
	return &Licences{photos: map[string]struct{}{}, byName: map[string]*Licence{}, authors: map[[2]string]struct{}{}}
}

// Add counts the photo of an item unless it was counted before.
func (l *Licences) Add(item *record.Item) {
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
		licence = &Licence{License: name}
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
func (l *Licences) Summary() []Licence {
	all := make([]Licence, 0, len(l.byName))
	for _, licence := range l.byName {
		all = append(all, *licence)
	}
	slices.SortFunc(all, func(a, b Licence) int {
		return cmp.Or(cmp.Compare(b.Photos, a.Photos), cmp.Compare(a.License, b.License))
	})
	return all
}
