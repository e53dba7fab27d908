package detection

import (
	"encoding/xml"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/export/classlist"
)

// voc writes Annotations/NAME.xml, ImageSets/Main/SET.txt and classes.txt, next
// to JPEGImages: the folder is what a VOC2007 folder is.
type voc struct {
	export  *Export
	sets    []uint8
	classes []class
	names   []*spool // of the photos of each set, one a line
}

type vocAnnotation struct {
	XMLName   xml.Name    `xml:"annotation"`
	Folder    string      `xml:"folder"`
	File      string      `xml:"filename"`
	Database  string      `xml:"source>database"`
	Width     int         `xml:"size>width"`
	Height    int         `xml:"size>height"`
	Depth     int         `xml:"size>depth"`
	Segmented int         `xml:"segmented"`
	Objects   []vocObject `xml:"object"`
}

type vocObject struct {
	Name      string `xml:"name"`
	Pose      string `xml:"pose"`
	Truncated int    `xml:"truncated"`
	Occluded  int    `xml:"occluded"`
	Difficult int    `xml:"difficult"`
	XMin      int    `xml:"bndbox>xmin"`
	YMin      int    `xml:"bndbox>ymin"`
	XMax      int    `xml:"bndbox>xmax"`
	YMax      int    `xml:"bndbox>ymax"`
}

func (e *Export) newVOC(sets []uint8, list []class) (writer, error) {
	for _, folder := range []string{"Annotations", "ImageSets/Main"} {
		if err := os.MkdirAll(filepath.Join(e.Dir, filepath.FromSlash(folder)), 0o777); err != nil {
			return nil, err
		}
	}
	v := &voc{export: e, sets: sets, classes: list}
	for range sets {
		names, err := newSpool(e.Dir)
		if err != nil {
			v.discard()
			return nil, err
		}
		v.names = append(v.names, names)
	}
	return v, nil
}

func (v *voc) photo(p *picture) error {
	a := vocAnnotation{
		Folder: "JPEGImages", File: path.Base(p.file), Database: "Open Images",
		Width: p.width, Height: p.height, Depth: 3,
	}
	for _, b := range p.boxes {
		in := b.rect.pixels()
		a.Objects = append(a.Objects, vocObject{
			Name: v.classes[b.class].name, Pose: "Unspecified",
			Truncated: int(max(b.truncated, 0)), Occluded: int(max(b.occluded, 0)), Difficult: int(max(b.groupOf, 0)),
			XMin: in.xMin, YMin: in.yMin, XMax: in.xMax, YMax: in.yMax,
		})
	}
	data, err := xml.MarshalIndent(a, "", "\t")
	if err != nil {
		return err
	}
	if _, err := v.names[slices.Index(v.sets, p.set)].add([]byte(p.name + "\n")); err != nil {
		return err
	}
	return v.export.replaceIfOther("Annotations/"+p.name+".xml", append(data, '\n'))
}

func (v *voc) finish() error {
	for i, set := range v.sets {
		names := v.names[i]
		err := v.export.replace("ImageSets/Main/"+setNames[set]+".txt", func(w io.Writer) error {
			if err := names.buffer.Flush(); err != nil {
				return err
			}
			_, err := io.Copy(w, io.NewSectionReader(names.file, 0, names.size))
			return err
		})
		if err != nil {
			return err
		}
	}
	var names []string
	for _, class := range v.classes {
		names = append(names, class.name)
	}
	return v.export.replace(classlist.FileName, func(w io.Writer) error {
		_, err := io.WriteString(w, classlist.Text(names))
		return err
	})
}

func (v *voc) discard() {
	for _, names := range v.names {
		_ = names.close() // nothing is lost with it
	}
}
