package hostlimit

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"
)

// RetryAfter reads the header Retry-After, seconds or a date: how long from now
// the server wants to be left alone, 0 if it does not say.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	v := h.Get("Retry-After")
	if v == "" {
		return 0
	}
	switch n, err := strconv.ParseUint(v, 10, 31); {
	case err == nil:
		return time.Duration(n) * time.Second
	case errors.Is(err, strconv.ErrRange):
		return math.MaxInt64
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(0, t.Sub(now))
	}
	return 0
}
