package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Bounds on a file of labels.
const (
	maxLabelsFile = 16 << 20 // bytes
	maxLabels     = 65536
)

// readLabels reads the names of a model's answers, in their order. The file has
// a name on each line, or is JSON: an array of names, an object from numbers to
// names or to [ID, name], or one with such an object under id2label. Of several
// that are the same each gets its number, from 0.
func readLabels(path string) (labels []string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	data, err := io.ReadAll(io.LimitReader(file, maxLabelsFile+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) > maxLabelsFile:
		return nil, fmt.Errorf("more than %d MiB", maxLabelsFile>>20)
	}
	data = bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\ufeff")))
	switch {
	case bytes.HasPrefix(data, []byte("[")):
		err = json.Unmarshal(data, &labels)
	case bytes.HasPrefix(data, []byte("{")):
		labels, err = numberedLabels(data)
	default:
		for line := range strings.SplitSeq(string(data), "\n") {
			labels = append(labels, strings.TrimSpace(line))
		}
	}
	if err != nil {
		return nil, err
	}
	return distinct(labels)
}

// numberedLabels reads an object from numbers to names.
func numberedLabels(data []byte) ([]string, error) {
	var entries map[string]json.RawMessage
	if err := json.Unmarshal(data, &entries); err != nil {
		return nil, err
	}
	if inner, ok := entries["id2label"]; ok {
		return numberedLabels(inner)
	}
	labels := make([]string, len(entries))
	for key, value := range entries {
		i, err := strconv.Atoi(key)
		if err != nil || i < 0 || i >= len(entries) || labels[i] != "" {
			return nil, fmt.Errorf("the key %.40q is not one of the numbers from 0 to %d", key, len(entries)-1)
		}
		var pair []string
		if json.Unmarshal(value, &pair) == nil && len(pair) > 0 {
			labels[i] = pair[len(pair)-1]
		} else if err := json.Unmarshal(value, &labels[i]); err != nil {
			return nil, fmt.Errorf("the name of %s: %w", key, err)
		}
		if labels[i] == "" {
			return nil, fmt.Errorf("the name of %s is empty", key)
		}
	}
	return labels, nil
}

// distinct gives names that occur several times their numbers.
func distinct(labels []string) ([]string, error) {
	if n := len(labels); n < 2 || n > maxLabels {
		return nil, fmt.Errorf("%d names: want from 2 to %d, one on each line", n, maxLabels)
	}
	count := map[string]int{}
	for i, label := range labels {
		if label == "" {
			return nil, fmt.Errorf("name %d is empty", i+1)
		}
		count[label]++
	}
	named := slices.Clone(labels)
	for i, label := range labels {
		if count[label] > 1 {
			named[i] = fmt.Sprintf("%s (%d)", label, i)
		}
	}
	return named, nil
}
