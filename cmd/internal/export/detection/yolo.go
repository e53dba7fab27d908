package detection

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// yolo writes labels/SET/NAME.txt and data.yaml.
type yolo struct {
	export  *Export
	sets    []uint8
	classes []class
	text    []byte
}

func (e *Export) newYOLO(sets []uint8, list []class) (writer, error) {
	for _, set := range sets {
		if err := os.MkdirAll(filepath.Join(e.Dir, "labels", setNames[set]), 0o777); err != nil {
			return nil, err
		}
	}
	return &yolo{export: e, sets: sets, classes: list}, nil
}

// photo writes a line for each box: the number of its class, its centre and its
// size, in fractions of the picture's. A photo without boxes has an empty file.
func (y *yolo) photo(p *picture) error {
	text := y.text[:0]
	for _, b := range p.boxes {
		f := b.fraction
		text = strconv.AppendInt(text, int64(b.class), 10)
		for _, v := range []float64{(f.XMin + f.XMax) / 2, (f.YMin + f.YMax) / 2, f.XMax - f.XMin, f.YMax - f.YMin} {
			text = strconv.AppendFloat(append(text, ' '), v, 'f', 8, 64)
		}
		text = append(text, '\n')
	}
	y.text = text
	return y.export.replaceIfOther("labels/"+setNames[p.set]+"/"+p.name+".txt", text)
}

func (y *yolo) finish() error { return y.export.replace("data.yaml", y.writeYAML) }

func (y *yolo) discard() {}

// writeYAML writes data.yaml. It has no path: programs then take the paths from
// where the file is. A set that does not occur has no key, so that nothing is
// validated on what it was trained on.
func (y *yolo) writeYAML(w io.Writer) error {
	text := fmt.Sprintf("# Photos of Open Images with boxes, written by %s. README.md says what is in them.\n", y.export.Stage.Tool)
	for _, key := range []string{"train", "val", "test"} {
		set := setNumber(key)
		if key == "train" && !slices.Contains(y.sets, set) {
			set = 0 // all, where the stream does not say what they are for
		}
		if slices.Contains(y.sets, set) {
			text += fmt.Sprintf("%s: images/%s\n", key, setNames[set])
		}
	}
	text += fmt.Sprintf("nc: %d\nnames:\n", len(y.classes))
	for i, class := range y.classes {
		// What strconv.Quote escapes, and how, is the same within the
		// double quotes of YAML.
		text += fmt.Sprintf("  %d: %s\n", i, strconv.Quote(class.name))
	}
	_, err := io.WriteString(w, text)
	return err
}
