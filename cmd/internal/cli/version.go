package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"regexp"
	"runtime/debug"
	"strings"
)

// release is the version where the build carries no tag. It is never changed;
// the linker sets it when a release is built.
var release = "0.1.0"

// version returns the release that the binary was built from, as streams and
// models name it.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return releaseOf(info.Main.Version)
	}
	return release
}

// releaseOf returns the tag that a module version is, without its v, or
// release: what Go makes up for a commit without a tag sorts below any.
func releaseOf(version string) string {
	madeUp := regexp.MustCompile(`[-.]\d{14}-[0-9a-f]{12}$`)
	if !strings.HasPrefix(version, "v") || strings.Contains(version, "+dirty") || madeUp.MatchString(version) {
		return release
	}
	return strings.TrimPrefix(version, "v")
}

// fullVersion adds to the version what tells two trees of one release apart:
// the commit, with +dirty if files were changed, or a hash of the binary where
// the commit is not known.
func fullVersion() string {
	info, _ := debug.ReadBuildInfo()
	return version() + " (" + tree(info, binaryHash) + ")"
}

func tree(info *debug.BuildInfo, hash func() (string, error)) string {
	commit, dirty := "", ""
	if info != nil {
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				commit = s.Value[:min(12, len(s.Value))]
			case s.Key == "vcs.modified" && s.Value == "true":
				dirty = "+dirty"
			}
		}
	}
	if commit != "" {
		return "commit " + commit + dirty
	}
	sum, err := hash()
	if err != nil {
		return "commit not known"
	}
	return "binary " + sum
}

// binaryHash is the beginning of the SHA-256 of the running program's file.
func binaryHash() (_ string, err error) {
	name, err := os.Executable()
	if err != nil {
		return "", err
	}
	file, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)[:6]), nil
}
