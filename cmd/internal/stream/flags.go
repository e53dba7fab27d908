package stream

import (
	"runtime"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/record"
)

// Flags are the options that every stage with a stream has.
type Flags struct {
	Jobs     int    // records in work at once, 0 for one a processor
	JSON     string // "", "items" or "framed"
	Zstd     bool
	Part     bool
	Salvage  bool
	MaxSkips string // a record.SkipLimit, "" for the default
	Failures string // file for skipped items, or a folder with one of each job

	pieces   bool // the stage has --part
	jobFiles []jobFile
}

// Register adds the flags of a filter.
func (f *Flags) Register(fs *cli.FlagSet) {
	f.RegisterJobs(fs)
	f.RegisterOutput(fs)
	f.RegisterInput(fs)
	f.RegisterSkips(fs)
	f.pieces = true
	fs.BoolVar(&f.Part, "part", false, "work on a piece cut by GNU parallel, which may lack its end")
}

// RegisterJobs adds -j, whose default is what Jobs is already.
func (f *Flags) RegisterJobs(fs *cli.FlagSet) {
	usage := "work on `N` records at once; the output does not depend on it"
	if f.Jobs == 0 {
		usage += " (default one a processor)"
	}
	fs.IntVarP(&f.Jobs, "jobs", "j", f.Jobs, usage)
	cli.AlsoCalled(fs, "jobs", "workers", "num-workers", "n-workers", "threads", "num-threads", "n-threads", "thread-count", "processes", "num-processes", "processes-count", "parallel", "cores", "concurrency")
}

// Workers returns the number of records in work at once.
func (f *Flags) Workers() int {
	if f.Jobs > 0 {
		return f.Jobs
	}
	return runtime.GOMAXPROCS(0)
}

// FileEndings is how the names of files with records usually end, without the
// dot.
func FileEndings() []string { return []string{"oi", "zst", "json", "jsonl"} }

// RegisterInput adds the flags of a stage that reads records.
func (f *Flags) RegisterInput(fs *cli.FlagSet) {
	fs.BoolVar(&f.Salvage, "salvage", false, "step over damaged records and count what was lost")
}

// RegisterOutput adds the flags of a stage that writes records.
func (f *Flags) RegisterOutput(fs *cli.FlagSet) {
	fs.StringVar(&f.JSON, "json", "", "write JSON, one item a line; `framed` JSON keeps the header and the end")
	fs.Lookup("json").NoOptDefVal = "items"
	fs.BoolVarP(&f.Zstd, "zstd", "z", false, "compress the output with zstd")
}

// SkipsHelp is the rule of --max-skips, for the help of a stage that has it.
const SkipsHelp = `A record that fails is skipped and counted by its reason. --max-skips
says how many may be: N, or N% of the records that came in, which is looked at
after 200 of them and at the end; with "from M", as in the default, not at the
end of fewer than M. If all that came in was skipped, that is a failure whatever
the limit; what a filter removes is not skipped. The stage then exits with 1 and
writes no end, so that the stages after it fail too.`

// PartHelp is SkipsHelp for a stage that has --part as well.
const PartHelp = SkipsHelp + `

With --part none of this makes it fail, because a piece may be three photos: its
output carries the counts and the limit. Whichever command reads the joined
pieces, oi-crop --info among them, holds their sums to the limit, to the
strictest where they differ, and fails if all was skipped. Pieces of plain JSON
cannot be joined: each is judged alone. A file of its own, as of --failures, has
a name for each job, such as failed{#}.json, or is put in a folder, failed/.`

// RegisterSkips adds the flags of a stage in which a record can fail.
func (f *Flags) RegisterSkips(fs *cli.FlagSet) {
	fs.StringVar(&f.MaxSkips, "max-skips", defaultMaxSkips, "fail beyond this `N` or N% of skipped records")
	fs.StringVar(&f.Failures, "failures", "", "keep skipped items in `FILE`, as JSON that can be fed back in")
	cli.FilesOf(fs, "failures", "json", "jsonl")
}

// encoding returns the form that was asked for.
func (f *Flags) encoding() (record.Encoding, error) {
	switch f.JSON {
	case "":
		return record.Binary, nil
	case "items":
		return record.JSON, nil
	case "framed":
		return record.FramedJSON, nil
	}
	return 0, cli.Usagef("--json=%s: want --json or --json=framed", f.JSON)
}

func (f *Flags) check() error {
	if f.Jobs < 0 {
		return cli.Usagef("-j %d: want at least 1", f.Jobs)
	}
	if _, err := f.encoding(); err != nil {
		return err
	}
	_, err := parseMaxSkips(f.MaxSkips)
	return err
}
