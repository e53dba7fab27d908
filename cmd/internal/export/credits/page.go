package credits

import (
	_ "embed"
	"html"
	"html/template"
	"io"
	"strings"
)

//go:embed page.html.tmpl
var pageTemplate string

// unchecked is what a reader of credits must know.
const unchecked = "Photos of the Open Images data set, their makers and licences as its image list has them. That list is not checked: verify the licence of a photo before you publish it."

// A page is a list for people, in a browser.
type page struct {
	w        io.Writer
	template *template.Template
}

func newPage(w io.Writer) (page, error) {
	t, err := template.New("credits").Parse(pageTemplate)
	if err != nil {
		return page{}, err
	}
	return page{w, t}, t.ExecuteTemplate(w, "head", unchecked)
}

func (p page) row(r Row) error { return p.template.ExecuteTemplate(p.w, "row", lineOf(r)) }

func (p page) end(counts string) error { return p.template.ExecuteTemplate(p.w, "foot", counts+".") }

// A line is a row for people. Links that lead to no web page are empty.
type line struct{ ID, Title, Landing, Author, Profile, License, LicenseURL string }

// lineOf is the line of a row. Titles and names are in the image list as Flickr
// had them on its pages.
func lineOf(r Row) line {
	l := line{
		ID: r.ID, Title: html.UnescapeString(r.Title), Author: html.UnescapeString(r.Author),
		Landing: WebPage(r.LandingURL), Profile: WebPage(r.AuthorURL), License: LicenceName(r.License), LicenseURL: WebPage(r.License),
	}
	if strings.TrimSpace(l.Title) == "" {
		l.Title = "untitled"
	}
	if r.Anonymous() {
		l.Author = "author unknown"
	}
	return l
}

// WebPage returns an address that may be linked to, or "".
func WebPage(u string) string {
	if strings.HasPrefix(u, "https://") || strings.HasPrefix(u, "http://") {
		return u
	}
	return ""
}
