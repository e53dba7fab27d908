package fetch

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/opensandwich/oi/record"
)

// The fields of a template.
const (
	subsetField = "{subset}"
	idField     = "{id}"
	classField  = "{class}"
)

// checkTemplate refuses braces that hold something else, which would be
// asked for as they stand.
func checkTemplate(template string) error {
	rest := strings.NewReplacer(subsetField, "", idField, "", classField, "").Replace(template)
	open := strings.IndexAny(rest, "{}")
	if open < 0 {
		return nil
	}
	unknown := rest[open:]
	if end := strings.IndexByte(unknown, '}'); end >= 0 {
		unknown = unknown[:end+1]
	}
	return fmt.Errorf("%q: %s is no placeholder: there are {subset}, {id} and {class}", template, unknown)
}

// checkFields returns a *fetchError if a request lacks what a template needs,
// or has what must not stand in a path. An id has been looked at before.
func checkFields(template string, r Request) error {
	if strings.Contains(template, subsetField) && !record.ValidID(r.Subset) {
		if r.Subset == "" {
			return fetchErrorf(NoURL, "the item names no subset")
		}
		return fetchErrorf(NoURL, "%.80q is not the name of a subset", r.Subset)
	}
	if !strings.Contains(template, classField) {
		return nil
	}
	switch {
	case r.Class == "":
		return fetchErrorf(NoURL, "the item names no class")
	case r.Class == ".", r.Class == "..", strings.ContainsAny(r.Class, "/\x00"):
		// A class is text from the stream: one level, which leads
		// nowhere else.
		return fetchErrorf(Refused, "class %.80q cannot be the name of a folder", r.Class)
	}
	return nil
}

// fillAddress fills in a template of addresses.
func fillAddress(template string, r Request) string {
	path, query, _ := strings.Cut(template, "?")
	filled := fill(path, r, url.PathEscape(r.Class))
	if len(path) < len(template) {
		filled += "?" + fill(query, r, url.QueryEscape(r.Class))
	}
	return filled
}

// fillPath fills in a template of paths.
func fillPath(template string, r Request) string { return fill(template, r, r.Class) }

// fill fills in a template. The class comes last: it may be text that looks like
// a field, which a subset and an id cannot be.
func fill(template string, r Request, class string) string {
	template = strings.ReplaceAll(template, subsetField, r.Subset)
	template = strings.ReplaceAll(template, idField, r.ID)
	return strings.ReplaceAll(template, classField, class)
}
