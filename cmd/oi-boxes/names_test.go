package main

import (
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
)

// dishes lays out a data set of names that are hard to type.
func dishes(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "v7/oidv7-class-descriptions-boxable.csv"), "/m/1,Café\n/m/2,Angel’s Tear\n/m/3,Hot dog\n/m/4,Mikoyan–gurevich mig-15\n/m/5,Food\n")
	writeFile(t, filepath.Join(dir, "2018_04/bbox_labels_600_hierarchy.json"), `{"LabelName":"/m/0bl9f","Subcategory":[{"LabelName":"/m/5","Subcategory":[{"LabelName":"/m/1"},{"LabelName":"/m/3"}]},{"LabelName":"/m/2"},{"LabelName":"/m/4"}]}`)
	boxes, images := "ImageID,LabelName,XMin,XMax,YMin,YMax\n", "ImageID,OriginalURL\n"
	for _, n := range []string{"1", "2", "3", "4", "5"} {
		boxes += "0" + n + ",/m/" + n + ",0.1,0.2,0.3,0.4\n"
		images += "0" + n + ",http://x/" + n + "\n"
	}
	writeFile(t, filepath.Join(dir, "v5/validation-annotations-bbox.csv"), boxes)
	writeFile(t, filepath.Join(dir, "2018_04/validation/validation-images-with-rotation.csv"), images)
	return dir
}

// TestNamesAsTyped asks for classes as keyboards, editors and other programs
// write them: as an argument, in a list, and as what is left out.
func TestNamesAsTyped(t *testing.T) {
	dir := dishes(t)
	for _, tt := range []struct{ args, stdin, classes, without string }{
		{norm.NFD.String("Café"), "", "/m/1", ""},
		{"CAFE", "", "/m/1", ""},
		{"Angel's_tear", "", "/m/2", ""},
		{"angels-tears", "", "/m/2", ""},
		{"Mikoyan\u2011gurevich\u00a0MIG\u201115", "", "/m/4", ""},
		{"Ｈｏｔ　ｄｏｇ＋cafe", "", "/m/1+/m/3", ""},
		{"hot=“Hot\u00a0dog”", "", "hot=/m/3", ""},
		{"Food／ --without " + norm.NFD.String("CAFÉ"), "", "/m/5/", "/m/1/"},
		{"Food/ --without cafe／", "", "/m/5/", "/m/1/"},
		{"-", "\ufeff" + norm.NFD.String("café") + "\r\n“Hot dog”\r\n", "/m/1,/m/3", ""},
		{"-", "\xff\xfeH\x00o\x00t\x00d\x00o\x00g\x00\r\x00\n\x00", "/m/3", ""},
	} {
		args := []string{"--metadata", dir, "--subset", "validation", "--json=framed"}
		args = append(args, strings.Split(tt.args, " ")...)
		code, stdout, stderr := execute(t.Context(), tt.stdin, args...)
		if code != 0 || !strings.Contains(string(stdout), `"classes":"`+tt.classes+`"`) || tt.without != "" && !strings.Contains(string(stdout), `"without":"`+tt.without+`"`) {
			t.Errorf("%+q %q: exit code %d\n%s%s", tt.args, tt.stdin, code, stdout, stderr)
		}
	}
	for _, tt := range []struct{ name, want string }{
		{"–Café", "oi-boxes: no class \"–Café\"\noi-boxes: hint: --without \"Café\" leaves it out\n"},
		{"Сafé", "oi-boxes: no class \"\\u0421af\\u00e9\"\noi-boxes: hint: did you mean Café?"}, // Cyrillic
		{"Food＊", "oi-boxes: no class \"Food＊\"\noi-boxes: hint: Food/ is Food and all kinds below it\n"},
		{"Cafée", "oi-boxes: no class \"Cafée\"\noi-boxes: hint: did you mean Café?"},
	} {
		code, _, stderr := execute(t.Context(), "", "--metadata", dir, "--subset", "validation", "--", tt.name)
		if code != 2 || !strings.HasPrefix(stderr, tt.want) {
			t.Errorf("%q: exit code %d\n%s", tt.name, code, stderr)
		}
	}
}

// TestIDsAsSaved reads a list of ids as PowerShell redirects it.
func TestIDsAsSaved(t *testing.T) {
	list := "\xff\xfe0\x001\x00\r\x00\n\x00"
	code, _, stderr := execute(t.Context(), list, "--metadata", dishes(t), "--subset", "validation", "--ids", "-", "Café")
	if code != 0 || strings.Contains(stderr, "match no row") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
}
