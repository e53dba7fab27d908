//go:build unix

package pipetest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
)

// completions writes what each command generates for a shell into a folder, and
// returns it with the environment of somebody who has a list of classes.
func completions(t *testing.T, shell, name string) (string, []string) {
	t.Helper()
	dir := t.TempDir()
	for _, tool := range tools() {
		out, err := exec.Command(filepath.Join(shared.bin, tool), "--generate", shell).Output()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, strings.ReplaceAll(name, "NAME", tool)), out, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"crops.oi", "crops.oi.zst", "crops.txt", "crops.csv", "crops two.oi", "crops.onnx", "crops.html", "crops.jpg"} {
		if err := os.WriteFile(filepath.Join(dir, file), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "v7"), 0o700); err != nil {
		t.Fatal(err)
	}
	list := "LabelName,DisplayName\n/m/0cdn1,Hamburger\n/m/01b9xk,Hot dog\n/m/0zvk5,Helmet\n"
	if err := os.WriteFile(filepath.Join(dir, "v7", "oidv7-class-descriptions-boxable.csv"), []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, append(environment(dir), "OI_METADATA="+dir, "TERM=dumb")
}

func TestBashCompletion(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash")
	}
	dir, env := completions(t, "bash", "NAME.bash")
	for line, want := range map[string]string{
		"oi-boxes --split = ha":      "hash",
		"oi-boxes --split official ": `Hamburger|Helmet|Hot\ dog`,
		"oi-train --arch r":          "residual|reference",
		"oi-boxes Ho":                `Hot\ dog`,
		"oi-boxes --without He":      "Helmet",
		"oi-crop --json = ":          "framed",
		"oi-boxes --spli":            "--split",
		"oi-crop --generate z":       "zsh",
		"oi-labels H":                `Hamburger|Helmet|Hot\ dog`,
		"oi-fetch --cache v":         "v7",
		"oi-fetch x":                 "",

		"oi-boxes --subset tr":                   "train",
		"oi-boxes --subset = train,":             "train,validation|train,test",
		"oi-labels --subset test,train,v":        "test,train,validation",
		"oi-eval --set ":                         "train|val|test",
		"oi-eval --set val,t":                    "val,train|val,test",
		"oi-fetch --images fl":                   "flickr",
		"oi-crop ":                               "crops two.oi|crops.oi|crops.oi.zst|v7",
		"oi-train crops":                         "crops two.oi|crops.oi|crops.oi.zst",
		"oi-eval ":                               "crops.onnx|v7",
		"oi-eval --set val crops.":               "crops.onnx",
		"oi-eval crops.onnx cr":                  "crops two.oi|crops.jpg|crops.oi|crops.oi.zst",
		"oi-boxes --ids c":                       "crops.csv|crops.txt",
		"oi-eval --report = c":                   "crops.html",
		"oi-fetch --attribution ":                "crops.csv|crops.html|crops.txt|v7",
		"oi-crop --sheet c":                      "crops.html|crops.jpg",
		"oi-labels --html ":                      "crops.html|v7",
		"oi-augment --copies ":                   "",
		"oi-train --normalize im":                "imagenet",
		"oi-train --normalize -1":                "-1..1",
		"oi-eval --normalize = 0..":              "0..1|0..255",
		"oi-boxes --exclude-ids crops.csv -- He": "Helmet",
	} {
		words := strings.Split(line, " ")
		script := `. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); compopt() { :; }; "_${1//-/_}"; IFS='|'; printf %s "${COMPREPLY[*]}"`
		c := exec.Command(bash, append([]string{"-c", script, "bash", filepath.Join(dir, words[0]+".bash")}, words...)...)
		c.Env, c.Dir = env, dir
		if out, err := c.CombinedOutput(); err != nil || string(out) != want {
			t.Errorf("%s: %q, %v, want %q", line, out, err, want)
		}
	}
}

