package manifest

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// CroissantName is the file in a folder that describes it as Croissant.
const CroissantName = "croissant.json"

// openImages is the page of the data set that the pictures are from, and
// annotationsLicence that of its annotations.
const (
	openImages         = "https://storage.googleapis.com/openimages/web/index.html"
	annotationsLicence = "https://creativecommons.org/licenses/by/4.0/"
)

// published is when a version of Open Images was. The table is never changed.
var published = map[string]string{"v4": "2018-04-30", "v5": "2019-05-08", "v6": "2020-02-26", "v7": "2022-10-25"}

// croissantContext is the context of Croissant 1.1, appendix 1. It is never
// changed. The reference reader compares the address of schema.org as text, and
// wants https.
const croissantContext = `{
  "@language": "en", "@vocab": "https://schema.org/", "sc": "https://schema.org/", "cr": "http://mlcommons.org/croissant/",
  "rai": "http://mlcommons.org/croissant/RAI/", "dct": "http://purl.org/dc/terms/", "annotation": "cr:annotation", "arrayShape": "cr:arrayShape",
  "citeAs": "cr:citeAs", "column": "cr:column", "conformsTo": "dct:conformsTo", "containedIn": "cr:containedIn",
  "data": {"@id": "cr:data", "@type": "@json"}, "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
  "equivalentProperty": "cr:equivalentProperty", "examples": {"@id": "cr:examples", "@type": "@json"}, "excludes": "cr:excludes",
  "extract": "cr:extract", "field": "cr:field", "fileProperty": "cr:fileProperty", "fileObject": "cr:fileObject", "fileSet": "cr:fileSet",
  "format": "cr:format", "includes": "cr:includes", "isArray": "cr:isArray", "isLiveDataset": "cr:isLiveDataset", "jsonPath": "cr:jsonPath",
  "key": "cr:key", "md5": "cr:md5", "parentField": "cr:parentField", "recordSet": "cr:recordSet", "references": "cr:references",
  "regex": "cr:regex", "readLines": "cr:readLines", "repeated": "cr:repeated", "replace": "cr:replace", "sdVersion": "cr:sdVersion",
  "separator": "cr:separator", "source": "cr:source", "subField": "cr:subField", "transform": "cr:transform", "unArchive": "cr:unArchive",
  "value": "cr:value"
}`

// An object is one of JSON-LD.
type object = map[string]any

func reference(id string) object { return object{"@id": id} }

// WriteCroissant writes a description as Croissant 1.1: for each set its list of
// pictures, with its SHA-256, the pictures, and what the columns are. date is
// when the folder was published, "" for the annotations' date. files are those
// of the folder.
func (a *About) WriteCroissant(to io.Writer, date string, files []File) error {
	if date == "" {
		date = published[a.Dataset]
	}
	if date == "" {
		date = published["v7"]
	}
	licences := []string{annotationsLicence}
	for _, l := range a.Licences {
		if l.URL != "" && !slices.Contains(licences, l.URL) {
			licences = append(licences, l.URL)
		}
	}
	var distribution, recordSets []object
	for _, s := range a.Sets {
		at := slices.IndexFunc(files, func(f File) bool { return f.Path == s.Metadata })
		if at < 0 {
			return fmt.Errorf("%s: no such file", s.Metadata)
		}
		distribution = append(distribution, object{
			"@type": "cr:FileObject", "@id": s.Metadata, "name": s.Metadata, "description": "what is known of each picture of the set " + s.split(),
			"contentUrl": s.Metadata, "contentSize": fmt.Sprintf("%d B", files[at].Size), "encodingFormat": "text/csv", "sha256": files[at].SHA256,
		}, object{
			"@type": "cr:FileSet", "@id": s.split() + "-pictures", "name": s.split() + "-pictures", "description": "the pictures of the set " + s.split(),
			"encodingFormat": map[string]string{"png": "image/png", "jpg": "image/jpeg"}[a.Ending], "includes": s.below("*/*." + a.Ending),
		})
		recordSets = append(recordSets, a.records(s), a.images(s))
	}
	return encodeJSONLD(to, object{
		"@context": json.RawMessage(croissantContext), "@type": "sc:Dataset", "conformsTo": "http://mlcommons.org/croissant/1.1",
		"name": a.Name, "description": a.describe(), "license": licences, "url": openImages,
		"creator":       object{"@type": "sc:Organization", "name": "Google and the authors of the photos", "url": openImages},
		"datePublished": date, "version": "1.0.0", "isLiveDataset": false,
		"citeAs":       "@article{OpenImages, title = {The Open Images Dataset V4}, author = {Kuznetsova, Alina and others}, journal = {International Journal of Computer Vision}, year = {2020}}",
		"distribution": distribution, "recordSet": recordSets,
	})
}

// columns of metadata.csv that are described, with their types.
func describedColumns() [][3]string {
	return [][3]string{
		{"file_name", "sc:Text", "the picture's file below the folder of the set"}, {"label", "sc:Text", "the class"},
		{"mid", "sc:Text", "the class as Open Images numbers it"}, {"key", "sc:Text", "names the box for ever"},
		{"xmin", "sc:Float", "left edge of the box, a fraction of the photo's width; -1 unknown"}, {"xmax", "sc:Float", "right edge"},
		{"ymin", "sc:Float", "upper edge, a fraction of the photo's height; -1 unknown"}, {"ymax", "sc:Float", "lower edge"},
		{"author", "sc:Text", "who made the photo"}, {"title", "sc:Text", "the photo's title"}, {"license", "sc:URL", "the photo's licence"},
		{"landing_url", "sc:URL", "the photo's page"}, {"sha256", "sc:Text", "the photo's SHA-256"},
	}
}

// records are the rows of a set's list.
func (a *About) records(s Set) object {
	name := s.split()
	var fields []object
	for _, c := range describedColumns() {
		field := object{
			"@type": "cr:Field", "@id": name + "/" + c[0], "name": c[0], "description": c[2], "dataType": c[1],
			"source": object{"fileObject": reference(s.Metadata), "extract": object{"column": c[0]}},
		}
		if c[0] == "label" {
			field["dataType"] = []string{"sc:Text", "cr:Label"}
		}
		if c[0] == "file_name" {
			field["references"] = object{"field": reference(name + "-images/file_name")}
		}
		fields = append(fields, field)
	}
	return object{"@type": "cr:RecordSet", "@id": name, "name": name, "description": "the items of the set " + name, "key": reference(name + "/key"), "field": fields}
}

// images are the files of a set.
func (a *About) images(s Set) object {
	name := s.split() + "-images"
	pictures := reference(s.split() + "-pictures")
	// What stands after the set's folder in the file's path.
	regex := `^(?:.*/)?([^/]+/[^/]+\.` + a.Ending + `)$`
	return object{"@type": "cr:RecordSet", "@id": name, "name": name, "description": "the pictures of the set " + s.split(), "key": reference(name + "/file_name"), "field": []object{
		{
			"@type": "cr:Field", "@id": name + "/file_name", "name": "file_name", "description": "the file below the folder of the set", "dataType": "sc:Text",
			"source": object{"fileSet": pictures, "extract": object{"fileProperty": "fullpath"}, "transform": object{"regex": regex}},
		},
		{
			"@type": "cr:Field", "@id": name + "/content", "name": "content", "description": "the picture", "dataType": "sc:ImageObject",
			"source": object{"fileSet": pictures, "extract": object{"fileProperty": "content"}},
		},
	}}
}

func encodeJSONLD(to io.Writer, v any) error {
	e := json.NewEncoder(to)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
