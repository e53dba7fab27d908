package openimages

import (
	"fmt"
	"slices"
	"strings"
)

// OfficialBase is the address below which the data set's publisher keeps the
// files of the catalogue.
const OfficialBase = "https://storage.googleapis.com/openimages/"

// The subsets of Open Images, in the order in which their rows are emitted.
const (
	Train      = "train"
	Validation = "validation"
	Test       = "test"
)

// Subsets lists the subsets in the order in which their rows are emitted.
func Subsets() []string { return []string{Train, Validation, Test} }

// A File is one file of the data set.
type File struct {
	Path string // relative to the base, with slashes
	Size int64  // bytes of the official file, 0 where not known
	MD5  string // of the official file, lower-case hex, "" where not known
	kind kind   // what it holds, as Files says
}

// A Dataset is one version of Open Images: which file is used for what.
type Dataset struct {
	Name      string
	Classes   File
	Hierarchy File
	// AllClasses names the classes of the image-level labels, some 20,000,
	// which Classes are among.
	AllClasses File
	boxes      [3]File // by subset, in the order of Subsets
	images     [3]File
	labels     [3]File
	labelled   [3]File
}

// Boxes returns the box list of a subset.
func (d Dataset) Boxes(subset string) (File, error) { return bySubset(d.boxes, subset) }

// Images returns the image list of a subset. It holds at least the photos that
// have boxes.
func (d Dataset) Images(subset string) (File, error) { return bySubset(d.images, subset) }

// Labels returns the list of a subset's human-verified image-level labels,
// positive and negative. Its path is empty where the data set has none.
func (d Dataset) Labels(subset string) (File, error) { return bySubset(d.labels, subset) }

// Labelled returns the image list of a subset that holds the photos of Labels.
func (d Dataset) Labelled(subset string) (File, error) { return bySubset(d.labelled, subset) }

func bySubset(files [3]File, subset string) (File, error) {
	i := slices.Index(Subsets(), subset)
	if i < 0 {
		return File{}, fmt.Errorf("no subset %q, there are %s", subset, strings.Join(Subsets(), ", "))
	}
	return files[i], nil
}

// Lists returns the lists that the rows and the photos of a subset are in: of
// boxes, or of image-level labels.
func (d Dataset) Lists(subset string, imageLabels bool) (rows, images File, err error) {
	of := [2]func(string) (File, error){d.Boxes, d.Images}
	if imageLabels {
		of = [2]func(string) (File, error){d.Labels, d.Labelled}
	}
	if rows, err = of[0](subset); err == nil {
		images, err = of[1](subset)
	}
	return rows, images, err
}

// Files lists every file of the data set once, and what is expected in it.
func (d Dataset) Files() []File {
	var files []File
	seen := map[string]bool{"": true}
	add := func(kind kind, some ...File) {
		for _, f := range some {
			if !seen[f.Path] {
				seen[f.Path] = true
				f.kind = kind
				files = append(files, f)
			}
		}
	}
	add(kindClasses, d.Classes, d.AllClasses)
	add(kindHierarchy, d.Hierarchy)
	add(kindBoxes, d.boxes[:]...)
	add(kindImages, d.images[:]...)
	add(kindLabels, d.labels[:]...)
	add(kindImages, d.labelled[:]...)
	return files
}

// DatasetNames lists the names that [LookupDataset] knows, the default first.
func DatasetNames() []string { return []string{"v7", "v6", "v5", "v4", "sample"} }

