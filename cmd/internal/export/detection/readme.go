package detection

import (
	_ "embed"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"
)

// A Warning is something that a person should know of an export, and what to do
// about it.
type Warning struct{ Text, Next string }

// Lines say what was written to the folder and what was left out.
func (e *Export) Lines(s *Summary) []string {
	var sets []string
	for _, set := range s.Sets {
		sets = append(sets, fmt.Sprintf("%s %d", set.Name, set.Photos))
	}
	lines := []string{fmt.Sprintf("%s: %s (%s), %s of %s", e.Dir, count(s.Photos, "photo"), strings.Join(sets, ", "), count(s.Boxes, "box"), count(int64(len(s.Classes)), "class"))}
	for _, part := range []struct {
		what   string
		counts []namedCount
	}{{"left out", s.leftOut()}, {"changed", s.changed()}, {"of these photos", s.more()}} {
		var words []string
		for _, c := range part.counts {
			words = append(words, fmt.Sprintf("%s: %d", c.Name, c.N))
		}
		if len(words) > 0 {
			lines = append(lines, part.what+": "+strings.Join(words, ", "))
		}
	}
	return lines
}

// count is n of something, in words.
func count(n int64, what string) string {
	switch {
	case n == 1:
	case strings.HasSuffix(what, "s"), strings.HasSuffix(what, "x"):
		what += "es"
	default:
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

type namedCount struct {
	Name string
	N    int64
}

func (s *Summary) leftOut() []namedCount {
	return some(
		namedCount{"boxes around groups", s.Groups}, namedCount{"boxes outside the photo", s.BadBoxes}, namedCount{"boxes without area", s.NoArea},
		namedCount{"boxes that came twice", s.Repeats}, namedCount{"photos that do not decode", s.Broken}, namedCount{"labels of whole photos", s.WholePhotos}, namedCount{"records that oi-fetch skipped", s.skipped},
	)
}

func (s *Summary) changed() []namedCount {
	return some(
		namedCount{"photos whose EXIF orientation was set to 1", s.Reset},
		namedCount{fmt.Sprintf("photos rotated by the image list's Rotation and encoded again at quality %d", Quality), s.Turned},
		namedCount{"files of an earlier run that were removed", s.Strays},
	)
}

func (s *Summary) more() []namedCount {
	return some(
		namedCount{"without a box", s.Empty}, namedCount{"verified to be without the classes", s.Negatives},
		namedCount{"PNG or WebP", s.NotJPEG},
		namedCount{"in several sets, moved to the one held out", s.HeldOut},
		namedCount{"with a Rotation that is no quarter turn, left as they are", s.OddRotations},
	)
}

// some returns the counts that are not 0.
func some(counts ...namedCount) []namedCount {
	return slices.DeleteFunc(counts, func(c namedCount) bool { return c.N == 0 })
}

// Warnings are what may make a detector learn something wrong.
func (e *Export) Warnings(s *Summary) (all []Warning) {
	if s.Missing > 0 {
		all = append(all, Warning{
			fmt.Sprintf("the stream is without %s of the request in %s of the export: a detector learns them as background", count(s.Missing, "other box"), count(s.MissingPhotos, "photo")),
			"--limit, --max-per-class, --balance and filters of oi-boxes take single boxes away; --shard I/N takes whole photos",
		})
	}
	if s.Emptied > 0 {
		all = append(all, Warning{
			fmt.Sprintf("%s had no box but around groups, and no box now: a detector learns them as background", count(s.Emptied, "photo")),
			"--group-of keep, or oi-boxes --group-of no, which leaves such photos out",
		})
	}
	if s.WholePhotos > 0 {
		all = append(all, Warning{
			fmt.Sprintf("%s say that a photo shows a class, and not where: photos that have no other are not exported", count(s.WholePhotos, "label")),
			"",
		})
	}
	if s.has("all") {
		all = append(all, Warning{"some records name no set: their photos are in " + e.Format.photoFolder(0), "oi-boxes divides the photos by author; --split hash does so for all subsets"})
	}
	if e.Format == YOLO && !(s.has("val") && (s.has("train") || s.has("all"))) {
		all = append(all, Warning{"data.yaml lacks train or val, and yolo needs both", "more photos may do, where oi-boxes --split hash has divided them by author"})
	}
	if s.Boxes == 0 {
		all = append(all, Warning{"there is no box in the export", ""})
	}
	return all
}

func (s *Summary) has(set string) bool {
	return slices.ContainsFunc(s.Sets, func(c SetCount) bool { return c.Name == set })
}

// Load is the line that reads the export, in dir.
func (e *Export) Load(s *Summary, dir string) string {
	// Python takes slashes on all systems, and so do shells within words.
	join := func(levels ...string) string { return filepath.ToSlash(filepath.Join(levels...)) }
	set := s.Sets[0].Name
	if s.has("train") {
		set = "train"
	}
	switch e.Format {
	case COCO:
		return fmt.Sprintf("torchvision.datasets.CocoDetection(%q, %q)", join(dir, "images", set), join(dir, "annotations", "instances_"+set+".json"))
	case VOC:
		year := filepath.Base(dir)
		if kit := filepath.Dir(filepath.Clean(dir)); vocYear.MatchString(year) && filepath.Base(kit) == "VOCdevkit" && (set == "train" || set == "val" || year == "VOC2007" && set == "test") {
			return fmt.Sprintf("torchvision.datasets.VOCDetection(%q, year=%q, image_set=%q)", filepath.ToSlash(filepath.Dir(kit)), strings.TrimPrefix(year, "VOC"), set)
		}
		return fmt.Sprintf("fiftyone.Dataset.from_dir(dataset_type=fiftyone.types.VOCDetectionDataset, data_path=%q, labels_path=%q)",
			join(dir, "JPEGImages"), join(dir, "Annotations"))
	}
	file := join(dir, "data.yaml")
	if strings.Trim(file, shellSafe) != "" {
		file = "'" + strings.ReplaceAll(file, "'", `'\''`) + "'"
	}
	return "yolo detect train data=" + file
}

const shellSafe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:"

// vocYear are the names that torchvision knows.
var vocYear = regexp.MustCompile(`^VOC20(0[7-9]|10|12)$`)

//go:embed readme.md.tmpl
var readme string

// writeReadme writes what the folder is, for whoever finds it. It holds nothing
// that differs between two equal runs.
func (e *Export) writeReadme(w io.Writer, s *Summary) error {
	t, err := template.New("readme").Parse(readme)
	if err != nil {
		return err
	}
	s2 := *s
	s2.Strays = 0 // that is of the run, not of the folder
	return t.Execute(w, map[string]any{
		"Tool": e.Stage.Tool + " " + e.Stage.Version, "Format": e.Format, "Keep": e.Groups == KeepGroups,
		"Load": e.Load(s, "."), "Sets": s.Sets, "Classes": s.Classes, "Summary": s2,
		"LeftOut": s2.leftOut(), "Changed": s2.changed(), "More": s2.more(), "Warnings": e.Warnings(s),
	})
}
