package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// trainLike has flags of all kinds.
func trainLike(run func(context.Context, *Env) error) *Command {
	c := testCommand(run)
	c.Instead = []Instead{{[]string{"n-threads"}, "all cores are used"}}
	c.Flags = func(fs *FlagSet) {
		fs.StringP("output", "o", "model", "write `NAME`.onnx")
		fs.Int("epochs", 50, "train for `N` epochs at most")
		fs.Int("batch", 16, "change the weights after every `N` pictures")
		fs.Float64("lr", 0, "learning `RATE`")
		AlsoCalled(fs, "lr", "eta")
		AlsoCalled(fs, "lr", "step")
		fs.Uint64("seed", 1, "another `N`")
		fs.Bool("resume", false, "go on")
		fs.StringSlice("set", nil, "take `SETS`")
		fs.Bool("flip-h", true, "mirror")
		fs.String("max-skips", "", "fail beyond this `N`")
		fs.IntP("jobs", "j", 0, "work on `N` records at once")
		AlsoCalled(fs, "jobs", "workers", "num-workers")
		fs.String("json", "", "write `FORM`")
		fs.Lookup("json").NoOptDefVal = "items"
		fs.String("normalize", "", "`CHOICE` of pixels")
		Once(fs, "normalize")
		fs.StringP("weights", "w", "", "start from `FILE`")
		FilesOf(fs, "weights", "onnx")
		fs.Duration("timeout", 0, "give up after this `TIME`")
	}
	return c
}

func TestFlagErrors(t *testing.T) {
	const lists = "oi-test --help lists the flags"
	for _, test := range []struct{ args, message, hint string }{
		{"--epoch 3", "unknown flag: --epoch", "did you mean --epochs?"},
		{"--weights=", "--weights is given no name", "a shell variable that is not set may stand there; without a file leave the flag out"},
		{"--normalize=", "--normalize is given nothing", "a shell variable that is not set may stand there; or leave the flag out"},
		{"--set=", "--set is given nothing", "a shell variable that is not set may stand there"},
		{"--set=a,,b", "--set is given nothing", "a shell variable that is not set may stand there"},
		{"--epoch=3", "unknown flag: --epoch", "did you mean --epochs?"},
		{"--Epochs 3", "unknown flag: --Epochs", "did you mean --epochs?"},
		{"--num-epochs 3", "unknown flag: --num-epochs", "did you mean --epochs?"},
		{"--eta 1", "unknown flag: --eta", "did you mean --lr?"},
		{"--step 1", "unknown flag: --step", "did you mean --lr?"},
		{"--learning-rate 1", "unknown flag: --learning-rate", "did you mean --lr?"},
		{"--learning_rate=1", "unknown flag: --learning_rate", "did you mean --lr?"},
		{"--batch-size 3", "unknown flag: --batch-size", "did you mean --batch?"},
		{"--max_skips 3", "unknown flag: --max_skips", "did you mean --max-skips?"},
		{"--skips 3", "unknown flag: --skips", "did you mean --max-skips?"},
		{"--workers 3", "unknown flag: --workers", "did you mean --jobs?"},
		{"--num_workers 3", "unknown flag: --num_workers", "did you mean --jobs?"},
		{"--out x", "unknown flag: --out", "did you mean --output?"},
		{"--no-flip-h", "unknown flag: --no-flip-h", "did you mean --flip-h=false?"},
		{"--no-epochs", "unknown flag: --no-epochs", "did you mean --epochs?"},
		{"--learningRate=1", "unknown flag: --learningRate", "did you mean --lr?"},
		{"--model.learning.rate 1", "unknown flag: --model.learning.rate", lists},
		{"--n_threads 3", "unknown flag: --n_threads", "all cores are used"},
		{"--nThreads=3", "unknown flag: --nThreads", "all cores are used"},
		{"-n-threads", "unknown flag: -n-threads", "all cores are used"},
		{"--elephant", "unknown flag: --elephant", lists},
		{"--x", "unknown flag: --x", lists},
		{"-x", "unknown flag: -x", lists},
		{"-epochs 3", "-epochs: long flags begin with two hyphens", "did you mean --epochs?"},
		{"-epochs=3", "-epochs=3: long flags begin with two hyphens", "did you mean --epochs=3?"},
		{"-epoch 3", "unknown flag: -epoch", "did you mean --epochs?"},
		{"-output burger", "-output: long flags begin with two hyphens", "did you mean --output?"},
		{"-json", "-json: long flags begin with two hyphens", "did you mean --json?"},
		{"-help", "-help: long flags begin with two hyphens", "did you mean --help?"},
		{"-quite", "unknown flag: -quite", "did you mean --quiet?"},
		{"–epochs 3", "–epochs begins with a dash that is no hyphen", "did you mean --epochs?"},
		{"—epoch=3", "—epoch=3 begins with a dash that is no hyphen", "did you mean --epochs=3?"},
		{"-o --resume x", "-o needs a value, and --resume is a flag", "with an equals sign"},
		{"--output --epochs=3", "--output needs a value, and --epochs=3 is a flag", "with an equals sign"},
		{"--epochs", "--epochs needs a value", "--epochs N: train for N epochs at most (default 50)"},
		{"x -o", "--output needs a value", "-o, --output NAME: write NAME.onnx (default model)"},
		{"--epochs ten", "--epochs ten: want a whole number", "--epochs N: train"},
		{"--seed=-1", "--seed -1: want a whole number, 0 or more", "--seed N: another N"},
		{"--lr=fast", "--lr fast: want a number", "--lr RATE: learning"},
		{"--flip-h=maybe", "--flip-h maybe: want true or false", "--flip-h: mirror"},
		{"--normalize a --normalize b", `--normalize b: it was given before, as "a": which of the two?`, "--normalize CHOICE"},
		{"--timeout 3", "--timeout 3: want a time such as 30s or 2m", "--timeout TIME"},
	} {
		env, stderr := testEnv(io.Discard)
		c := trainLike(func(context.Context, *Env) error { return errors.New("ran") })
		code := c.Execute(t.Context(), env, strings.Fields(test.args))
		want := "oi-test: " + test.message + "\noi-test: hint: "
		rest, ok := strings.CutPrefix(stderr.String(), want)
		if code != 2 || !ok || !strings.Contains(rest, test.hint) {
			t.Errorf("%s: %d\n%swant\n%s%s", test.args, code, stderr, want, test.hint)
		}
	}
}

// What pflag understands must reach the command as it is.
func TestFlagsThatAreFine(t *testing.T) {
	for _, args := range []string{
		"-j3", "-j 3", "-qj 3", "-oburger x", "-o -epochs x", "--output=--resume", "-o -x", "--output -q", "-- -epochs", "-- --epoch", "- x", "x–epochs –", "–elephant",
		"--seed 3 -v", "--json x", "-v --json=framed", "--output - -q",
		"--normalize a --normalize a", "--epochs 3 --epochs 4",
	} {
		env, stderr := testEnv(io.Discard)
		c := trainLike(func(_ context.Context, env *Env) error { return fmt.Errorf("ran %q", env.Args) })
		if code := c.Execute(t.Context(), env, strings.Fields(args)); code != 1 {
			t.Errorf("%s: %d %s", args, code, stderr)
		}
	}
}
