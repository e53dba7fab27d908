package report

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"hash/fnv"
	"html/template"
	"image"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/dataset"
	"github.com/opensandwich/oi/cmd/internal/pix"
	"github.com/opensandwich/oi/record"
)

// How many pictures of each kind a report shows. Of right answers, and of the
// sample, these are divided by the classes: the first ones have one each if
// there are more.
const (
	MaxMistakes  = 24
	maxConfident = 24
	maxSample    = 48
	maxOfClass   = 4 // of a sample
)

// An Example is an item that a report shows, and what was said of it.
type Example struct {
	Key           string             `json:"key"`
	Truth         string             `json:"truth"`
	Predicted     string             `json:"predicted"`
	Probability   float64            `json:"probability"` // of the answer
	Probabilities map[string]float64 `json:"probabilities,omitempty"`
	Author        string             `json:"author,omitempty"`
	Title         string             `json:"title,omitempty"`
	License       string             `json:"license,omitempty"`
	LandingURL    string             `json:"landing_url,omitempty"`

	pixels []byte
	heat   []byte // likewise, see DrawMaps
	size   dataset.Size
	order  uint32 // in a sample
}

// shown are the items that are shown: the most confident mistakes; for each
// class the most confident right answers, and those items whose keys have the
// lowest hashes, which is a sample that depends on nothing else.
type shown struct {
	classes        []string
	mistakes       []Example
	right, samples [][]Example // by class
}

func newShown(classes []string) *shown {
	return &shown{classes: classes, right: make([][]Example, len(classes)), samples: make([][]Example, len(classes))}
}

// quota is how many items of a class are shown if there are so many in all.
func (s *shown) quota(all, most, class int) int {
	if len(s.classes) > all {
		if class < all {
			return 1
		}
		return 0
	}
	return min(most, all/len(s.classes))
}

// add keeps an item if it is among those to be shown.
func (s *shown) add(item *record.Item, truth, predicted int, probabilities []float32) {
	e := Example{
		Key: dataset.KeyOf(item), Truth: s.classes[truth], Predicted: s.classes[predicted], Probability: float64(probabilities[predicted]),
	}
	confident := func(a, b Example) int {
		return cmp.Or(cmp.Compare(b.Probability, a.Probability), cmp.Compare(a.Key, b.Key))
	}
	if predicted == truth {
		s.right[truth], _ = insert(s.right[truth], e, item, s.quota(maxConfident, 6, truth), confident)
	} else {
		var at int
		if s.mistakes, at = insert(s.mistakes, e, item, MaxMistakes, confident); at >= 0 {
			s.mistakes[at].Probabilities = map[string]float64{}
			for k, p := range probabilities {
				s.mistakes[at].Probabilities[s.classes[k]] = float64(p)
			}
		}
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(e.Key)) // never fails
	e.order = h.Sum32()
	s.samples[truth], _ = insert(s.samples[truth], e, item, s.quota(maxSample, maxOfClass, truth), func(a, b Example) int {
		return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.Key, b.Key))
	})
}

// insert puts an example of an item into a sorted list of limited length. It
// returns the list and its place, -1 if there is none for it.
func insert(list []Example, e Example, item *record.Item, limit int, compare func(a, b Example) int) ([]Example, int) {
	at, _ := slices.BinarySearchFunc(list, e, compare)
	if at >= limit {
		return list, -1
	}
	if image := item.Image; image != nil {
		e.Author, e.Title, e.License, e.LandingURL = image.Author, image.Title, image.License, image.LandingURL
	}
	if size, err := dataset.SizeOf(item); err == nil {
		e.pixels, e.size = item.Tensor.Data, size
	}
	list = slices.Insert(list, at, e)
	return list[:min(len(list), limit)], at
}

// confident returns the right answers, class by class.
func (s *shown) confident() []Example { return slices.Concat(s.right...) }

// sampled returns the sample, class by class.
func (s *shown) sampled() []Example { return slices.Concat(s.samples...) }

// Thumbnails keep a page of some hundred pictures under a megabyte.
const (
	thumbnailSide    = 128
	thumbnailQuality = 75
)

// dataURI encodes RGB pixels as a JPEG of no more than thumbnailSide pixels a
// side, inside an address; "" without pixels.
func dataURI(pixels []byte, size dataset.Size) (template.URL, error) {
	if pixels == nil {
		return "", nil
	}
	width, height := size.Width, size.Height
	if longest := max(width, height); longest > thumbnailSide {
		to := pix.Target{Width: max(1, width*thumbnailSide/longest), Height: max(1, height*thumbnailSide/longest), Filter: pix.Area}
		pixels = pix.Crop(pix.NewRGB(pixels, width, height), image.Rect(0, 0, width, height), to)
		width, height = to.Width, to.Height
	}
	var b bytes.Buffer
	if err := pix.EncodeJPEG(&b, pixels, width, height, thumbnailQuality); err != nil {
		return "", err
	}
	return template.URL("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(b.Bytes())), nil
}
