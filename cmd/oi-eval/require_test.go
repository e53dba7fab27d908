package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/cmdtest"
)

func TestRequire(t *testing.T) {
	m := writeModel(t)
	for text, tc := range map[string]struct {
		code int
		want string
	}{
		"accuracy>=0.8":        {0, ""},
		"accuracy > 0.8":       {1, "accuracy is 0.8000, required is > 0.8 (95% interval 0.3755 to 0.9638 by photo, 5 groups, too few to judge)"},
		"accuracy<0.9":         {0, ""},
		"log_loss<=0.1":        {1, "log_loss is 0.8"},
		"recall:red>=1":        {0, ""},
		"precision:red >= 0.7": {1, "precision:red is 0.6667"},
		"precision[red]>=0.7":  {1, "precision[red] is 0.6667"},
		"f1[blue]>=0.8":        {2, `no figure is called "f1[blue]"`},
		"macro_f1>=0.8":        {0, ""},
		"f1:blue>=0.8":         {2, `no figure is called "f1:blue"`},
		"accuracy=0.8":         {2, "want a figure"},
		"accuracy>=":           {2, "want a figure"},
		">=1":                  {2, "want a figure"},
		"accuracy":             {2, "want a figure"},
		"accuracy>=NaN":        {2, "want a figure"},
	} {
		code, stdout, stderr := eval(t, encode(t, held()...), "--require", text, m)
		if code != tc.code || !strings.Contains(stderr, tc.want) {
			t.Errorf("%s: exit %d, want %d; stderr %q, want %q", text, code, tc.code, stderr, tc.want)
		}
		if code < 2 && stdout == "" {
			t.Errorf("%s: no report", text)
		}
	}
}

// Requirements are checked even if standard output is closed.
func TestRequireWithoutReader(t *testing.T) {
	env := func(errs io.Writer) *cli.Env {
		return cmdtest.Env(bytes.NewReader(encode(t, held()...)), cmdtest.FailAfter(0, cli.ErrDownstreamGone), errs)
	}
	m := writeModel(t)
	var errs bytes.Buffer
	if code := command().Execute(t.Context(), env(&errs), []string{"--emit", "--require", "accuracy>=0.9", m}); code != 1 {
		t.Errorf("exit %d, want 1: %s", code, errs.String())
	}
	if code := command().Execute(t.Context(), env(&errs), []string{"--emit", m}); code != 0 {
		t.Errorf("exit %d, want 0: %s", code, errs.String())
	}
}

func FuzzParseRequirement(f *testing.F) {
	for _, seed := range []string{"accuracy>=0.9", "f1:a<b>0", "=", ">=", "x<1e309"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := parseRequirement(text)
		if err == nil && (r.figure == "" || r.operator == "" || !strings.Contains(text, r.operator)) {
			t.Errorf("parseRequirement(%q) = %+v", text, r)
		}
	})
}
