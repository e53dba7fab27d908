// Package graph is a neural network as a general graph: values, the operators
// that make them, and the weights. It knows no file format.
//
// Operators have the names and the meaning of ONNX, of one version: what older
// versions write as attributes (the bounds of Clip, the axes of Squeeze) is an
// input here, and pictures are [N,C,H,W]. Package onnx makes such graphs of
// files.
//
// A graph goes through three steps. [Graph.FoldConstants] computes what depends
// on no input. [Graph.Infer] works out all shapes for given inputs, the batch
// free or fixed, and makes constants of the integers that follow from them.
// [Graph.Simplify] does both, drops operators that do nothing, and folds batch
// normalization into convolutions.
//
// [Graph.Evaluate] is the reference of what operators mean: plain loops, sums
// in float64. Tests compare with it, and constants are folded by it. It is not
// what trains or predicts.
package graph