// TestZshCompletion presses Tab in a real zsh.
func TestZshCompletion(t *testing.T) {
	zsh, err := exec.LookPath("zsh")
	if err != nil {
		t.Skip("no zsh")
	}
	dir, env := completions(t, "zsh", "_NAME")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, zsh, "-f", "-i")
	c.Env, c.Dir = env, dir
	terminal, err := pty.StartWithSize(c, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		t.Skip("no pseudo-terminal: ", err)
	}
	defer terminal.Close()
	// show types text and returns what is shown until then.
	show := func(text, until string) string {
		if _, err := terminal.WriteString(text); err != nil {
			t.Fatal(err)
		}
		var shown strings.Builder
		buf := make([]byte, 4096)
		for !strings.Contains(shown.String(), until) {
			n, err := terminal.Read(buf)
			shown.Write(buf[:n])
			if err != nil {
				t.Fatalf("%q: no %q in %q: %v", text, until, shown.String(), err)
			}
		}
		return shown.String()
	}
	show("fpath=($PWD $fpath); autoload -U compinit; compinit -u -D; setopt no_beep; print REA''DY\n", "READY")
	for line, want := range map[string]string{
		"oi-boxes --spli": "--split=", "oi-boxes --split=": "official", "oi-train --arch re": "residual", "oi-train --normalize=caf": "caffe-bgr", "oi-boxes Ham": "Hamburger",
		"oi-labels Hot": `Hot\ dog`, "oi-boxes --without Hel": "Helmet",
		"oi-boxes --subset=train,v": "train,validation", "oi-eval --set te": "test", "oi-eval --set test,tr": "test,train", "oi-fetch --images fl": "flickr", "oi-fetch --images v": "v7/",
		"oi-eval crops.o": "crops.onnx", "oi-eval --report crops.": "crops.html", "oi-crop --sheet=crops.j": "crops.jpg", "oi-eval crops.onnx crops.j": "crops.jpg",
		"oi-crop crops.o": "crops.oi", `oi-crop crops\ `: `crops\ two.oi`,
	} {
		show(line+"\t", want)
		show("\x15print NE''XT\n", "NEXT")
	}
	// Every flag of every command: zsh complains when it parses the table.
	for _, tool := range tools() {
		shown := show(tool+" --aspect=\t\x15print DO''NE\n", "DONE") + show(tool+" --verbos\t", "--verbose") + show("\x15print NE''XT\n", "NEXT")
		if strings.Contains(shown, "_arguments:") || strings.Contains(shown, "invalid") || strings.Contains(shown, "bad ") {
			t.Errorf("%s: %s", tool, shown)
		}
	}
}

func TestFishCompletion(t *testing.T) {
	fish, err := exec.LookPath("fish")
	if err != nil {
		t.Skip("no fish")
	}
	dir, env := completions(t, "fish", "NAME.fish")
	for line, want := range map[string]string{
		"oi-boxes --split ha": "hash", "oi-train --arch res": "residual", "oi-train --normalize cl": "clip", "oi-boxes Hot": "Hot dog", "oi-boxes --without Hel": "Helmet", "oi-boxes --spli": "--split",
		"oi-boxes --subset train,": "train,validation|train,test", "oi-boxes --subset=tr": "--subset=train", "oi-eval --set test,tr": "test,train",
		"oi-fetch --images fl": "flickr", "oi-fetch --images v": "v7/", "oi-crop ": "crops two.oi|crops.oi|crops.oi.zst|v7/", "oi-eval ": "crops.onnx|v7/", "oi-eval crops.onnx crops.": "crops.jpg|crops.oi|crops.oi.zst",
		"oi-eval --report cro": "crops.html", "oi-boxes --ids cro": "crops.csv|crops.txt", "oi-crop --sheet=c": "--sheet=crops.html|--sheet=crops.jpg", "oi-labels --html ": "crops.html|v7/",
	} {
		tool, _, _ := strings.Cut(line, " ")
		c := exec.Command(fish, "--no-config", "-c", "source "+tool+".fish; complete -C '"+line+"'")
		c.Env, c.Dir = env, dir
		out, err := c.CombinedOutput()
		var words []string
		for found := range strings.Lines(string(out)) {
			word, _, _ := strings.Cut(strings.TrimSpace(found), "\t") // a description may follow
			words = append(words, word)
		}
		slices.Sort(words)
		wanted := strings.Split(want, "|")
		slices.Sort(wanted)
		if err != nil || !slices.Equal(words, wanted) {
			t.Errorf("%s: %q, %v, want %q", line, words, err, want)
		}
	}
}
