package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/commalist"
)

// Placeholders are the words of a command line that stand for what a trail does
// not keep.
type Placeholders struct {
	Metadata   string // "" where the official place is to be asked
	IDs        string
	ExcludeIDs string
	Images     func(value string) string // of oi-fetch --images
	Backbone   string
	Teacher    string
	Output     string // of oi-train -o
	Expect     string // of oi-train --expect
}

// readable are placeholders for people.
func readable(quote func(string) string) Placeholders {
	return Placeholders{
		Metadata: "DIR", IDs: "FILE", ExcludeIDs: "FILE", Backbone: "FILE.onnx", Teacher: "TEACHER.onnx", Output: "again", Expect: "REPORT.json",
		Images: func(value string) string { return quote(strings.ReplaceAll(value, "dir", "DIR")) },
	}
}

// SetAgain sets Again, with words that quote makes safe for a shell.
func (r *Report) SetAgain(quote func(string) string) {
	if len(r.Stages) == 0 {
		return
	}
	stand := readable(quote)
	var commands []string
	for _, s := range r.Stages {
		commands = append(commands, commandLine(s.Tool, s.Args, quote, stand))
	}
	last := ""
	if len(r.Accounts) > 0 {
		last = r.Accounts[len(r.Accounts)-1].Tool
	}
	switch last {
	case "oi-train":
		commands = append(commands, r.trainLine(quote, stand))
	case "oi-eval":
		commands = append(commands, "oi-eval MODEL.onnx")
	}
	r.Again = strings.Join(commands, " | ")
}

// trainLine is the command line of the run.
func (r *Report) trainLine(quote func(string) string, stand Placeholders) string {
	line := commandLine("oi-train", r.options(), quote, stand)
	if of := r.Provenance.Backbone; of != nil {
		line += " --backbone " + stand.Backbone
		if choice, ok := strings.CutSuffix(of.Preprocessing, " (from --normalize)"); ok {
			choice, bgr := strings.CutSuffix(choice, ", channels bgr")
			if line += " --normalize=" + quote(choice); bgr {
				line += " --channels bgr"
			}
		}
	}
	return line + " -o " + stand.Output + " --expect " + stand.Expect
}

// options are those of oi-train as its flags take them.
func (r *Report) options() map[string]string {
	args := map[string]string{}
	for name, value := range r.Options {
		args[name] = fmt.Sprint(value)
	}
	return args
}

// commandLine is a command with the options of a trail.
func commandLine(tool string, args map[string]string, quote func(string) string, stand Placeholders) string {
	words := []string{quote(tool)}
	for _, name := range slices.Sorted(maps.Keys(args)) {
		value := args[name]
		flag := strings.ReplaceAll(name, "_", "-")
		switch tool + " " + name {
		case "oi-boxes metadata":
			words = append(words, "--metadata "+stand.Metadata)
			continue
		case "oi-boxes ids": // of which it has the digests
			words = append(words, "--ids "+stand.IDs)
			continue
		case "oi-boxes exclude-ids":
			words = append(words, "--exclude-ids "+stand.ExcludeIDs)
			continue
		case "oi-fetch images":
			words = append(words, "--images "+stand.Images(value))
			continue
		case "oi-train teacher": // of which it has the sum
			words = append(words, "--teacher "+stand.Teacher)
			continue
		case "oi-train label_smoothing", "oi-train weight_average", "oi-train standardised_weights":
			continue // follow from others
		}
		switch {
		case value == "false" && !strings.HasPrefix(flag, "flip-"):
		case tool == "oi-boxes" && name == "classes":
		case tool == "oi-boxes" && name == "without":
			for class := range strings.SplitSeq(value, ",") {
				words = append(words, "--without="+quote(class))
			}
		case tool == "oi-fetch" && name == "robots":
			words = append(words, "--ignore-robots")
		case tool == "oi-crop" && name == "square":
			words = append(words, "--square", "--pad "+quote(value))
		case value == "true":
			words = append(words, quote("--"+flag))
		case strings.HasPrefix(value, "-") || value == "false":
			words = append(words, quote("--"+flag)+"="+quote(value))
		default:
			words = append(words, quote("--"+flag)+" "+quote(value))
		}
	}
	if tool == "oi-boxes" {
		if _, ok := args["metadata"]; !ok && stand.Metadata == "" && args["dataset"] != "sample" {
			words = append(words, `${METADATA:+--metadata "$METADATA"}`)
		}
		words = append(words, classWords(args["classes"], quote)...)
	}
	return strings.Join(words, " ")
}

// classWords are the arguments of oi-boxes.
func classWords(list string, quote func(string) string) []string {
	var words []string
	classes := commalist.Split(list)
	if slices.ContainsFunc(classes, func(class string) bool { return strings.HasPrefix(class, "-") }) {
		words = append(words, "--")
	}
	for _, class := range classes {
		words = append(words, quote(class))
	}
	return words
}
