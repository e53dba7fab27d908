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
	Map         template.URL // of where the answer comes from, or a partner's, likewise
	Fault       *Fault       // nil on the card of an answer
	Alternative string       // to the picture: no other one has the same
	Percent     string
	Name        string // of the photo
	Landing     string // its page, "" unknown
	Licence     string // its name, "" unknown
	Address     string // that of the licence, "" unknown
}

// maxTitle is how many letters of a photo's title a card shows.
const maxTitle = 60

// firstCards is how many cards of a gallery are seen at once.
const firstCards = 6

// A gallery is cards, of which the first are seen at once and the others after
// a click, or on paper.
type gallery struct {
	Cards []card
	Pairs bool // they have two pictures each
}

// First returns the cards that are seen at once.
func (g gallery) First() []card { return g.Cards[:min(firstCards, len(g.Cards))] }

// Rest returns the other ones.
func (g gallery) Rest() []card { return g.Cards[len(g.First()):] }

// newGallery draws examples.
func newGallery(examples []Example) (g gallery, err error) {
	for _, e := range examples {
		c, err := newCard(e)
		if err != nil {
			return g, err
		}
		g.add(c)
	}
	return g, nil
}

func (g *gallery) add(c card) {
	g.Cards, g.Pairs = append(g.Cards, c), g.Pairs || c.Map != ""
}

// newCard draws an example.
func newCard(e Example) (c card, err error) {
	c = card{
		Example: e, Percent: fmt.Sprintf("%.1f", 100*e.Probability),
		Name: shorten(e.Title, maxTitle), Landing: credits.WebPage(e.LandingURL), Address: credits.WebPage(e.License),
	}
	if c.Name == "" {
		c.Name = "untitled"
	}
	if e.License != "" {
		c.Licence = credits.LicenceName(e.License)
	}
	if c.Picture, err = dataURI(e.pixels, e.size); err == nil {
		c.Map, err = dataURI(e.heat, e.size)
	}
	if err != nil {
		return c, fmt.Errorf("picture of %s: %w", e.Key, err)
	}
	c.Alternative = fmt.Sprintf("%s, labelled %s: %s", e.Key, e.Truth, c.Name)
	return c, nil
}

// shorten cuts a text to so many letters.
func shorten(text string, room int) string {
	if r := []rune(text); len(r) > room {
		return string(r[:room-1]) + "…"
	}
	return text
}
