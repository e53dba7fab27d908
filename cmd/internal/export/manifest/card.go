package manifest

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/export/credits"
)

// CardName is the file in a folder that Hugging Face shows as its card.
const CardName = "README.md"

// WriteCard writes the card: YAML that Hugging Face reads, and text for people.
// JSON's strings are strings of YAML.
func (a *About) WriteCard(to io.Writer) error {
	w := bufio.NewWriter(to) // its errors are sticky: Flush reports them
	quote := func(text string) string { return pythonJSON(text, "", "") }
	fmt.Fprintf(w, "---\npretty_name: %s\nlicense:\n", quote(a.Name))
	for _, id := range a.licenceIDs() {
		fmt.Fprintf(w, "- %s\n", id)
	}
	fmt.Fprintf(w, "task_categories:\n- image-classification\ntags:\n- open-images\nsize_categories:\n- %s\nconfigs:\n- config_name: default\n  data_files:\n", sizeCategory(a.pictures()))
	for _, s := range a.Sets {
		fmt.Fprintf(w, "  - split: %s\n    path: %s\n", s.split(), quote(s.below("**")))
	}
	fmt.Fprintf(w, "---\n\n# %s\n\n%s\n\n| set | pictures |\n|:--|--:|\n", cell(a.Name), cell(a.describe()))
	for _, s := range a.Sets {
		fmt.Fprintf(w, "| %s | %d |\n", cell(s.split()), s.Pictures)
	}
	fmt.Fprintf(w, "\n## Licences\n\nThe photos belong to their authors, %d of whom are known; the image list of Open Images names the licences, and nobody has checked it. The annotations are Google's, under CC BY 4.0.\n\n| licence of the photos | photos |\n|:--|--:|\n", a.Authors)
	for _, l := range a.Licences {
		fmt.Fprintf(w, "| %s | %d |\n", cell(strings.TrimSpace(credits.LicenceName(l.URL)+" "+l.URL)), l.Photos)
	}
	fmt.Fprint(w, "\n## How it came to be\n\n")
	for i, stage := range a.Stages {
		fmt.Fprintf(w, "%d. %s\n", i+1, cell(stage))
	}
	fmt.Fprintf(w, "\n## To read it\n\n    datasets.load_dataset(\"imagefolder\", data_dir=\"DIR\")\n\nThe pictures are the very pixels that a model is trained on%s.\n", map[bool]string{true: "", false: ", but for what JPEG has changed"}[a.Ending == "png"])
	return w.Flush()
}

// sizeCategory is the one of Hugging Face's that a number of pictures is in.
func sizeCategory(n int) string {
	below := 1000
	names := []string{"n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M"}
	for _, name := range names {
		if n < below {
			return name
		}
		below *= 10
	}
	return names[len(names)-1]
}

// cell makes a text one line of Markdown in which nothing is markup.
func cell(text string) string {
	var b strings.Builder
	for _, r := range strings.Join(strings.Fields(text), " ") {
		if strings.ContainsRune("\\`*_{}[]<>#|&!~$", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
