package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/pix"
)

// quoted makes a text from outside a string of YAML, which has the escapes of
// Go; a byte that is no UTF-8 becomes the letter of its number.
func quoted(text string) string { return strconv.Quote(text) }

// sampleName names the photos that are painted by a program.
const sampleName = "built-in sample"

// datasetName names what the items came from.
func (r *Report) datasetName() string {
	for _, s := range r.Stages {
		if s.Tool != "oi-boxes" {
			continue
		}
		switch name := s.Args["dataset"]; name {
		case "sample":
			return sampleName
		case "":
			return "Open Images"
		default:
			return "Open Images " + strings.ToUpper(name)
		}
	}
	return "unknown"
}

// frontMatter is the YAML that Hugging Face reads at the top of a model card:
// what the model is for, and its figures.
func (r *Report) frontMatter() string {
	var b strings.Builder
	b.WriteString("---\npipeline_tag: image-classification\nlibrary_name: onnx\nlicense: unknown\ntags: [image-classification, onnx, open-images]\nmetrics: [accuracy, f1]\n")
	if e := r.Evaluation; e != nil {
		fmt.Fprintf(&b, "model-index:\n- name: %s\n  results:\n  - task: {type: image-classification}\n    dataset: {name: %s, type: open-images, split: %s}\n    metrics:\n",
			quoted(strings.Join(r.Classes, " or ")), quoted(r.datasetName()), quoted(e.Set))
		for _, figure := range []struct {
			kind, name string
			value      float64
		}{{"accuracy", "accuracy", e.Accuracy}, {"f1", "macro F1", e.confusion.Macro().F1}, {"loss", "log loss", e.LogLoss}} {
			if !math.IsNaN(figure.value) && !math.IsInf(figure.value, 0) {
				fmt.Fprintf(&b, "    - {type: %s, name: %s, value: %.4f}\n", figure.kind, figure.name, figure.value)
			}
		}
	}
	b.WriteString("---\n\n")
	return b.String()
}

// useText says what a model is for and what not.
func (r *Report) useText() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n## Intended use\n\nSays which of %d classes a picture shows, where it shows one of them: %s. It was made from boxes cut out of photos, and a photo is to be cut to the thing in question in the same way.\n", len(r.Classes), strings.Join(cells(r.Classes...), ", "))
	b.WriteString("\n## Limits\n\n- A picture of anything else is given one of these classes all the same, at times with a high probability.\n")
	if r.datasetName() == sampleName {
		b.WriteString("- The photos are painted by a program: it knows nothing of real ones.\n")
	} else {
		b.WriteString("- The photos are those of people who put theirs on Flickr years ago; other places, cameras and kitchens may look different.\n- Boxes and labels were drawn by people, and some are wrong.\n")
	}
	if e := r.Evaluation; e != nil && e.Details != nil {
		var few []string
		for _, c := range e.Details.Classes {
			if c.Few {
				few = append(few, cells(c.Class)[0])
			}
		}
		if len(few) > 0 {
			fmt.Fprintf(&b, "- Fewer than ten pictures tell about %s.\n", strings.Join(few, ", "))
		}
	}
	if r.Unrelated != nil {
		fmt.Fprintf(&b, "- %s\n", Sentence(r.Unrelated.Text()))
	}
	if text := r.Certainty.Text(); text != "" {
		fmt.Fprintf(&b, "- %s\n", text)
	}
	for _, note := range r.Notes {
		fmt.Fprintf(&b, "- %s\n", cells(note)[0])
	}
	return b.String()
}

// factorsText is the slices as a table, "" without.
func (e *Evaluation) factorsText() string {
	if e == nil || e.Details == nil || len(e.Details.Slices) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("\n## Factors\n\nThe worst first; * marks too few groups to judge.\n\n| pictures with | | accuracy | 95 % | pictures |\n|:--|:--|--:|--:|--:|\n")
	for _, s := range e.Details.Slices {
		mark := ""
		if s.TooFew {
			mark = " *"
		}
		fmt.Fprintf(&b, "| %s | %s | %.3f | %.2f to %.2f%s | %d |\n", s.By, cells(s.Value)[0], s.Accuracy, s.Interval.Low, s.Interval.High, mark, s.Items)
	}
	return b.String()
}

