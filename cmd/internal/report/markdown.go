package report

import (
	"fmt"
	"io"
	"strings"
)

// WriteMarkdown writes the report as a model card (M. Mitchell and others: Model
// cards for model reporting, 2019) in the form that Hugging Face takes as the
// README.md of a model.
func (r *Report) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString(r.frontMatter())
	fmt.Fprintf(&b, "# %s\n\nRun `%s`, %d parameters, pictures of %dx%d pixels%s.\n", strings.Join(cells(r.Classes...), " or "), r.Run, r.Parameters, r.Input.Width, r.Input.Height, r.Input.ContextText())
	b.WriteString(r.useText())
	if e := r.Evaluation; e != nil {
		b.WriteString("\n## Figures\n")
		fmt.Fprintf(&b, "\n%s\n", strings.ReplaceAll(strings.TrimSuffix(e.Summary(), "\n"), "\n", "  \n"))
		b.WriteString("\n| class | precision | recall | F1 | pictures |\n|:--|--:|--:|--:|--:|\n")
		macro, weighted := e.confusion.Macro(), e.confusion.Weighted()
		for i, s := range append(e.scores[:len(e.scores):len(e.scores)], macro, weighted) {
			name := append(cells(e.classes...), "*macro avg*", "*weighted avg*")[i]
			fmt.Fprintf(&b, "| %s | %.2f | %.2f | %.2f | %d |\n", name, s.Precision, s.Recall, s.F1, s.Support)
		}
		fmt.Fprintf(&b, "\nA row is what the picture shows, a column what the model says.\n\n| | %s |\n|:--|%s\n", strings.Join(cells(e.classes...), " | "), strings.Repeat("--:|", len(e.classes)))
		for i, row := range e.Matrix {
			fmt.Fprintf(&b, "| %s |", cells(e.classes[i])[0])
			for _, n := range row {
				fmt.Fprintf(&b, " %d |", n)
			}
			b.WriteByte('\n')
		}
	}
	b.WriteString(r.Evaluation.factorsText())
	b.WriteString(r.headMarkdown())
	b.WriteString(r.dataText())
	b.WriteString(r.runText())
	b.WriteString(r.againText())
	if r.WeightsSHA256 != "" {
		fmt.Fprintf(&b, "\nWeights `%s`\n", r.WeightsSHA256)
	} else if of := r.Provenance.Backbone; of != nil {
		fmt.Fprintf(&b, "\nEmbeddings by `%s`\n", of.Of)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// oneLine keeps a text from outside on the line that it is written to.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// codeSpan is a text from outside as code, in which nothing can be escaped.
func codeSpan(text string) string { return "`" + strings.ReplaceAll(oneLine(text), "`", "'") + "`" }

// cells makes texts from outside harmless within a table.
func cells(texts ...string) []string {
	escape := strings.NewReplacer(`\`, `\\`, "|", `\|`, "<", "&lt;", "&", "&amp;", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "`", "\\`", "#", `\#`, "~", `\~`, "!", `\!`, "$", `\$`, ">", "&gt;", "\n", " ", "\r", " ")
	out := make([]string, len(texts))
	for i, t := range texts {
		out[i] = escape.Replace(t)
	}
	return out
}
