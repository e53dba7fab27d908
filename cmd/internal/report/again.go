package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// SetAgain sets Again, with words that quote makes safe for a shell.
func (r *Report) SetAgain(quote func(string) string) {
	if len(r.Stages) == 0 {
		return
	}
	var commands []string
	for _, s := range r.Stages {
		commands = append(commands, commandLine(s.Tool, s.Args, quote))
	}
	last := ""
	if len(r.Accounts) > 0 {
		last = r.Accounts[len(r.Accounts)-1].Tool
	}
	switch last {
	case "oi-train":
		commands = append(commands, r.trainLine(quote))
	case "oi-eval":
		commands = append(commands, "oi-eval MODEL.onnx")
	}
	r.Again = strings.Join(commands, " | ")
}

// trainLine is the command line of the run.
func (r *Report) trainLine(quote func(string) string) string {
	args := map[string]string{}
	for name, value := range r.Options {
		args[name] = fmt.Sprint(value)
	}
	line := commandLine("oi-train", args, quote)
	if of := r.Provenance.Backbone; of != nil {
		line += " --backbone FILE.onnx"
		if choice, ok := strings.CutSuffix(of.Preprocessing, " (from --normalize)"); ok {
			choice, bgr := strings.CutSuffix(choice, ", channels bgr")
			if line += " --normalize=" + quote(choice); bgr {
				line += " --channels bgr"
			}
		}
	}
	return line + " -o again --expect REPORT.json"
}

// commandLine is a command with the options of a trail.
func commandLine(tool string, args map[string]string, quote func(string) string) string {
	words := []string{quote(tool)}
	for _, name := range slices.Sorted(maps.Keys(args)) {
		value := args[name]
		flag := strings.ReplaceAll(name, "_", "-")
		switch tool + " " + name {
		case "oi-boxes metadata":
			value = "DIR"
		case "oi-boxes ids", "oi-boxes exclude-ids": // of which it has the digests
			value = "FILE"
		case "oi-train weight_decay", "oi-train label_smoothing", "oi-train weight_average", "oi-train standardised_weights":
			continue // follow from others
		}
		switch {
		case value == "false" && !strings.HasPrefix(flag, "flip-"):
		case tool == "oi-boxes" && name == "classes":
		case tool == "oi-fetch" && name == "images":
			words = append(words, "--images "+quote(strings.ReplaceAll(value, "dir", "DIR")))
		case tool == "oi-fetch" && name == "robots":
			words = append(words, "--ignore-robots")
		case tool == "oi-crop" && name == "square":
			words = append(words, "--square", "--pad "+quote(value))
		case value == "true":
			words = append(words, "--"+flag)
		case strings.HasPrefix(value, "-") || value == "false":
			words = append(words, "--"+flag+"="+quote(value))
		default:
			words = append(words, "--"+flag+" "+quote(value))
		}
	}
	if tool == "oi-boxes" && args["classes"] != "" {
		for class := range strings.SplitSeq(args["classes"], ",") {
			words = append(words, quote(class))
		}
	}
	return strings.Join(words, " ")
}
