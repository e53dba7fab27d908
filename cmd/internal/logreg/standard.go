package logreg

import (
	"context"
	"errors"
	"math"

	"github.com/opensandwich/oi/cmd/internal/threadpool"
)

// Standard says how features are standardised: (x - Mean) / Scale for each of
// D features. The scale is the standard deviation over all items (that of N,
// not N-1), and 1 where all items have the same value.
type Standard struct {
	Mean, Scale []float64
	// Constant is the number of features that are the same in all rows.
	Constant int
}

// Measure finds mean and scale of each feature in two passes over the source.
// An unusable value is a [*ValueError]. threads is how many are at work.
func Measure(ctx context.Context, s Source, threads int) (*Standard, error) {
	n, d := s.Rows(), s.Dim()
	if n == 0 {
		return nil, errors.New("no rows to standardise by")
	}
	low, high := make([]float32, d), make([]float32, d)
	mean, scale := make([]float64, d), make([]float64, d)
	pool := startThreads(threads)
	defer pool.Close()
	err := columns(ctx, s, pool, func(from, to int, rows []float32, first bool) {
		if first {
			copy(low[from:to], rows[from:to])
			copy(high[from:to], rows[from:to])
		}
		for ; len(rows) > 0; rows = rows[d:] {
			for i, v := range rows[from:to] {
				mean[from+i] += float64(v)
				low[from+i] = min(low[from+i], v)
				high[from+i] = max(high[from+i], v)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	for i := range mean {
		mean[i] /= float64(n)
		if low[i] == high[i] { // the quotient may be off in the last bit
			mean[i] = float64(low[i])
		}
	}
	err = columns(ctx, s, pool, func(from, to int, rows []float32, _ bool) {
		for ; len(rows) > 0; rows = rows[d:] {
			for i, v := range rows[from:to] {
				off := float64(v) - mean[from+i]
				scale[from+i] += float64(off * off)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	constant := 0
	for i := range scale {
		if low[i] == high[i] {
			scale[i] = 1
			constant++
			continue
		}
		scale[i] = math.Sqrt(scale[i] / float64(n))
	}
	return &Standard{mean, scale, constant}, nil
}

// columns calls add for the columns from..to-1 of all rows, chunk after chunk;
// for other columns at the same time.
func columns(ctx context.Context, s Source, pool *threadpool.Pool, add func(from, to int, rows []float32, first bool)) error {
	const width = 64
	n, d := s.Rows(), s.Dim()
	chunk := make([]float32, min(n, chunkRows)*d)
	for first := 0; first < n; first += chunkRows {
		if err := ctx.Err(); err != nil {
			return err
		}
		rows := chunk[:min(chunkRows, n-first)*d]
		err := parallel(pool, blocks(len(rows)/d, blockRows), func(_, i int) error {
			return readChecked(s, rows[i*blockRows*d:min((i+1)*blockRows*d, len(rows))], first+i*blockRows)
		})
		if err != nil {
			return err
		}
		err = parallel(pool, blocks(d, width), func(_, i int) error {
			add(i*width, min((i+1)*width, d), rows, first == 0)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
