package report

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// With -shots DIR the pages of TestBrowser, or those that -pages names, are
// left there as pictures, to look at.
var (
	shots = flag.String("shots", "", "a `folder` for pictures of the pages")
	pages = flag.String("pages", "", "pages `FILE,...` in place of the examples")
)

// examplePages are pages of two, of many and of very many classes.
func examplePages(t *testing.T) map[string]string {
	t.Helper()
	dir := t.TempDir()
	of := map[string]string{}
	for name, r := range map[string]*Report{"two": example(t), "sixteen": example(t), "many": example(t)} {
		switch name {
		case "sixteen":
			r.Evaluation = answered(t, 900, 16)
		case "many":
			r.Evaluation = answered(t, 1200, 600)
		}
		r.Classes = r.Evaluation.classes
		var b bytes.Buffer
		if err := r.WriteHTML(&b); err != nil {
			t.Fatal(err)
		}
		of[name] = filepath.Join(dir, name+".html")
		if err := os.WriteFile(of[name], b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return of
}

// TestBrowser: no page is wider than its window, nothing is complained about,
// and all that scrolls can be reached with the keyboard.
func TestBrowser(t *testing.T) {
	b := oitest.NewBrowser(t)
	list := examplePages(t)
	if *pages != "" {
		list = map[string]string{}
		for path := range strings.SplitSeq(*pages, ",") {
			list[strings.TrimSuffix(filepath.Base(path), ".html")] = path
		}
	}
	for name, path := range list {
		for _, width := range []int{400, 800, 1600} {
			for _, dark := range []bool{false, true} {
				if dark && *shots == "" {
					continue // has the same layout
				}
				b.Show(width, 900, dark)
				b.Open("file://" + path)
				var state struct {
					Width     int
					Wide      []string
					Unreached []string
					Broken    int
					Clipped   []string
				}
				b.Evaluate(`(() => {
					const name = e => e.tagName + "." + e.className + " " + e.textContent.trim().slice(0, 40);
					const scrolls = e => /auto|scroll/.test(getComputedStyle(e).overflowX);
					const all = [...document.querySelectorAll("body *")];
					return {
						Width: document.documentElement.scrollWidth,
						Wide: all.filter(e => !e.closest("svg") && !e.parentElement.closest(".wide") && e.getBoundingClientRect().right > innerWidth + 0.5).map(name),
						Unreached: all.filter(e => scrolls(e) && e.scrollWidth > e.clientWidth && e.tabIndex < 0).map(name),
						Broken: [...document.images].filter(i => i.naturalWidth == 0).length,
						Clipped: [...document.querySelectorAll("svg text")].filter(e => {
							const a = e.getBoundingClientRect(), b = e.closest("svg").getBoundingClientRect();
							return a.width > 0 && (a.left < b.left - 1 || a.right > b.right + 1 || a.top < b.top - 1 || a.bottom > b.bottom + 1);
						}).map(name),
					};
				})()`, &state)
				if state.Width > width || len(state.Wide)+len(state.Unreached)+state.Broken+len(state.Clipped) > 0 {
					t.Errorf("%s at %d px: %+v", name, width, state)
				}
				if errors := b.Errors(); len(errors) > 0 {
					t.Errorf("%s at %d px: %s", name, width, errors)
				}
				if *shots != "" {
					file := filepath.Join(*shots, fmt.Sprintf("%s-%d", name, width))
					if dark {
						file += "-dark"
					}
					if err := os.WriteFile(file+".png", b.Screenshot(), 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		if *shots != "" {
			if err := os.WriteFile(filepath.Join(*shots, name+".pdf"), b.PDF(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}
