package status

import (
	"fmt"
	"path"
	"sync"
	"time"

	"github.com/opensandwich/oi/cmd/internal/cli"
	"github.com/opensandwich/oi/cmd/internal/download"
)

// progressEvery is the time between two lines about a download.
const progressEvery = 5 * time.Second

// Download returns the options of downloads that tell a person about them in
// env, and tell servers what env is.
func Download(env *cli.Env) download.Options {
	r := &reporter{env: env}
	return download.Options{
		UserAgent: env.Name + "/" + env.Version,
		Announce:  r.announce,
		Progress:  r.progress,
		Asking:    r.asking,
		Retrying:  r.retrying,
		Waiting:   r.waiting,
		Warn:      func(message string) { env.Warnf("%s", message) },
	}
}

// A reporter tells a person about downloads.
type reporter struct {
	env *cli.Env

	mu    sync.Mutex // a download reports from a goroutine of its own
	name  string
	from  int64 // bytes that were there when it began to look
	start time.Time
	last  time.Time
	rate  float64 // bytes a second, of the last download
}

// announce says how large a download will be, and how long it will take if one
// before it has shown that.
func (r *reporter) announce(name string, size int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rate > 0 {
		r.env.Infof("downloading %s, %s, once; about %s", name, bytesText(size), timeText(float64(size)/r.rate))
		return
	}
	r.env.Infof("downloading %s, %s, once", name, bytesText(size))
}

// asking says that a server is taking its time to answer.
func (r *reporter) asking(address string) {
	r.env.Infof("waiting for an answer: %s", address)
}

// retrying says that an attempt came to nothing, and why.
func (r *reporter) retrying(address string, err error) {
	r.env.Infof("trying again: %s: %v", address, err)
}

// waiting says that another process is at work.
func (r *reporter) waiting(name string) {
	r.env.Infof("%s is being downloaded by another process; waiting for it", name)
}

// progress writes a line every few seconds, on a terminal only.
func (r *reporter) progress(name string, done, total int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.env.Now()
	if name != r.name {
		r.name, r.from, r.start, r.last = name, done, now, now
		return
	}
	elapsed := now.Sub(r.start).Seconds()
	if elapsed < 1 {
		return // no rate yet
	}
	r.rate = float64(done-r.from) / elapsed
	if r.env.Quiet || !r.env.StderrTTY || now.Sub(r.last) < progressEvery {
		return
	}
	r.last = now
	r.env.Infof("%s", progressText(r.env.StderrColumns-len(r.env.Name+": "), name, done, total, r.rate))
}

// progressText is how far a download is, in so many columns, the length of its
// name and what is least needed being left out where there are too few.
func progressText(columns int, name string, done, total int64, rate float64) string {
	amount, share, speed, left := bytesText(done), bytesText(done), ", "+bytesText(int64(rate))+"/s", ""
	if total > 0 {
		amount += " of " + bytesText(total)
		share = fmt.Sprintf("%d%%", int(100*(float64(done)/float64(total))))
	}
	if total > done && rate > 0 {
		left = ", " + timeText(float64(total-done)/rate) + " left"
	}
	file := path.Base(name)
	return Fit(columns,
		name+": "+amount+speed+left, file+": "+amount+speed+left,
		file+": "+share+left, amount+speed+left, share+left)
}

func timeText(seconds float64) string {
	return time.Duration(seconds * float64(time.Second)).Round(time.Second).String()
}

// bytesText is a size in the decimal units that the publisher uses.
func bytesText(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.0f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.0f kB", float64(n)/1e3)
}
