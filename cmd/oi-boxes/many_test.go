package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/cmdtest"
	"github.com/opensandwich/oi/cmd/internal/openimages"
)

// TestManyLabels asks for every class of image-level labels. A step for each
// pair of them would take longer than a test may.
func TestManyLabels(t *testing.T) {
	const classes, photos = 20_000, 300
	dir := t.TempDir()
	d, err := openimages.LookupDataset("v7")
	if err != nil {
		t.Fatal(err)
	}
	labels, err1 := d.Labels(openimages.Test)
	images, err2 := d.Labelled(openimages.Test)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	names, asked := "LabelName,DisplayName\n", ""
	var below []string
	for i := range classes {
		names += fmt.Sprintf("/m/%05d,Class %05d\n", i, i)
		asked += fmt.Sprintf("/m/%05d\n", i)
		below = append(below, fmt.Sprintf(`{"LabelName":"/m/%05d"}`, i))
	}
	rows := "ImageID,Source,LabelName,Confidence\n"
	list := "ImageID,Subset,OriginalURL,OriginalLandingURL,License,AuthorProfileURL,Author,Title,OriginalSize,OriginalMD5,Thumbnail300KURL,Rotation\n"
	for i := range photos {
		rows += fmt.Sprintf("%016x,verification,/m/%05d,1\n", i, i)
		rows += fmt.Sprintf("%016x,verification,/m/%05d,0\n", i, i+1)
		list += fmt.Sprintf("%016x,test,https://example.com/%d.jpg,,,,Author %d,,1,,,0.0\n", i, i, i)
	}
	for path, text := range map[string]string{
		d.AllClasses.Path: names, labels.Path: rows, images.Path: list,
		d.Hierarchy.Path: `{"LabelName":"/m/0bl9f","Subcategory":[` + strings.Join(below, ",") + `]}`,
	} {
		writeFile(t, filepath.Join(dir, path), text)
	}
	args := []string{"--image-labels", "--subset", "test", "--metadata", dir, "-"}
	code, out, stderr := execute(context.Background(), asked, args...)
	if _, items, _ := cmdtest.Decode(t, out); code != 0 || len(items) != photos {
		t.Errorf("exit %d, %d items, want %d:\n%.2000s", code, len(items), photos, stderr)
	}
	if n := strings.Count(stderr, "\n"); n > 120 {
		t.Errorf("%d lines on standard error", n)
	}
	for _, want := range []string{
		"no photo of Class 00300, Class 00301, Class 00302, Class 00303, Class 00304, Class 00305, Class 00306 or 19693 more in test of v7",
		"19900 more labels   200",
	} {
		if !strings.Contains(stderr, want) {
			t.Errorf("standard error lacks %q:\n%.2000s", want, stderr)
		}
	}

	// Names that are wrong throughout are told by the first few.
	code, _, stderr = execute(context.Background(), strings.ReplaceAll(asked, "/m/", "/x/"), args...)
	if code != 2 || strings.Count(stderr, "\n") > 25 || !strings.Contains(stderr, "and 19990 more") {
		t.Errorf("exit %d:\n%.2000s", code, stderr)
	}
}
