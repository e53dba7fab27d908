package demo

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"strings"
)

//go:embed built page.html.tmpl page.css page.js worker.js
var files embed.FS

// MaxModel is the size of the largest model that a page is made for, in bytes:
// browsers hold it, and what is made of it, in memory several times.
const MaxModel = 100 << 20

// Page is what a page says and has inside.
type Page struct {
	Title string // of the page, such as the name of the model
	// Model is an ONNX file as package predict takes it, with an answer for
	// each class.
	Model   []byte
	Classes []string
	// UnsureBelow is the probability below which an answer is unsure, 0 if
	// none is.
	UnsureBelow float64
	// Pad and Filter are how a photo becomes a square, as in package pix.
	Pad, Filter string

	About []Fact   // of the model, for people
	Notes []string // what they should keep in mind, as sentences
}

// Fact is a name and what is to be said about it.
type Fact struct{ Name, Text string }

// A SizeError is a model that is too large for a page.
type SizeError struct{ Size int } // in bytes

func (e *SizeError) Error() string {
	return fmt.Sprintf("the model has %d MB: a page is made for one of up to %d MB", e.Size>>20, MaxModel>>20)
}

// Write writes the page. The same page gives the same bytes.
func (p *Page) Write(w io.Writer) error {
	if len(p.Model) > MaxModel {
		return &SizeError{len(p.Model)}
	}
	t, err := template.ParseFS(files, "page.html.tmpl")
	if err != nil {
		return err
	}
	model, err := compress(planes(p.Model))
	if err != nil {
		return err
	}
	facts, err := json.Marshal(struct {
		Classes []string `json:"classes"`
		Unsure  float64  `json:"unsure"`
		Pad     string   `json:"pad"`
		Filter  string   `json:"filter"`
	}{p.Classes, p.UnsureBelow, p.Pad, p.Filter})
	if err != nil {
		return err
	}
	style, script := text("page.css"), text("page.js")
	err = t.Execute(w, struct {
		*Page
		Style, StyleHash, ScriptHash, Go, GoLicence any
	}{p, template.CSS(style), hash(style), hash(script), toolchain(), text("built/LICENSE.txt")})
	if err != nil {
		return err
	}
	// These are long, or would be changed by a template that does not know
	// what they are.
	for _, part := range []string{
		element("facts", "application/json", facts), // Marshal escapes <
		element("runtime", "text/plain", []byte(text("built/wasm_exec.js"))),
		element("worker", "text/plain", []byte(text("worker.js"))),
		element("program", "text/plain", armour(nil, []byte(text("built/predictor.wasm.gz")))),
		element("model", "text/plain", armour(nil, model)),
		"<script>" + script + "</script>\n</body>\n</html>\n",
	} {
		if _, err := io.WriteString(w, part); err != nil {
			return err
		}
	}
	return nil
}

// element is a script element that is no script.
func element(id, kind string, content []byte) string {
	return fmt.Sprintf("<script id=%q type=%q>%s</script>\n", id, kind, content)
}

// hash is how a policy names a script or a style sheet that it allows.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// text is a file of this package.
func text(name string) string {
	data, err := files.ReadFile(name)
	if err != nil {
		panic(err) // it is embedded
	}
	return string(data)
}

// toolchain is the Go that the program was built by.
func toolchain() string { return strings.TrimSpace(text("built/toolchain.txt")) }
