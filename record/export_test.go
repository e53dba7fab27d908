package record

// AppendAny appends a record of any kind, which Append does of items alone and
// a Writer where its counts are right.
func (e *Encoder) AppendAny(dst []byte, rec Record) ([]byte, error) { return e.append(dst, rec, true) }
