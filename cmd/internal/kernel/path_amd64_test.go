//go:build amd64 && !noasm

package kernel

import (
	"reflect"
	"testing"
)

// TestMicroComplete: each path has every function, whether this machine can
// take it or not. Only quads, and the rows they are made of, are missing from the
// reference.
func TestMicroComplete(t *testing.T) {
	for _, m := range []*micro{avx512Micro(), avx2Micro(), goMicro()} {
		v := reflect.ValueOf(*m)
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			if optional := m.name == "go" && (name == "quads" || name == "quadRow"); v.Field(i).IsZero() != optional {
				t.Errorf("%s: %s is missing: %t", m.name, name, v.Field(i).IsZero())
			}
		}
	}
}
