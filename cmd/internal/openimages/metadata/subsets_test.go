package metadata

import (
	"strings"
	"testing"
)

func TestCheckSubsets(t *testing.T) {
	for names, want := range map[string]string{
		"train": "train", "val": "validation", "VAL": "validation", "test, Validation,val": "validation test", "test,train,test": "train test",
	} {
		got, err := CheckSubsets(strings.Split(names, ","))
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: %q, %v", names, got, err)
		}
	}
	for _, bad := range [][]string{nil, {""}, {"va"}, {"train", "valid"}} {
		if got, err := CheckSubsets(bad); err == nil || !strings.Contains(err.Error(), "there are train, validation, test") {
			t.Errorf("%q: %q, %v", bad, got, err)
		}
	}
}
