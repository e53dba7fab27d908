package report

import (
	"fmt"
	"html/template"

	"github.com/opensandwich/oi/cmd/internal/export/credits"
)

// A card shows an example on the page.
type card struct {
	Example
	Picture     template.URL // a data: URI made here, or empty
	Map         template.URL // of where the answer comes from, likewise
	Alternative string       // to the picture: no other one has the same
	Percent     string
	Name        string // of the photo
	Landing     string // its page, "" unknown
	Licence     string // its name, "" unknown
	Address     string // that of the licence, "" unknown
}

// maxTitle is how many letters of a photo's title a card shows.
const maxTitle = 60

// cards draws examples.
func cards(examples []Example) ([]card, error) {
	var list []card
	for _, e := range examples {
		c := card{
			Example: e, Percent: fmt.Sprintf("%.1f", 100*e.Probability),
			Name: shorten(e.Title, maxTitle), Landing: webAddress(e.LandingURL), Address: webAddress(e.License),
		}
		if c.Name == "" {
			c.Name = "untitled"
		}
		if e.License != "" {
			c.Licence = credits.LicenceName(e.License)
		}
		var err error
		if c.Picture, err = dataURI(e.pixels, e.size); err == nil {
			c.Map, err = dataURI(e.heat, e.size)
		}
		if err != nil {
			return nil, fmt.Errorf("picture of %s: %w", e.Key, err)
		}
		c.Alternative = fmt.Sprintf("%s, labelled %s: %s", e.Key, e.Truth, c.Name)
		list = append(list, c)
	}
	return list, nil
}

// shorten cuts a text to so many letters.
func shorten(text string, room int) string {
	if r := []rune(text); len(r) > room {
		return string(r[:room-1]) + "…"
	}
	return text
}
