package record

// synonym returns f, which is a string at at, as one for which readers take
// another word too. What is written is word.
func synonym[T any](f field[T], at func(*T) *string, other, word string) field[T] {
	decode := f.decode
	f.decode = func(d *decoder, p *T) error {
		err := decode(d, p)
		if *at(p) == other {
			*at(p), err = word, nil
		}
		return err
	}
	return f
}
