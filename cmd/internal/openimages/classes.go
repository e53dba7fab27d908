package openimages

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/csvscan"
)

// A Class is a kind of thing that boxes are drawn around.
type Class struct {
	MID  string // such as /m/0cdn1
	Name string // such as Hamburger
}

const (
	// rootMID is the top of the hierarchy. The class files do not name it.
	rootMID  = "/m/0bl9f"
	rootName = "Entity"

	// maxClasses and maxClassFile bound a class file. The longest official
	// one has 20,931 classes in half a megabyte.
	maxClasses   = 1 << 20
	maxClassFile = 64 << 20
)

// Classes are the classes of a data set.
type Classes struct {
	list   []Class // sorted by name, then MID
	byMID  map[string]int
	byForm map[string][]int // by fold of the name
	byBare map[string][]int // by bare of that
	bare   []string         // of each class
}

// ReadClasses reads the class file of d: what boxes are drawn around.
func ReadClasses(ctx context.Context, src Source, d Dataset) (*Classes, error) {
	return readClasses(ctx, src, d.Classes)
}

// ReadAllClasses reads the names of what image-level labels are of.
func ReadAllClasses(ctx context.Context, src Source, d Dataset) (*Classes, error) {
	return readClasses(ctx, src, d.AllClasses)
}

func readClasses(ctx context.Context, src Source, file File) (_ *Classes, err error) {
	r, err := src.Open(ctx, file.Path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return ParseClasses(r, file.Path)
}

// ParseClasses reads a class file: MID and name, with or without the header
// that version 7 has, lines ending in LF or CRLF. file is the name for
// messages.
func ParseClasses(r io.Reader, file string) (*Classes, error) {
	c := &Classes{byMID: map[string]int{}, byForm: map[string][]int{}, byBare: map[string][]int{}}
	text := csv.NewReader(io.LimitReader(r, maxClassFile))
	text.FieldsPerRecord = -1
	text.ReuseRecord = true
	for first := true; ; first = false {
		fields, err := text.Read()
		if err == io.EOF {
			break
		}
		var syntax *csv.ParseError
		if errors.As(err, &syntax) {
			return nil, &RowError{File: file, Line: int64(syntax.StartLine), Err: syntax.Err}
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		line, _ := text.FieldPos(0)
		mid := fields[0]
		if first {
			mid = strings.TrimPrefix(mid, "\ufeff")
			if mid == "LabelName" {
				continue
			}
		}
		// MIDs are /m/ and an identifier, some in the full list /g/ or
		// /t/.
		if len(fields) != 2 || !strings.HasPrefix(mid, "/") {
			return nil, &RowError{File: file, Line: int64(line), Err: fmt.Errorf("expected a MID such as /m/0cdn1 and a name, found %s", csvscan.Abbreviate(strings.Join(fields, ",")))}
		}
		if len(c.list) == maxClasses {
			return nil, &RowError{File: file, Line: int64(line), Err: fmt.Errorf("expected at most %d classes", maxClasses)}
		}
		name := strings.ToValidUTF8(fields[1], "\uFFFD")
		c.list = append(c.list, Class{strings.ToValidUTF8(mid, "\uFFFD"), name})
	}
	if len(c.list) == 0 {
		return nil, fmt.Errorf("%s: no classes in it", file)
	}
	return c, c.index(file)
}

// index sorts the classes and makes them findable.
func (c *Classes) index(file string) error {
	slices.SortFunc(c.list, byName)
	for i, class := range c.list {
		if j, ok := c.byMID[class.MID]; ok {
			return fmt.Errorf("%s: MID %s stands for both %s and %s", file, class.MID, c.list[j].Name, class.Name)
		}
		c.byMID[class.MID] = i
		form := fold(class.Name)
		c.byForm[form] = append(c.byForm[form], i)
		form = bare(form)
		c.byBare[form] = append(c.byBare[form], i)
		c.bare = append(c.bare, form)
	}
	return nil
}

func byName(a, b Class) int {
	if n := strings.Compare(a.Name, b.Name); n != 0 {
		return n
	}
	return strings.Compare(a.MID, b.MID)
}

// All returns the classes sorted by name.
func (c *Classes) All() []Class { return slices.Clone(c.list) }

// Name returns the name of a MID, or the MID where it has none.
func (c *Classes) Name(mid string) string {
	if i, ok := c.byMID[mid]; ok {
		return c.list[i].Name
	}
	if mid == rootMID {
		return rootName
	}
	return mid
}
