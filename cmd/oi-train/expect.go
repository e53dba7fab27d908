package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/opensandwich/oi/cmd/internal/cli"
)

// An expectation is what the report of --expect tells of its run.
type expectation struct {
	Weights string                     `json:"weights_sha256"`
	Options map[string]json.RawMessage `json:"options"`
}

// maxExpected bounds the report that --expect reads.
const maxExpected = 64 << 20

// readExpected reads a report.
func readExpected(path string) (*expectation, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // nothing was written
	var e expectation
	if err := json.NewDecoder(io.LimitReader(file, maxExpected)).Decode(&e); err != nil {
		return nil, fmt.Errorf("%s is no report: %w", path, err)
	}
	if e.Weights == "" {
		return nil, cli.WithHint(errors.New(path+" has no weights_sha256"), "want the .json file that oi-train wrote")
	}
	return &e, nil
}

// differences names the options that the run of the report had otherwise. It
// may have come to the same weights all the same, of more epochs for example.
func (e *expectation) differences(o *options) (string, error) {
	var differ []string
	values := o.values()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		now, err := json.Marshal(values[name])
		if err != nil {
			return "", err
		}
		// A report of an older version does not have them all.
		if then, ok := e.Options[name]; ok && string(then) != string(now) {
			differ = append(differ, fmt.Sprintf("--%s %s, now %s", strings.ReplaceAll(name, "_", "-"), unquoted(then), unquoted(now)))
		}
	}
	return strings.Join(differ, "; "), nil
}

// unquoted is a JSON value as it is given to a flag.
func unquoted(value []byte) string { return strings.Trim(string(value), `"`) }
