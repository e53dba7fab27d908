package main

import (
	"bufio"
	"crypto/sha256"
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"html"
	"html/template"
	"io"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/record"
)

// credits is the file that says who made the photos that came through, each
// photo once, in the order of the stream. Its methods do nothing on nil.
type credits struct {
	file   *renameio.PendingFile
	buffer *bufio.Writer
	sheet  creditSheet
	seen   map[[16]byte]struct{} // hashes of subset and id
}

// A creditSheet is a form that credits are written in.
type creditSheet interface {
	row(*record.Item) error
	end(photos int) error
}

func createCredits(path string, inputs []string) (*credits, error) {
	if err := cli.CheckOutputFile(path, inputs...); err != nil {
		return nil, fmt.Errorf("--attribution: %w", err)
	}
	file, err := renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)), renameio.WithPermissions(0o666))
	if err != nil {
		return nil, fmt.Errorf("--attribution: %w", err)
	}
	c := &credits{file: file, buffer: bufio.NewWriter(file), seen: map[[16]byte]struct{}{}}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".html", ".htm":
		c.sheet, err = newCreditPage(c.buffer)
	default:
		c.sheet, err = newCreditTable(c.buffer)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("--attribution: %w", err), file.Cleanup())
	}
	return c, nil
}

// add gives credit for the photo of an item that is about to be written.
func (c *credits) add(item *record.Item) error {
	if c == nil {
		return nil
	}
	sum := sha256.Sum256([]byte(item.Subset + "/" + item.ID))
	key := [16]byte(sum[:])
	if _, ok := c.seen[key]; ok {
		return nil
	}
	c.seen[key] = struct{}{}
	return c.wrap(c.sheet.row(item))
}

// finish makes the file appear if the run came to its end without err.
func (c *credits) finish(err error) error {
	if err != nil {
		return c.wrap(c.file.Cleanup())
	}
	err = errors.Join(c.sheet.end(len(c.seen)), c.buffer.Flush())
	if err != nil {
		return c.wrap(errors.Join(err, c.file.Cleanup()))
	}
	return c.wrap(c.file.CloseAtomicallyReplace())
}

func (c *credits) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("write the credits: %w", err)
}

// imageOf is what an item knows of its photo's maker.
func imageOf(item *record.Item) record.Image {
	if item.Image == nil {
		return record.Image{}
	}
	return *item.Image
}

// A creditTable is CSV, with the column names of the image list where it has
// them.
type creditTable struct{ csv *csv.Writer }

func newCreditTable(w io.Writer) (creditTable, error) {
	t := creditTable{csv.NewWriter(w)}
	return t, t.csv.Write([]string{"ImageID", "Subset", "Title", "Author", "AuthorProfileURL", "License", "OriginalLandingURL", "URL", "Source", "SHA256"})
}

func (t creditTable) row(item *record.Item) error {
	im, f := imageOf(item), item.Fetched
	return t.csv.Write([]string{item.ID, item.Subset, plain(im.Title), plain(im.Author), plain(im.AuthorURL), plain(im.License), plain(im.LandingURL), f.URL, f.Source, f.SHA256})
}

// plain keeps a spreadsheet from taking words for a formula, which anybody may
// have given a photo as its title.
func plain(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

func (t creditTable) end(int) error {
	t.csv.Flush()
	return t.csv.Error()
}

//go:embed credits.html.tmpl
var creditTemplate string

// A creditPage is a list for people, on one page.
type creditPage struct {
	w        io.Writer
	template *template.Template
}

func newCreditPage(w io.Writer) (creditPage, error) {
	t, err := template.New("credits").Parse(creditTemplate)
	if err != nil {
		return creditPage{}, err
	}
	return creditPage{w, t}, t.ExecuteTemplate(w, "head", nil)
}

// A credit is a row of the page. Links that lead to no web page are empty.
type credit struct{ ID, Title, Landing, Author, Profile, License, LicenseURL string }

func (p creditPage) row(item *record.Item) error {
	im := imageOf(item)
	// Titles and names are in the image list as Flickr had them on its pages.
	c := credit{
		ID: item.ID, Title: html.UnescapeString(im.Title), Author: html.UnescapeString(im.Author),
		Landing: webPage(im.LandingURL), Profile: webPage(im.AuthorURL), License: licenceName(im.License), LicenseURL: webPage(im.License),
	}
	if strings.TrimSpace(c.Title) == "" {
		c.Title = "untitled"
	}
	if strings.TrimSpace(c.Author) == "" {
		c.Author = "author unknown"
	}
	return p.template.ExecuteTemplate(p.w, "row", c)
}

func (p creditPage) end(photos int) error { return p.template.ExecuteTemplate(p.w, "foot", photos) }

// webPage returns an address that may be linked to, or "".
func webPage(u string) string {
	if strings.HasPrefix(u, "https://") || strings.HasPrefix(u, "http://") {
		return u
	}
	return ""
}

// licenceName is CC BY 2.0 for https://creativecommons.org/licenses/by/2.0/ and
// so on, and any other licence as it is.
func licenceName(licence string) string {
	_, path, ok := strings.Cut(licence, "://creativecommons.org/licenses/")
	if !ok {
		if licence == "" {
			return "licence unknown"
		}
		return licence
	}
	return "CC " + strings.ToUpper(strings.ReplaceAll(strings.Trim(path, "/"), "/", " "))
}
