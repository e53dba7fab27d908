// Package steps computes the steps of a program of package lower with package
// kernel: each step becomes a function over the planned memory. It knows
// nothing of Gorgonia, whose graph package nn makes of these functions; the
// predictor in a browser calls them one after the other.
package steps
