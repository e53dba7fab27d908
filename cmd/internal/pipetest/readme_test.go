package pipetest

import (
	"bufio"
	"context"
	"encoding/csv"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/cpu"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/opensandwich/oi/cmd/internal/sample"
)

// block is a shell block of a text: what it runs, and the words after sh.
type block struct{ words, text string }

// blocksOf returns the shell blocks of a text in Markdown.
func blocksOf(t *testing.T, path string, least int) []block {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(shared.root, filepath.FromSlash(path)))
	if err != nil {
		t.Fatal(err)
	}
	var all []block
	for _, m := range regexp.MustCompile("(?ms)^```sh( [a-z ]+)?\n(.*?)^```").FindAllSubmatch(data, -1) {
		all = append(all, block{strings.TrimSpace(string(m[1])), string(m[2])})
	}
	if len(all) < least {
		t.Fatalf("found %d shell blocks only", len(all))
	}
	return all
}

// TestReadme runs every shell block of the README, in order and in one folder,
// as a reader would; all but the first with fewer boxes and epochs. What would
// go to the Internet goes to a server here that has the sample's drawings at
// the official paths.
func TestReadme(t *testing.T) {
	dir := runBlocks(t, "README.md")
	for _, name := range []string{"burger.onnx", "burger.html", "burger.json", "one.onnx", "not.onnx", "night.onnx", "sheet.jpg", "crops", "clear.oi", "failed.json",
		"burger-demo.html", "look.html", "burger.suspects.html", "better.oi", "doubles.csv", "near.csv", "single.oi", "tuned.onnx", "credits.html", "unpacked.onnx"} {
		if b := filepath.Join(dir, name); !exists(b) && !(name == "clear.oi" && !have("jq")) {
			t.Errorf("%s did not appear", name)
		}
	}
}

// TestCookbook does the same for the cookbook. It takes a minute or two.
func TestCookbook(t *testing.T) {
	onlyInCI(t)
	dir := runBlocks(t, ".github/COOKBOOK.md")
	for _, name := range []string{"pizza.onnx", "food", "sheet.html", "head.onnx", "second.onnx", "careful.onnx", "demo.html"} {
		if !exists(filepath.Join(dir, name)) {
			t.Errorf("%s did not appear", name)
		}
	}
}

// runBlocks runs the shell blocks of a text and returns the folder in which it
// did.
func runBlocks(t *testing.T, path string) string {
	t.Helper()
	if raceEnabled {
		t.Skip("the scripts run such pipes under the race detector; training in earnest would take an hour")
	}
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash to run the blocks with")
	}
	server := httptest.NewServer(mirror(t))
	defer server.Close()
	dir := t.TempDir()
	prepare(t, dir)
	env := append(environment(dir), "OI_METADATA="+server.URL, "OI_IMAGES="+server.URL+"/{subset}/{id}.jpg")
	hurried := append(slices.Clone(env), "PATH="+hurry(t)+string(filepath.ListSeparator)+shared.bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
	if testing.Short() || !cpu.X86.HasAVX2 { // without it training takes minutes
		env = hurried
	}
	const build = "go build -o bin/ ./cmd/oi-... && PATH=$PWD/bin:$PATH && "
	for _, b := range blocksOf(t, path, 8) {
		name, _, _ := strings.Cut(b.text, "\n")
		t.Run(name, func(t *testing.T) {
			switch b.words {
			case "test":
				t.Skip("this is that test")
			case "jq", "parallel", "make":
				if !have(b.words) {
					t.Skipf("no %s", b.words)
				}
			}
			// The module is not copied into the folder; its binaries
			// are there. What begins with building them is the main
			// job, which is run as it stands.
			text, whole := strings.CutPrefix(b.text, build)
			if strings.Contains(text, "go build") {
				t.Fatal("a go build that this test does not know")
			}
			c := exec.CommandContext(t.Context(), bash, "-euo", "pipefail", "-c", text)
			c.Dir, c.Env = dir, hurried
			if whole {
				c.Env = env
			}
			if out, err := c.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		})
	}
	return dir
}

// prepare puts into a folder what a reader of the texts has at hand: a photo,
// and a pretrained network.
func prepare(t *testing.T, dir string) {
	t.Helper()
	photo, err := sample.New().Photo("train", firstPhoto(t))
	if err != nil {
		t.Fatal(err)
	}
	network, err := cmdtest.Backbone{Seed: 1, Side: 64}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "holiday"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"lunch.jpg": photo, "holiday/beach.jpg": photo, "mobilenetv2.onnx": network} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func have(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

// hurry returns a folder with an oi-boxes that finds fewer boxes and an
// oi-train that stops after one epoch, for runs in which the commands matter
// and not the model. A head has no epochs.
func hurry(t *testing.T) string {
	dir := t.TempDir()
	for tool, args := range map[string]string{"oi-boxes": `set -- --limit 120 "$@"`, "oi-train": `
case " $* " in
*" --fine-tune"*) set -- "$@" --epochs 1 ;;
*" --backbone"*) ;;
*) set -- "$@" --epochs 1 ;;
esac`} {
		script := "#!/bin/sh\n" + args + "\nexec " + filepath.Join(shared.bin, tool) + " \"$@\"\n"
		if err := os.WriteFile(filepath.Join(dir, tool), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// mirror serves the sample as if it were the official data.
func mirror(t *testing.T) http.Handler {
	data := sample.New()
	photo := regexp.MustCompile(`^/(train|validation|test)/([0-9a-f]{16})\.jpg$`)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if m := photo.FindStringSubmatch(r.URL.Path); m != nil {
			b, err := data.Photo(m[1], m[2])
			if err != nil {
				http.NotFound(w, r)
				return
			}
			if _, err := w.Write(b); err != nil {
				t.Logf("%s: %v", r.URL.Path, err)
			}
			return
		}
		file, err := data.Open(context.WithoutCancel(r.Context()), strings.TrimPrefix(r.URL.Path, "/"))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		defer file.Close()
		// A few hundred boxes show that the commands work.
		if _, err := io.Copy(w, firstLines(file, 400)); err != nil {
			t.Logf("%s: %v", r.URL.Path, err)
		}
	})
}

// firstLines reads the first n lines of a box file, and the whole of others.
func firstLines(r io.Reader, n int) io.Reader {
	lines := bufio.NewReader(r)
	header, err := lines.ReadString('\n')
	rest := io.Reader(lines)
	if err == nil && strings.Contains(header, "XMin") {
		var kept strings.Builder
		for range n {
			line, err := lines.ReadString('\n')
			kept.WriteString(line)
			if err != nil {
				break
			}
		}
		rest = strings.NewReader(kept.String())
	}
	return io.MultiReader(strings.NewReader(header), rest)
}

// firstPhoto returns the id of a photo of the sample.
func firstPhoto(t *testing.T) string {
	file, err := sample.New().Open(t.Context(), "v6/oidv6-train-annotations-bbox.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows := csv.NewReader(file)
	var row []string
	for range 2 { // the header and the first box
		if row, err = rows.Read(); err != nil {
			t.Fatal(err)
		}
	}
	return row[0]
}
