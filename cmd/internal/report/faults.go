package report

import (
	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/record"
)

// The kinds of a FaultList.
const (
	SuspectedLabels = "labels that may be wrong"
	NearDuplicates  = "nearly held-out pictures"
	PoorCrops       = "tiny, extreme or blurred crops"
)

// maxFaults is how many items of a FaultList are shown.
const maxFaults = 24

// A FaultList is items of the data set of one kind that are worth a look.
type FaultList struct {
	Kind   string         `json:"kind"`
	Items  int            `json:"items"`            // that were found
	Counts map[string]int `json:"counts,omitempty"` // by reason
	Left   bool           `json:"left_out"`         // they are not trained on
	File   string         `json:"file,omitempty"`   // that lists them
	// Examples are the first of them.
	Examples []Fault `json:"examples"`
}

// A Fault is an item of a FaultList, and what is to be seen in it.
type Fault struct {
	Key        string `json:"key"`
	Label      string `json:"label"`
	Set        string `json:"set"`
	What       string `json:"what"`
	Partner    string `json:"partner,omitempty"` // the key of an item that is nearly the same
	Author     string `json:"author,omitempty"`
	Title      string `json:"title,omitempty"`
	License    string `json:"license,omitempty"`
	LandingURL string `json:"landing_url,omitempty"`

	pixels, partner []byte
	size            dataset.Size
}

// Full reports whether no more items of the list are shown.
func (l *FaultList) Full() bool { return len(l.Examples) >= maxFaults }

// Show adds an item to those that are shown. Its pixels are kept, and those of
// its partner, if it has one; either may have none.
func (l *FaultList) Show(f Fault, item, partner *record.Item) {
	if image := item.Image; image != nil {
		f.Author, f.Title, f.License, f.LandingURL = image.Author, image.Title, image.License, image.LandingURL
	}
	if size, err := dataset.SizeOf(item); err == nil {
		f.pixels, f.size = item.Tensor.Data, size
	}
	if partner != nil {
		if size, err := dataset.SizeOf(partner); err == nil && size == f.size {
			f.partner = partner.Tensor.Data
		}
	}
	l.Examples = append(l.Examples, f)
}

// A faultSection is a FaultList on the page.
type faultSection struct {
	*FaultList
	Gallery gallery
}

// faultSections draws the lists.
func (r *Report) faultSections() ([]faultSection, error) {
	var list []faultSection
	for i := range r.Faults {
		s := faultSection{FaultList: &r.Faults[i]}
		for _, f := range r.Faults[i].Examples {
			c, err := newCard(Example{
				Key: f.Key, Truth: f.Label, Author: f.Author, Title: f.Title, License: f.License, LandingURL: f.LandingURL,
				pixels: f.pixels, heat: f.partner, size: f.size,
			})
			if err != nil {
				return nil, err
			}
			c.Fault = &f
			s.Gallery.add(c)
		}
		list = append(list, s)
	}
	return list, nil
}
