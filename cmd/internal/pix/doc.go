// Package pix makes pictures of one size out of photos: it decodes them, crops
// a box, resizes it and rotates it upright, finds background windows, warps
// crops into random variants, and draws contact sheets.
//
// Everything in it is a function of its arguments: the same bytes come out on
// every platform and in every order.
package pix
