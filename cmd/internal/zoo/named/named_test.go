package named_test

import (
	"bytes"
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/opensandwich/oi/cmd/internal/oitest"
	"github.com/opensandwich/oi/cmd/internal/zoo"
	"github.com/opensandwich/oi/cmd/internal/zoo/named"
)

// lookup asks for the file of a model with the flags given.
func lookup(t *testing.T, m named.Models, name string, flags ...string) (code int, path, stderr string) {
	t.Helper()
	var messages bytes.Buffer
	c := &cli.Command{Name: "test", Help: "test: look up a model\n\nUsage:\n  test MODEL\n\nExamples:\n  # all\n  test x\n\nText.\n", MinArgs: 1, ArgName: "MODEL"}
	c.Flags = m.Flags
	c.Run = func(ctx context.Context, env *cli.Env) (err error) {
		path, err = m.Path(ctx, env, "model", env.Args[0])
		return err
	}
	code = c.Execute(t.Context(), cmdtest.Env(strings.NewReader(""), &messages, &messages), append(flags, "--", name))
	return code, path, messages.String()
}

// A name is that of a file before it is that of a network, and what can only be
// a file is left to whoever reads it.
func TestPath(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"resnet18", "burger.onnx"} {
		if err := os.WriteFile(name, []byte("no model"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m := named.Models{Table: zoo.Backbones()}
	for name, test := range map[string]struct {
		code       int
		path, says string
	}{
		"resnet18":            {0, "resnet18", ""},
		"-":                   {0, "-", ""},
		"other.onnx":          {0, "other.onnx", ""},
		"photo.jpg":           {0, "photo.jpg", ""},
		"models/mobilenetv2":  {0, "models/mobilenetv2", ""},
		"burger":              {2, "", "test: model: there is no file burger, and no known network of that name: mobilenetv2, resnet18, resnet50, shufflenetv2\ntest: hint: did you mean the file burger.onnx?\n"},
		"mobilnetv2":          {2, "", "hint: did you mean mobilenetv2? oi-train --backbones"},
		"resnet51.onnx":       {2, "", "hint: did you mean resnet50? oi-train --backbones"},
		"something":           {2, "", "hint: oi-train --backbones says more"},
		"mobilenet_v2":        {1, "", "mobilenet/model/mobilenetv2-12.onnx is not in the cache"},
		"mobilenetv2-12.onnx": {1, "", "hint: without --offline it is downloaded, once"},
	} {
		code, path, stderr := lookup(t, m, name, "--offline", "--cache", "cache")
		if code != test.code || code == 0 && path != test.path || !strings.Contains(stderr, test.says) || code == 0 && stderr != "" {
			t.Errorf("%s: exit %d, %q: %s", name, code, path, stderr)
		}
	}
}

// What is downloaded is said, comes once, and is used without a network after
// that.
func TestDownload(t *testing.T) {
	data := oitest.RandomBytes(1, 70_000)
	p := cmdtest.NewZoo(t, "tiny", data)
	m := p.Models
	cache := t.TempDir()
	code, path, stderr := lookup(t, m, "tiny", "--cache", cache)
	got, err := os.ReadFile(path)
	if code != 0 || err != nil || !bytes.Equal(got, data) || !strings.HasPrefix(path, cache) || !strings.Contains(stderr, "downloading backbone tiny, once: tiny-1.onnx, 0.1 MB") || !strings.Contains(stderr, "licence MIT") {
		t.Errorf("exit %d, %s, %v: %s", code, path, err, stderr)
	}
	asked := p.Total()
	if code, again, stderr := lookup(t, m, "TINY", "--cache", cache, "--offline"); code != 0 || again != path || stderr != "" || p.Total() != asked {
		t.Errorf("again: exit %d, %s, %d requests: %s", code, again, p.Total()-asked, stderr)
	}
	for name, test := range map[string]struct {
		fault oitest.Fault
		says  []string
	}{
		"another file": {oitest.Body("application/octet-stream", oitest.RandomBytes(2, 70_000)), []string{"its SHA-256 is ", "hint: nothing of it has been kept"}},
		"not there":    {oitest.Status(404), []string{"hint: its publisher may have moved it; a file with the same SHA-256"}},
	} {
		p.Fault(p.Path, test.fault)
		empty := t.TempDir()
		code, _, stderr := lookup(t, m, "tiny", "--cache", empty)
		for _, want := range test.says {
			if code != 1 || !strings.Contains(stderr, want) {
				t.Errorf("%s: exit %d, lacks %q: %s", name, code, want, stderr)
			}
		}
		if left := oitest.Files(t, empty); slices.ContainsFunc(left, func(name string) bool { return strings.Contains(name, ".onnx") }) {
			t.Errorf("%s: left %v", name, left)
		}
	}
}
