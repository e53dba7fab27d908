package pipetest

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/opensandwich/oi/"

type listed struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	Imports    []string
}

func packages(t *testing.T) []listed {
	t.Helper()
	list := exec.Command("go", "list", "-json=ImportPath,Dir,GoFiles,Imports", "./...")
	list.Dir = shared.root
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []listed
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		p.ImportPath = strings.TrimPrefix(p.ImportPath, module)
		all = append(all, p)
	}
	if len(all) < 15 {
		t.Fatalf("go list found %d packages only", len(all))
	}
	return all
}

// TestImports keeps the layers apart.
func TestImports(t *testing.T) {
	commands := regexp.MustCompile(`^cmd/oi-[a-z]+$`)
	inner := func(names ...string) func(string) bool {
		return func(path string) bool { return slices.Contains(names, strings.TrimPrefix(path, "cmd/internal/")) }
	}
	all := packages(t)
	for _, rule := range []struct {
		name     string
		imported *regexp.Regexp
		allowed  func(path string) bool
	}{
		{"pflag", regexp.MustCompile(`^github.com/spf13/pflag`), func(p string) bool { return commands.MatchString(p) || p == "cmd/internal/cli" }},
		{"net/http", regexp.MustCompile(`^net/http`), inner("fetch", "fetch/hostlimit", "download", "oitest")},
		{"gorgonia", regexp.MustCompile(`^gorgonia.org/|assume-no-moving-gc`), inner("nn")},
		{"imaging", regexp.MustCompile(`^github.com/disintegration/imaging`), inner("pix")},
		{"WebP", regexp.MustCompile(`^golang.org/x/image/(webp|vp8|vp8l)$`), inner("imagefile/webp")},
		{"photo formats", regexp.MustCompile(module + `cmd/internal/imagefile/`), inner("imagefile")},
		{"msgpack", regexp.MustCompile(`^github.com/vmihailenco`), func(p string) bool { return p == "record" }},
		{"compress", regexp.MustCompile(`^github.com/klauspost/compress`), inner("stream", "report")},
		{"cli in engines", regexp.MustCompile(`^` + module + `cmd/internal/(cli|stream|status)$`), func(p string) bool {
			return commands.MatchString(p) || inner("cli", "stream", "status", "openimages/metadata", "zoo/named", "cmdtest")(p)
		}},
		{"parts of fetch", regexp.MustCompile(`/cmd/internal/fetch/`), func(p string) bool { return strings.HasPrefix(p, "cmd/internal/fetch") }},
		{"selection", regexp.MustCompile(`/openimages/selection$`), func(p string) bool { return p == "cmd/oi-boxes" }},
		{"helpers of tests", regexp.MustCompile(`/cmd/internal/(oitest|cmdtest)$`), inner("cmdtest")},
		{"ours in record", regexp.MustCompile(`^` + module), func(p string) bool { return p != "record" }},
	} {
		used := false
		for _, p := range all {
			for _, i := range p.Imports {
				if !rule.imported.MatchString(i) {
					continue
				}
				used = true
				if !rule.allowed(p.ImportPath) {
					t.Errorf("%s: %s imports %s", rule.name, p.ImportPath, i)
				}
			}
		}
		if !used && rule.name != "helpers of tests" {
			t.Errorf("%s: nothing imports it: is the rule still right?", rule.name)
		}
	}
}

// TestImportsOfOurs keeps the lower floors free of what stands above them.
func TestImportsOfOurs(t *testing.T) {
	const inner = module + "cmd/internal/"
	allowed := map[string][]string{
		"commalist":            nil,
		"editdistance":         nil,
		"cropquality":          {"record"},
		"float16":              nil,
		"threadpool":           nil,
		"logreg":               {"float16", "kernel", "rng", "threadpool"},
		"posixfile":            nil,
		"atomicfile":           {"posixfile"},
		"leftover":             {"posixfile"},
		"filelock":             {"posixfile"},
		"googhash":             nil,
		"download":             {"filelock", "googhash", "leftover", "posixfile"},
		"csvscan":              {"leftover", "posixfile"},
		"fetch/hostname":       nil,
		"fetch/netguard":       {"fetch/hostname"},
		"fetch/hostlimit":      {"fetch/hostname", "filelock", "posixfile"},
		"graph":                nil,
		"lower":                {"graph"},
		"steps":                {"graph", "kernel", "lower"},
		"demo":                 nil,
		"predict":              {"graph", "kernel", "lower", "onnx", "pix", "steps", "imagefile"},
		"onnxproto":            nil,
		"onnx":                 {"float16", "graph", "onnxproto"},
		"model":                {"graph", "onnxproto"},
		"preprocess":           nil,
		"zoo":                  {"download", "editdistance", "posixfile", "preprocess"},
		"transfer":             {"dataset", "float16", "graph", "logreg", "model", "nn", "onnx", "preprocess", "record"},
		"export/credits":       {"atomicfile", "record"},
		"export/manifest":      {"export/credits"},
		"export/detection":     {"atomicfile", "commalist", "export/classlist", "export/credits", "export/newfile", "export/provenance", "export/safename", "filelock", "imagefile", "pix", "posixfile", "record"},
		"openimages":           {"csvscan", "download", "editdistance", "posixfile", "record"},
		"openimages/selection": {"csvscan", "leftover", "openimages", "posixfile", "record"},
	}
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, "cmd/internal/")
		list, ruled := allowed[name]
		for _, i := range p.Imports {
			if ruled && strings.HasPrefix(i, module) && !slices.Contains(list, strings.TrimPrefix(strings.TrimPrefix(i, inner), module)) {
				t.Errorf("%s imports %s", p.ImportPath, i)
			}
		}
		delete(allowed, name)
	}
	for name := range allowed {
		t.Errorf("there is no %s: is the rule still right?", name)
	}
}
