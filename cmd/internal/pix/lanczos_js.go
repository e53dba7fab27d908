package pix

// lanczos is left out in a browser, where photos are only made as small as a
// network wants them, by Area: the library that it needs is large.
func (p *Picture) lanczos(x, y, w, h, outW, outH int) []byte {
	panic("pix: no Lanczos in a browser")
}
