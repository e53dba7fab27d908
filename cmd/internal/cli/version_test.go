package cli

import (
	"runtime/debug"
	"testing"
)

func TestVersion(t *testing.T) {
	for version, want := range map[string]string{
		"": release, "(devel)": release, "v1.2.3": "1.2.3", "v1.2.3-rc.1": "1.2.3-rc.1", "v1.2.3+dirty": release,
		"v0.0.0-20261128144300-32c7b9b01234": release, "v1.2.4-0.20261128144300-32c7b9b01234": release,
	} {
		if got := releaseOf(version); got != want {
			t.Errorf("%s: %s, want %s", version, got, want)
		}
	}
	hash := func() (string, error) { return "abc", nil }
	built := func(revision, modified string) *debug.BuildInfo {
		return &debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: revision}, {Key: "vcs.modified", Value: modified}}}
	}
	for want, info := range map[string]*debug.BuildInfo{
		"binary abc": nil, "commit 0123456789ab": built("0123456789abcdef", "false"), "commit 0123456789ab+dirty": built("0123456789abcdef", "true"),
	} {
		if got := tree(info, hash); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if sum, err := binaryHash(); err != nil || len(sum) != 12 {
		t.Errorf("%q, %v", sum, err)
	}
}
