package manifest

import (
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/export/credits"
)

// About is what is known of a folder of pictures as a whole.
type About struct {
	Name     string // of the folder
	Dataset  string // "sample", "v7", …; "" unknown
	Ending   string // of the pictures' names, "png" or "jpg"
	Sets     []Set
	Classes  []string
	Licences []Licence // of the photos, that of most first
	Authors  int
	Stages   []string // how it came to be, a line for each command
}

// A Set is a folder of classes with its list of pictures.
type Set struct {
	Name     string // train, val, test, or "" where items had none
	Path     string // of the folder, with slashes, "" for the whole one
	Metadata string // the path of its list of pictures, with slashes
	Pictures int
}

// A Licence is one of the photos'.
type Licence struct {
	URL    string // "" unknown
	Photos int
}

// sample reports whether the photos are painted by a program.
func (a *About) sample() bool { return a.Dataset == "sample" }

// pictures is their number in all sets.
func (a *About) pictures() (n int) {
	for _, s := range a.Sets {
		n += s.Pictures
	}
	return n
}

// split is the name of a set as others call it.
func (s Set) split() string {
	switch s.Name {
	case "val":
		return "validation"
	case "":
		return "all"
	}
	return s.Name
}

// below is a path below the set's folder.
func (s Set) below(path string) string {
	if s.Path == "" {
		return path
	}
	return s.Path + "/" + path
}

// describe says in a sentence or two what is in the folder.
func (a *About) describe() string {
	of := "photos of Open Images"
	if a.sample() {
		of = "drawings that a program has painted in place of photos (the sample of Open Images that oi has built in)"
	}
	return "Boxes of " + listNames(a.Classes) + ", cut out of " + of + ". Each picture's label, box, author and licence stand in the metadata.csv of its set."
}

// listNames is a list in words, shortened.
func listNames(names []string) string {
	const most = 10
	if len(names) > most {
		return strings.Join(names[:most], ", ") + " and others"
	}
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return strings.Join(names, "")
}

// licenceIDs are the names that Hugging Face has for the licences: "other" for
// one that it has none for.
func (a *About) licenceIDs() []string {
	var ids []string
	for _, l := range a.Licences {
		id := licenceID(l.URL)
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if ids == nil {
		ids = []string{"unknown"}
	}
	return ids
}

func licenceID(url string) string {
	name := credits.LicenceName(url)
	short := strings.ToLower(strings.ReplaceAll(name, " ", "-"))
	switch {
	case url == "":
		return "unknown"
	case short == "cc0-1.0":
		return short
	case strings.HasPrefix(name, "CC BY") && strings.Count(name, " ") == 2: // not a port to a country
		return short
	}
	return "other"
}
