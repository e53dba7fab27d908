package logreg

import (
	"fmt"

	"github.com/opensandwich/oi/cmd/internal/float16"
)

// A Source gives rows of features. It must give the same numbers each time.
type Source interface {
	// Rows is the number of rows N, Dim the number of features D of each.
	Rows() int
	Dim() int
	// Read fills dst, len(dst)/D rows [n][D], with the rows first,
	// first+1, and so on, all of which exist. Several goroutines may call
	// it at once.
	Read(dst []float32, first int) error
}

// limit is the largest absolute value of a feature: what float16 can hold,
// whatever the features are stored as.
const limit = float16.Max

// A ValueError is a feature that is not a number, infinite or beyond ±65504.
type ValueError struct {
	Row, Column int // from 0
	Value       float32
}

func (e *ValueError) Error() string {
	return fmt.Sprintf("row %d: feature %d is %v, which is not a finite number of at most %d", e.Row, e.Column, e.Value, limit)
}

// readChecked reads rows and looks at every value.
func readChecked(s Source, dst []float32, first int) error {
	if err := s.Read(dst, first); err != nil {
		return err
	}
	for i, v := range dst {
		if !(v >= -limit && v <= limit) {
			return &ValueError{Row: first + i/s.Dim(), Column: i % s.Dim(), Value: v}
		}
	}
	return nil
}

// Matrix is a Source in memory: values [N][D].
type Matrix struct {
	values []float32
	dim    int
}

// NewMatrix returns values [N][dim] as a Source. It keeps the slice.
func NewMatrix(values []float32, dim int) (*Matrix, error) {
	if dim < 1 || len(values)%dim != 0 {
		return nil, fmt.Errorf("%d values are not rows of %d features", len(values), dim)
	}
	return &Matrix{values, dim}, nil
}

// Rows is N.
func (m *Matrix) Rows() int { return len(m.values) / m.dim }

// Dim is D.
func (m *Matrix) Dim() int { return m.dim }

// Read copies rows.
func (m *Matrix) Read(dst []float32, first int) error {
	copy(dst, m.values[first*m.dim:])
	return nil
}

// Subset is some rows of another Source.
type Subset struct {
	of   Source
	rows []int
}

// NewSubset returns the given rows of a source, in that order. It keeps the
// slice.
func NewSubset(of Source, rows []int) *Subset { return &Subset{of, rows} }

// Rows is the number of rows that were given.
func (s *Subset) Rows() int { return len(s.rows) }

// Dim is D.
func (s *Subset) Dim() int { return s.of.Dim() }

// Read reads rows that follow each other together.
func (s *Subset) Read(dst []float32, first int) error {
	d := s.Dim()
	for n := len(dst) / d; n > 0; {
		run := 1
		for run < n && s.rows[first+run] == s.rows[first]+run {
			run++
		}
		if err := s.of.Read(dst[:run*d], s.rows[first]); err != nil {
			return err
		}
		dst, first, n = dst[run*d:], first+run, n-run
	}
	return nil
}