// dataText says what the model was made of.
func (r *Report) dataText() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n## Data\n\n%s, data `%s`.\n", cells(r.datasetName())[0], r.Provenance.Data)
	if names := r.Sets.Names(); len(names) > 0 {
		fmt.Fprintf(&b, "\n| class | %s |\n|:--|%s\n", strings.Join(names, " | "), strings.Repeat("--:|", len(names)))
		for _, label := range r.Sets.Labels() {
			fmt.Fprintf(&b, "| %s |", cells(label)[0])
			for _, set := range names {
				fmt.Fprintf(&b, " %d |", r.Sets[set][label])
			}
			b.WriteByte('\n')
		}
	}
	if len(r.Licences) > 0 {
		b.WriteString("\n| licence of the photos | photos | authors |\n|:--|--:|--:|\n")
		for _, l := range r.Licences {
			fmt.Fprintf(&b, "| %s | %d | %d |\n", cells(l.License)[0], l.Photos, l.Authors)
		}
	}
	return b.String()
}

// Shape is how the crops of a trail became squares, as far as it tells: by the
// last stage that cut them.
func Shape(trail []Stage) (pix.Pad, pix.Filter) {
	pad, filter := pix.PadNone, pix.Area
	for _, stage := range trail {
		if stage.Tool != "oi-crop" {
			continue
		}
		pad, filter = pix.PadNone, pix.Area
		if p := pix.Pad(stage.Args["square"]); slices.Contains(pix.Pads(), p) {
			pad = p
		}
		if f := pix.Filter(stage.Args["filter"]); slices.Contains(pix.Filters(), f) {
			filter = f
		}
	}
	return pad, filter
}

// runText says how to ask the model, in a shell and in Python.
func (r *Report) runText() string {
	resample := map[pix.Filter]string{pix.Nearest: "NEAREST", pix.Bilinear: "BILINEAR", pix.Lanczos: "LANCZOS"}[r.Filter]
	resample = "PIL.Image." + cmp.Or(resample, "BOX")
	var python strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&python, "    "+format+"\n", args...) }
	line("import numpy, onnxruntime, PIL.Image, PIL.ImageOps")
	line(`photo = PIL.ImageOps.exif_transpose(PIL.Image.open("PHOTO.jpg")).convert("RGB")`)
	view := func(name string, width, height int) {
		switch r.Pad {
		case pix.PadEdge, pix.PadReflect:
			line("%s = numpy.array(PIL.ImageOps.contain(photo, (%d, %d), %s))", name, width, height, resample)
			line("%[1]s = numpy.pad(%[1]s, [((n - m) // 2, (n - m + 1) // 2) for n, m in zip((%[2]d, %[3]d), %[1]s.shape)] + [(0, 0)], %[4]q)", name, height, width, r.Pad)
		case pix.PadBlack:
			line("%s = numpy.array(PIL.ImageOps.pad(photo, (%d, %d), %s))", name, width, height, resample)
		default:
			line("%s = numpy.array(photo.resize((%d, %d), %s))", name, width, height, resample)
		}
	}
	view("picture", r.Input.Width, r.Input.Height)
	fed := ""
	if side := r.Input.Context; side > 0 { // of a photo alone, both views are the whole
		view("context", side, side)
		fed = `, "context": context[None]`
	}
	line(`session = onnxruntime.InferenceSession("MODEL.onnx")`)
	line("(probabilities,) = session.run(None, {session.get_inputs()[0].name: picture[None]%s})", fed)
	line("# in the order of the classes above")
	return "\n## How to run it\n\n    oi-eval MODEL.onnx PHOTO.jpg\n\nIn Python, without these programs:\n\n" + python.String()
}

// againText is how the model came to be, and the line of commands that makes it
// again, as far as the trail tells.
func (r *Report) againText() string {
	if len(r.Stages) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("\n## How it came to be\n\n")
	for i, s := range r.Stages {
		fmt.Fprintf(&b, "%d. %s", i+1, codeSpan(s.Tool+" "+s.Version))
		var args []string
		for name, value := range s.Args {
			args = append(args, cells(name + "=" + value)[0])
		}
		slices.Sort(args)
		fmt.Fprintf(&b, " %s\n", strings.Join(args, ", "))
	}
	if r.Again != "" {
		fmt.Fprintf(&b, "\nTo do it again, FILE, DIR, MODEL and REPORT standing for names that the trail does not keep:\n\n    %s\n", oneLine(r.Again))
	}
	return b.String()
}
