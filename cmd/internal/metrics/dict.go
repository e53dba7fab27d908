package metrics

import (
	"bytes"
	"encoding/json"
)

// A Dict is scikit-learn's classification_report(..., output_dict=True): the
// classes in order, then "accuracy" (or "micro avg", see Text), "macro avg"
// and "weighted avg", unrounded.
type Dict struct{ confusion *Confusion }

// Dict returns the report as data.
func (c *Confusion) Dict() Dict { return Dict{c} }

// MarshalJSON writes the object with its keys in scikit-learn's order. A
// class that bears the name of an average is replaced by it, as in Python.
func (d Dict) MarshalJSON() ([]byte, error) {
	c := d.confusion
	if c == nil {
		return []byte("null"), nil
	}
	var keys []string
	values := map[string]any{}
	put := func(key string, value any) {
		if _, ok := values[key]; !ok {
			keys = append(keys, key)
		}
		values[key] = value
	}
	for i, s := range c.PerClass() {
		put(c.classes[i], s)
	}
	if micro := c.Micro(); c.allOccur() {
		put("accuracy", micro.Precision)
	} else {
		put("micro avg", micro)
	}
	put("macro avg", c.Macro())
	put("weighted avg", c.Weighted())

	var b bytes.Buffer
	b.WriteByte('{')
	for i, key := range keys {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := member(&b, key, values[key]); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func member(b *bytes.Buffer, key string, value any) error {
	k, err := json.Marshal(key)
	if err != nil {
		return err
	}
	v, err := json.Marshal(value)
	if err != nil {
		return err
	}
	b.Write(k)
	b.WriteByte(':')
	b.Write(v)
	return nil
}
