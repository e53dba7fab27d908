package metadata

import (
	"fmt"
	"time"

	"github.com/opensandwich/oi/cmd/internal/cli"
)

// progressEvery is the time between two lines about a download.
const progressEvery = 5 * time.Second

// A reporter tells a person about downloads.
type reporter struct {
	env   *cli.Env
	path  string
	start time.Time
	last  time.Time
}

// announce says how large a download will be.
func (r *reporter) announce(path string, size int64) {
	r.env.Infof("downloading %s, %s, once", path, bytesText(size))
}

// progress writes a line every few seconds, on a terminal only.
func (r *reporter) progress(path string, done, total int64) {
	if r.env.Quiet || !r.env.StderrTTY {
		return
	}
	now := r.env.Now()
	if path != r.path {
		r.path, r.start, r.last = path, now, now
		return
	}
	if now.Sub(r.last) < progressEvery {
		return
	}
	r.last = now
	r.env.Infof("%s", progressText(path, done, total, now.Sub(r.start)))
}

func progressText(path string, done, total int64, elapsed time.Duration) string {
	rate := float64(done) / elapsed.Seconds()
	if total < 0 {
		return fmt.Sprintf("%s: %s, %s/s", path, bytesText(done), bytesText(int64(rate)))
	}
	text := fmt.Sprintf("%s: %s of %s, %s/s", path, bytesText(done), bytesText(total), bytesText(int64(rate)))
	if left := total - done; left > 0 && rate > 0 {
		text += fmt.Sprintf(", %s left", time.Duration(float64(left)/rate*float64(time.Second)).Round(time.Second))
	}
	return text
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
