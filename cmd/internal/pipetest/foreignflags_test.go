package pipetest

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Flags as other programs have them are answered with what to write here.
func TestForeignFlags(t *testing.T) {
	for line, want := range map[string]string{
		// OIDv4_ToolKit
		"oi-boxes --classes Cat":       "classes are arguments",
		"oi-boxes -classes Cat":        "classes are arguments",
		"oi-boxes --type_csv train":    "--subset?",
		"oi-boxes --Dataset x":         "--dataset?",
		"oi-boxes --n_threads 4":       "all cores are used",
		"oi-boxes --multiclasses 1":    "classes are arguments",
		"oi-boxes --image_IsGroupOf 0": "--group-of?",
		"oi-boxes --IsOccluded 0":      "--occluded?",
		"oi-boxes --sub h":             "--image-labels?",
		"oi-boxes --max_images 5":      "--limit?",
		// FiftyOne
		"oi-boxes --label-types detections": "--image-labels?",
		"oi-boxes --max-samples 5":          "--limit?",
		"oi-boxes --splits train":           "--subset?",
		"oi-boxes --image-ids ids.txt":      "--ids?",
		"oi-boxes --shuffle":                "--limit draws",
		"oi-boxes --dataset-dir x":          "--cache?",
		"oi-boxes --output x":               "standard output",
		"oi-boxes -o x":                     "standard output",
		// img2dataset
		"oi-fetch --source s3":         "--images?",
		"oi-fetch --url_list x":        "come in the stream",
		"oi-fetch --image_size 256":    "oi-crop --size",
		"oi-fetch --output_folder x":   "--photos?",
		"oi-fetch --thread_count 4":    "--jobs?",
		"oi-fetch --processes_count 4": "--jobs?",
		"oi-fetch --retry 4":           "--retries?",
		"oi-crop --outdir x":           "--dir?",
		"oi-crop --output-dir x":       "--dir?",
		"oi-crop --image_size 96":      "--size?",
		"oi-crop --imgsz 96":           "--size?",
		// Keras, torchvision, Albumentations
		"oi-augment --rotate 20":             "--rotation?",
		"oi-augment --rotation_range 20":     "--rotation?",
		"oi-augment --degrees 20":            "--rotation?",
		"oi-augment --hflip":                 "--flip-h?",
		"oi-augment --horizontal_flip":       "--flip-h?",
		"oi-augment --RandomHorizontalFlip":  "--flip-h?",
		"oi-augment --vertical_flip":         "--flip-v?",
		"oi-augment --width_shift_range 0.1": "--width-shift?",
		"oi-augment --zoom_range 0.1":        "--zoom?",
		"oi-augment --batch_size 3":          "oi-train --batch",
		"oi-augment --output x":              "standard output",
		"oi-train --batch_size 16":           "--batch?",
		"oi-train --learning_rate 1":         "--lr?",
		"oi-train --learningRate 1":          "--lr?",
		"oi-train --n_epochs 1":              "--epochs?",
		"oi-train --image_size 96":           "oi-crop --size",
		"oi-train --device cuda":             "CPU",
		"oi-train --output_dir x":            "--output?",
		"oi-train --validation_split 0.1":    "--val?",
		"oi-train --opt adam":                "--optimizer?",
		"oi-train --data x":                  "standard input",
		"oi-eval --model x":                  "first argument",
		"oi-eval --weights x":                "first argument",
		"oi-eval --top-k 5":                  "--top?",
		"oi-eval --batch_size 5":             "--batch?",
		"oi-eval --source x":                 "after the model",
		"oi-labels --search cat":             "are arguments",
		"oi-labels --output cat":             "standard output",
	} {
		words := strings.Fields(line)
		out, err := exec.Command(filepath.Join(shared.bin, words[0]), words[1:]...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "hint: ") || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v\n%swant %q", line, err, out, want)
		}
	}
}
