package record

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// A state is a place in the grammar of a stream:
//
//	stream  = segment { segment }
//	segment = header { item } end  |  piece { piece }
//	piece   = header { item } part
type state uint8

const (
	stateStart   state = iota // nothing read
	stateInside               // a segment or a piece is open
	stateJoin                 // a piece is closed, its segment is not complete
	stateOutside              // a segment is complete
	stateClosed               // with pieces: the end or part of the piece was read
	stateDone                 // with pieces: the Part was handed out
)

// A grammar checks the order of records, joins pieces, and merges headers.
type grammar struct {
	pieces   bool // the input is one piece
	state    state
	first    []byte // the open segment's header, encoded
	opened   Header // the same
	merged   *Header
	join     *join  // the parts of the open segment, nil when there were none
	part     *Part  // with pieces: what the piece's last record said
	isPiece  bool   // the open header says that a Part will follow
	tally    tally  // the items of the open segment or piece
	plain    bool   // the input is plain JSON, in which nothing is counted
	reported Damage // what earlier Ends and Parts reported as lost
}

var (
	errSecondHeader = errors.New("a second header inside a piece; a piece holds one header, items and at most one end or part")
	errNoHeader     = errors.New("an item outside a segment; a stream begins with a header")
	errLostHeader   = errors.New("the header of this segment is among what was lost; it cannot be salvaged")
	errPieceHeader  = errors.New("a piece must begin with the stream's header: give parallel --header '(?s).*?oi-rec1\\n'")
	errPlainPieces  = errors.New("plain JSON is not cut into pieces: any run of its objects is a stream by itself")
	errAfterPiece   = errors.New("a record after the end of a piece")
)

// step takes the next record and returns what the caller of Read is to see,
// nil for nothing. lost is the sum of the damage so far.
func (g *grammar) step(rec Record, lost Damage) (Record, error) {
	if g.state == stateClosed || g.state == stateDone {
		if _, ok := rec.(*Header); ok {
			return nil, errSecondHeader
		}
		return nil, errAfterPiece
	}
	if h, ok := rec.(*Header); ok {
		return g.header(h)
	}
	if g.state != stateInside {
		if _, ok := rec.(*Item); ok && g.state == stateJoin && lost.Regions > g.reported.Regions {
			// The header of a later piece is among what was lost;
			// the first piece's header says the same.
			g.state = stateInside
			return rec, nil
		}
		if lost.Regions > g.reported.Regions {
			return nil, errLostHeader
		}
		if g.pieces {
			return nil, errPieceHeader
		}
		if _, ok := rec.(*Item); ok {
			return nil, errNoHeader
		}
		return nil, fmt.Errorf("%q outside a segment; a stream begins with a header", rec.kind())
	}
	switch rec := rec.(type) {
	case *End:
		return g.end(rec, lost)
	case *Part:
		return g.piece(rec, lost)
	case *Item:
		if !g.plain {
			g.tally.add(rec)
		}
	}
	return rec, nil
}

func (g *grammar) header(h *Header) (Record, error) {
	switch {
	case g.state == stateInside && g.pieces:
		if g.tally.n == 0 && bytes.Equal(encodeHeader(h), g.first) {
			return nil, nil // GNU parallel --retries sends it twice
		}
		return nil, errSecondHeader
	case g.state == stateInside:
		// The segment before has no end: its writer did not finish.
		return nil, ErrTruncated
	}
	code := encodeHeader(h)
	g.tally, g.isPiece = tally{}, h.Piece
	if !g.pieces {
		h.Piece = false // not of the segment that the pieces are joined to
	}
	if g.state == stateJoin {
		if !bytes.Equal(code, g.first) {
			return nil, fmt.Errorf("the header differs from that of the segment's first piece: %s", difference(&g.opened, h))
		}
		g.state = stateInside
		return nil, nil
	}
	g.state = stateInside
	g.first, g.opened = code, *h
	g.merged = MergeHeaders(g.merged, h)
	return h, nil
}

func (g *grammar) end(e *End, lost Damage) (Record, error) {
	if g.join != nil {
		return nil, errors.New("an end after joined pieces; every piece must close with a part")
	}
	if g.isPiece {
		return nil, errors.New("an end after the header of a piece, which must close with a part")
	}
	e.Damage = g.addNewDamage(e.Damage, lost)
	if !g.pieces {
		if err := g.check(e.Stages, e.Damage); err != nil {
			return nil, err
		}
		g.state = stateOutside
		return e, nil
	}
	if e.Damage == nil {
		if err := checkStages(e.Stages); err != nil {
			return nil, err
		}
	}
	if len(e.Stages) == 0 {
		return nil, errors.New("the end has no counts: pieces of this stream cannot be told complete")
	}
	g.part = &Part{
		Total:    e.Stages[len(e.Stages)-1].Out,
		Upstream: e.Stages,
		Damage:   e.Damage,
		Extra:    e.Extra,
	}
	g.state = stateClosed
	return nil, nil
}

