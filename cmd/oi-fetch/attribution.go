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
	"github.com/opensandwich/oi/cmd/internal/export/credits"
	"github.com/opensandwich/oi/record"
)

// An attribution is the file that says who made the photos that came through,
// each photo once, in the order of the stream. Its methods do nothing on nil.
type attribution struct {
	file   *renameio.PendingFile
	buffer *bufio.Writer
	format attributionFormat
	seen   map[[16]byte]struct{} // hashes of subset and id
}

// An attributionFormat is a form that the file is written in.
type attributionFormat interface {
	row(*record.Item) error
	end(photos int) error
}

func createAttribution(path string, inputs []string) (*attribution, error) {
	if err := cli.CheckOutputFile(path, inputs...); err != nil {
		return nil, fmt.Errorf("--attribution: %w", err)
	}
	file, err := renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)), renameio.WithPermissions(0o666))
	if err != nil {
		return nil, fmt.Errorf("--attribution: %w", err)
	}
	a := &attribution{file: file, buffer: bufio.NewWriter(file), seen: map[[16]byte]struct{}{}}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".html", ".htm":
		a.format, err = newAttributionPage(a.buffer)
	default:
		a.format, err = newAttributionCSV(a.buffer)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("--attribution: %w", err), file.Cleanup())
	}
	return a, nil
}

// add gives credit for the photo of an item that is about to be written.
func (a *attribution) add(item *record.Item) error {
	if a == nil {
		return nil
	}
	sum := sha256.Sum256([]byte(item.Subset + "/" + item.ID))
	key := [16]byte(sum[:])
	if _, ok := a.seen[key]; ok {
		return nil
	}
	a.seen[key] = struct{}{}
	return a.wrap(a.format.row(item))
}

// finish makes the file appear if the run came to its end without err.
func (a *attribution) finish(err error) error {
	if err != nil {
		return a.wrap(a.file.Cleanup())
	}
	err = errors.Join(a.format.end(len(a.seen)), a.buffer.Flush())
	if err != nil {
		return a.wrap(errors.Join(err, a.file.Cleanup()))
	}
	return a.wrap(a.file.CloseAtomicallyReplace())
}

func (a *attribution) wrap(err error) error {
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

// An attributionCSV is CSV, with the column names of the image list where it
// has them.
type attributionCSV struct{ csv *csv.Writer }

func newAttributionCSV(w io.Writer) (attributionCSV, error) {
	t := attributionCSV{csv.NewWriter(w)}
	return t, t.csv.Write(credits.Columns())
}

func (t attributionCSV) row(item *record.Item) error { return t.csv.Write(credits.Of(item).Fields()) }

func (t attributionCSV) end(int) error {
	t.csv.Flush()
	return t.csv.Error()
}

//go:embed attribution.html.tmpl
var attributionTemplate string

// An attributionPage is a list for people, on one page.
type attributionPage struct {
	w        io.Writer
	template *template.Template
}

func newAttributionPage(w io.Writer) (attributionPage, error) {
	t, err := template.New("attribution").Parse(attributionTemplate)
	if err != nil {
		return attributionPage{}, err
	}
	return attributionPage{w, t}, t.ExecuteTemplate(w, "head", nil)
}

// An attributionRow is a row of the page. Links that lead to no web page are
// empty.
type attributionRow struct{ ID, Title, Landing, Author, Profile, License, LicenseURL string }

func (p attributionPage) row(item *record.Item) error {
	im := imageOf(item)
	// Titles and names are in the image list as Flickr had them on its
	// pages.
	row := attributionRow{
		ID: item.ID, Title: html.UnescapeString(im.Title), Author: html.UnescapeString(im.Author),
		Landing: webPage(im.LandingURL), Profile: webPage(im.AuthorURL), License: credits.LicenceName(im.License), LicenseURL: webPage(im.License),
	}
	if strings.TrimSpace(row.Title) == "" {
		row.Title = "untitled"
	}
	if strings.TrimSpace(row.Author) == "" {
		row.Author = "author unknown"
	}
	return p.template.ExecuteTemplate(p.w, "row", row)
}

func (p attributionPage) end(photos int) error {
	return p.template.ExecuteTemplate(p.w, "foot", photos)
}

// webPage returns an address that may be linked to, or "".
func webPage(u string) string {
	if strings.HasPrefix(u, "https://") || strings.HasPrefix(u, "http://") {
		return u
	}
	return ""
}