// LookupDataset returns the version of that name. "sample" is the built-in data
// set; its files are drawn, not downloaded, and have the paths of v7.
func LookupDataset(name string) (Dataset, error) {
	lower := strings.ToLower(name)
	if !slices.Contains(DatasetNames(), lower) {
		return Dataset{}, fmt.Errorf("no data set %q, there are %s", name, strings.Join(DatasetNames(), ", "))
	}
	d := Dataset{
		Name:      lower,
		Hierarchy: File{Path: "2018_04/bbox_labels_600_hierarchy.json", MD5: "3fa04df9ea43b1274aaa9d06e1b38900"},
		images:    imageLists,
		labelled:  imageLists,
	}
	switch lower {
	case "v4":
		d.Classes = classesV4
		d.AllClasses = File{Path: "2018_04/class-descriptions.csv", Size: 475_854}
		d.boxes = [3]File{boxesV4Train, boxesV4Validation, boxesV4Test}
		d.labels = labelsV4
		d.labelled[0] = File{Path: "2018_04/image_ids_and_rotation.csv", Size: 3_348_497_077}
	case "v5":
		d.Classes = classesV5
		d.AllClasses = File{Path: "v5/class-descriptions.csv"}
		d.boxes = [3]File{boxesV4Train, boxesV5Validation, boxesV5Test}
		d.labels = labelsV5
		d.labelled[0] = File{Path: "v5/train-images-with-labels-with-rotation.csv"}
	case "v6":
		d.Classes = classesV5
		d.AllClasses = File{Path: "v6/oidv6-class-descriptions.csv"}
		d.boxes = [3]File{boxesV6Train, boxesV5Validation, boxesV5Test}
		d.labels = labelsV6
		d.labelled[0] = imagesV6Labelled
	default: // v7, and the sample in v7's layout
		d.Classes = classesV7
		d.AllClasses = File{Path: "v7/oidv7-class-descriptions.csv", Size: 501_178, MD5: "2aacb919b207c50f2a084822a5c2736c"}
		d.boxes = [3]File{boxesV6Train, boxesV5Validation, boxesV5Test}
		d.labels = labelsV7
		d.labelled[0] = imagesV6Labelled
	}
	return d, nil
}

// The files below are shared between versions: a version re-uses what did not
// change, and there is no v7 copy of the boxes, image lists or hierarchy.

var imageLists = [3]File{
	{Path: "2018_04/train/train-images-boxable-with-rotation.csv", Size: 638_407_721, MD5: "a4ac0bcedb5c2df4d1b1230dc6b41b8f"},
	{Path: "2018_04/validation/validation-images-with-rotation.csv", Size: 15_245_485, MD5: "643a54e43b0bab8acce8817b4a569780"},
	{Path: "2018_04/test/test-images-with-rotation.csv", Size: 45_227_339, MD5: "d832feb775b3cb78077bf8ae350adce5"},
}

var classesV4 = File{Path: "2018_04/class-descriptions-boxable.csv", Size: 11_255, MD5: "7cfca4492ef343a973605b3754d22ceb"}

var classesV5 = File{Path: "v5/class-descriptions-boxable.csv", Size: 12_011, MD5: "9846fd22fd2e68b45e3f3810a4c2a32a"}

var classesV7 = File{Path: "v7/oidv7-class-descriptions-boxable.csv", Size: 12_064, MD5: "c5e7cb6b85d0539b2105db2d1974681f"}

var boxesV4Train = File{Path: "2018_04/train/train-annotations-bbox.csv", Size: 1_194_033_454}

var boxesV4Validation = File{Path: "2018_04/validation/validation-annotations-bbox.csv", Size: 17_074_036}

var boxesV4Test = File{Path: "2018_04/test/test-annotations-bbox.csv", Size: 52_174_204}

var boxesV5Validation = File{Path: "v5/validation-annotations-bbox.csv", Size: 25_105_048, MD5: "c5e8200df129ea6867e913e8b21fcab9"}

var boxesV5Test = File{Path: "v5/test-annotations-bbox.csv", Size: 77_484_237, MD5: "1cc058a7003b4e73d47642276e9b123b"}

var boxesV6Train = File{Path: "v6/oidv6-train-annotations-bbox.csv", Size: 2_258_447_590, MD5: "3c3e70cfaba5757ea5c2604b19cac3b2"}

var imagesV6Labelled = File{Path: "v6/oidv6-train-images-with-labels-with-rotation.csv", Size: 2_684_720_962}

var labelsV4 = [3]File{
	{Path: "2018_04/train/train-annotations-human-imagelabels.csv"},
	{Path: "2018_04/validation/validation-annotations-human-imagelabels.csv"},
	{Path: "2018_04/test/test-annotations-human-imagelabels.csv"},
}

var labelsV5 = [3]File{
	{Path: "v5/train-annotations-human-imagelabels.csv"},
	{Path: "v5/validation-annotations-human-imagelabels.csv"},
	{Path: "v5/test-annotations-human-imagelabels.csv"},
}

var labelsV6 = [3]File{
	{Path: "v6/oidv6-train-annotations-human-imagelabels.csv"},
	labelsV5[1],
	labelsV5[2],
}

// The middle one's name says val, not validation.
var labelsV7 = [3]File{
	{Path: "v7/oidv7-train-annotations-human-imagelabels.csv", Size: 2_735_816_020},
	{Path: "v7/oidv7-val-annotations-human-imagelabels.csv", Size: 28_392_297},
	{Path: "v7/oidv7-test-annotations-human-imagelabels.csv", Size: 93_606_939},
}
