// Package pngfile decodes PNG files (PNG, second edition, ISO/IEC 15948) that
// need not be well meant, row by row: all types of colour and depths, but no
// interlaced files. A window of a picture takes as much memory as its pixels, or
// two rows where they are used as they come.
//
// It accepts the files that image/png accepts, and the pixels are those of
// image/png, drawn over white and rounded down to 8 bits, to the bit.
package pngfile
