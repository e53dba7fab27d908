// Package zoo knows a few pretrained networks by name and by the SHA-256 of
// their files: where they are, how large they are, what they want done to the
// bytes of a picture, and under what licence they are. None is part of this
// program; they are downloaded on request and verified each time.
package zoo

import (
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/editdistance"
	"github.com/opensandwich/oi/cmd/internal/preprocess"
)

// An Entry is what is known of one network.
type Entry struct {
	Name      string // as --backbone takes it
	Base      string // address that Path is below
	Path      string // of the file, with slashes
	Size      int64  // bytes
	SHA256    string // of the file, lower-case hexadecimal
	Normalize string // as preprocess.Parse takes it
	Licence   string // of the weights, with the terms of what they were trained on
	Source    string // who publishes it
}

// onnxModels is where the ONNX model zoo has its classifiers. It is a branch,
// which can move: only the sums say what a file is.
const onnxModels = "https://github.com/onnx/models/raw/main/validated/vision/classification/"

// imageNet are the terms of what all of these were trained on.
const imageNet = "; trained on ImageNet, whose terms are for research"

var entries = []Entry{
	{
		Name: "mobilenetv2", Base: onnxModels, Path: "mobilenet/model/mobilenetv2-12.onnx", Size: 13_964_571,
		SHA256:    "c0c3f76d93fa3fd6580652a45618618a220fced18babf65774ed169de0432ad5",
		Normalize: "imagenet", Licence: "Apache-2.0" + imageNet, Source: "ONNX model zoo",
	},
	{
		Name: "resnet18", Base: onnxModels, Path: "resnet/model/resnet18-v2-7.onnx", Size: 46_806_737,
		SHA256:    "3b4d048057854022232aa20bf68262e31718ab7119a17f920b8a2dc1433f824b",
		Normalize: "imagenet", Licence: "Apache-2.0" + imageNet, Source: "ONNX model zoo",
	},
	{
		Name: "resnet50", Base: onnxModels, Path: "resnet/model/resnet50-v1-12.onnx", Size: 102_576_419,
		SHA256:    "ab65bdc02c5b3123eb3cdf6dac01742438517d8635d4f233913b2be1c70db3b6",
		Normalize: "imagenet", Licence: "Apache-2.0" + imageNet, Source: "ONNX model zoo",
	},
	{
		Name: "shufflenetv2", Base: onnxModels, Path: "shufflenet/model/shufflenet-v2-12.onnx", Size: 9_218_556,
		SHA256:    "ea69821b4dd374ae2f33f9710dd1229ac263d0ee5b5a46ca3521f6483e1ba035",
		Normalize: "imagenet", Licence: "BSD-3-Clause" + imageNet, Source: "ONNX model zoo",
	},
}

// A Table is networks that can be asked for by name.
type Table []Entry

// Backbones returns the networks that are known.
func Backbones() Table { return slices.Clone(entries) }

// Names returns their names.
func (t Table) Names() []string {
	var names []string
	for _, e := range t {
		names = append(names, e.Name)
	}
	return names
}

// File is the name of the network's file.
func (e Entry) File() string { return e.Path[strings.LastIndexByte(e.Path, '/')+1:] }

// Normalization is what the network wants done to the bytes.
func (e Entry) Normalization() (*preprocess.Normalization, error) {
	n, err := preprocess.Parse(e.Normalize, "")
	if err != nil {
		return nil, err
	}
	n.From = "what is known of " + e.File()
	return n, nil
}

// Find returns the network of a name, which may also be that of its file, with
// or without the ending. Capitals, hyphens and underscores do not matter.
func (t Table) Find(name string) (Entry, bool) {
	name = bare(name)
	for _, e := range t {
		if slices.Contains(e.bareNames(), name) {
			return e, true
		}
	}
	return Entry{}, false
}

// bareNames are the names that a network has.
func (e Entry) bareNames() []string {
	file := bare(e.File())
	return []string{bare(e.Name), file, strings.TrimSuffix(file, ".onnx")}
}

// bare is a name without what does not matter in it.
func bare(name string) string {
	return strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(name))
}

// Near returns the names of the networks that may be meant by a name of none,
// the nearest.
func (t Table) Near(name string) []string {
	typed := []rune(strings.TrimSuffix(bare(name), ".onnx"))
	least := max(1, len(typed)/4) // slips
	var near []string
	for _, e := range t {
		for _, known := range e.bareNames() {
			slips := editdistance.Levenshtein(typed, []rune(known))
			if slips < least {
				least, near = slips, nil
			}
			if slips == least && !slices.Contains(near, e.Name) {
				near = append(near, e.Name)
			}
		}
	}
	return near
}

// BySum returns the network whose file has a SHA-256, in hexadecimal.
func (t Table) BySum(sha256 string) (Entry, bool) {
	for _, e := range t {
		if strings.EqualFold(sha256, e.SHA256) {
			return e, true
		}
	}
	return Entry{}, false
}

// Facts returns what is known of a model file besides what it says itself: what
// it wants done to the bytes, from the files beside it or else by its SHA-256,
// and its licence by its SHA-256. What is not known is nil and "".
func (t Table) Facts(path, sha256 string) (n *preprocess.Normalization, licence string, err error) {
	e, known := t.BySum(sha256)
	if n, err = preprocess.Beside(path); n == nil && err == nil && known {
		n, err = e.Normalization()
	}
	return n, e.Licence, err
}
