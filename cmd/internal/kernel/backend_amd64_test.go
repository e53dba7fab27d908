//go:build amd64 && !noasm

package kernel

import (
	"reflect"
	"testing"
)

// TestBackendComplete: each backend has every function, whether this machine
// can take it or not. Only gradW2x2 and gather2x2 are missing from the
// reference.
func TestBackendComplete(t *testing.T) {
	for _, be := range []*backend{avx512Backend(), avx2Backend(), goBackend()} {
		v := reflect.ValueOf(*be)
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			if optional := be.name == "go" && (name == "gradW2x2" || name == "gather2x2"); v.Field(i).IsZero() != optional {
				t.Errorf("%s: %s is missing: %t", be.name, name, v.Field(i).IsZero())
			}
		}
	}
}