func (g *grammar) piece(p *Part, lost Damage) (Record, error) {
	p.Damage = g.addNewDamage(p.Damage, lost)
	if err := g.check(p.Stages, p.Damage); err != nil {
		return nil, err
	}
	if g.pieces {
		g.part = p
		g.state = stateClosed
		return nil, nil
	}
	if g.join == nil {
		g.join = &join{total: -1}
	}
	if err := g.join.add(p); err != nil {
		return nil, err
	}
	if !g.join.complete() {
		g.state = stateJoin
		return nil, nil
	}
	end, err := g.join.end()
	g.join, g.state = nil, stateOutside
	return end, err
}

// finish says what the end of input means here.
func (g *grammar) finish(lost Damage) (Record, error) {
	switch g.state {
	case stateStart:
		return nil, ErrEmpty
	case stateOutside:
		return nil, io.EOF
	case stateClosed:
		g.state = stateDone
		return g.part, nil
	case stateInside:
		if g.pieces && !g.isPiece {
			g.state = stateDone
			return &Part{Total: -1, Damage: g.addNewDamage(nil, lost)}, nil
		}
	case stateJoin:
		return nil, g.join.missing()
	}
	return nil, ErrTruncated
}

// check holds the items that were read to the counts of the stages. After damage
// there may be fewer.
func (g *grammar) check(stages []StageCounts, damage *Damage) error {
	if damage != nil {
		return g.tally.checkDamaged(stages)
	}
	return g.tally.check(stages)
}

// addNewDamage adds to have what was lost since the last report.
func (g *grammar) addNewDamage(have *Damage, lost Damage) *Damage {
	since := Damage{Regions: lost.Regions - g.reported.Regions, Bytes: lost.Bytes - g.reported.Bytes}
	g.reported = lost
	if since.Regions == 0 {
		return have
	}
	return addDamage(have, &since)
}

// A join sums the parts of one segment.
type join struct {
	stages   []StageCounts
	limits   []skipLimits // of the stages, on what they skipped
	upstream []StageCounts
	total    int64 // -1 until the piece with the end was seen
	salvaged *Damage
	extra    []Field
}

func (j *join) add(p *Part) error {
	if j.stages == nil {
		j.stages = make([]StageCounts, len(p.Stages))
		j.limits = make([]skipLimits, len(p.Stages))
		for i := range j.stages {
			j.stages[i].Tool = p.Stages[i].Tool
		}
	}
	if len(p.Stages) != len(j.stages) {
		return fmt.Errorf("the part counts %d stages, the first piece's %d", len(p.Stages), len(j.stages))
	}
	for i := range j.stages {
		err := j.stages[i].Add(&p.Stages[i])
		if err == nil {
			err = j.limits[i].add(p.Stages[i].MaxSkips)
		}
		if err != nil {
			return withPath(fmt.Sprintf("stages[%d]", i), 0, err)
		}
	}
	if p.Total >= 0 {
		if j.total >= 0 {
			return errors.New("a second part with a total: a piece of another stream, or the same piece twice")
		}
		j.total, j.upstream = p.Total, p.Upstream
	}
	if j.total >= 0 && j.stages[0].In > j.total {
		return fmt.Errorf("the pieces hold %d items, more than the %d that were sent: a piece twice?", j.stages[0].In, j.total)
	}
	j.salvaged = addDamage(j.salvaged, p.Damage)
	j.extra = mergeFields(j.extra, p.Extra)
	return nil
}

func (j *join) complete() bool { return j.total >= 0 && j.stages[0].In == j.total }

// missing says what is not there when input ends before the join is complete.
func (j *join) missing() error {
	if j.total < 0 {
		return fmt.Errorf("%w (no piece holds the end; cat joins the files of pieces)", ErrTruncated)
	}
	return fmt.Errorf("%w (the pieces hold %d of %d items)", ErrTruncated, j.stages[0].In, j.total)
}

// end returns the end that stands for the pieces, or a *SkipError where they
// have too many skips together.
func (j *join) end() (*End, error) {
	for i, sums := range j.stages {
		if err := j.limits[i].check(sums); err != nil {
			return nil, err
		}
	}
	stages := make([]StageCounts, 0, len(j.upstream)+len(j.stages))
	stages = append(append(stages, j.upstream...), j.stages...)
	if j.salvaged == nil {
		if err := checkStages(stages); err != nil {
			return nil, err
		}
	}
	return &End{Stages: stages, Damage: j.salvaged, Extra: j.extra}, nil
}
