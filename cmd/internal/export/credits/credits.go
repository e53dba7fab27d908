// Package credits says who made photos and under which licence, as a table, a
// page or plain text.
package credits

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/opensandwich/oi/record"
)

// Columns are the names of the columns: those of the image list where it has
// them.
func Columns() []string {
	return []string{"ImageID", "Subset", "Title", "Author", "AuthorProfileURL", "License", "OriginalLandingURL", "URL", "Source", "SHA256"}
}

// A Row is what is known of a photo.
type Row struct {
	ID, Subset, Title, Author, AuthorURL, License, LandingURL string
	URL, Source, SHA256                                       string // of the file that was fetched
}

// Anonymous reports whether the photo's author is not known.
func (r Row) Anonymous() bool { return strings.TrimSpace(r.Author) == "" }

// Of returns the row of an item's photo.
func Of(item *record.Item) Row {
	r := Row{ID: item.ID, Subset: item.Subset}
	if im := item.Image; im != nil {
		r.Title, r.Author, r.AuthorURL, r.License, r.LandingURL = im.Title, im.Author, im.AuthorURL, im.License, im.LandingURL
	}
	if f := item.Fetched; f != nil {
		r.URL, r.Source, r.SHA256 = f.URL, f.Source, f.SHA256
	}
	return r
}

// Fields returns the row as the fields of a CSV file.
func (r Row) Fields() []string {
	fields := []string{r.ID, r.Subset, r.Title, r.Author, r.AuthorURL, r.License, r.LandingURL, r.URL, r.Source, r.SHA256}
	for i, field := range fields {
		fields[i] = plain(field)
	}
	return fields
}

// plain keeps a spreadsheet from taking words for a formula, which anybody may
// have given a photo as its title. Some take the wide forms of the signs too,
// and some skip white space before them.
func plain(s string) string {
	if trimmed := strings.TrimLeft(s, " \u00a0\u3000"); trimmed != "" {
		if first, _ := utf8.DecodeRuneInString(trimmed); strings.ContainsRune("=+-@\t\r\n＝＋－＠", first) {
			return "'" + s
		}
	}
	return s
}

// Line says in one line who made a photo and under which licence, "" if nothing
// is known of it.
func Line(im *record.Image) string {
	if im == nil {
		return ""
	}
	parts := []string{im.Title, im.Author, LicenceName(im.License)}
	if im.Author != "" {
		parts[1] = "by " + im.Author
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}

// LicenceName is CC BY 2.0 for https://creativecommons.org/licenses/by/2.0/ and
// so on, CC0 1.0 for its deed of the public domain, and any other licence as it
// is.
func LicenceName(licence string) string {
	if licence == "" {
		return "licence unknown"
	}
	_, path, ok := strings.Cut(licence, "://creativecommons.org/")
	kind, rest, _ := strings.Cut(path, "/")
	rest = strings.TrimSuffix(strings.TrimSuffix(rest, "legalcode"), "deed.en")
	name := strings.ToUpper(strings.ReplaceAll(strings.Trim(rest, "/"), "/", " "))
	switch {
	case !ok || name == "":
		return licence
	case kind == "licenses":
		return "CC " + name
	case kind == "publicdomain" && strings.HasPrefix(name, "ZERO"):
		return "CC0" + strings.TrimPrefix(name, "ZERO")
	case kind == "publicdomain" && strings.HasPrefix(name, "MARK"):
		return "Public Domain Mark" + strings.TrimPrefix(name, "MARK")
	}
	return licence
}
