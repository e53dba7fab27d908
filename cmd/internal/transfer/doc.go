// Package transfer makes the features of pictures with the network of another,
// its backbone, and puts a linear head on them: one model that takes raw pixels
// and answers with probabilities.
//
// [Open] reads an ONNX file and makes of it the graph of the features: input
// "image", uint8 [N,S,S,3] as a decoder gives it, output "features", float32
// [N,D]. The graph first casts, transposes to [N,3,S,S] and normalises, then
// come the operators of the file up to the cut, and last the pooling, where the
// features are a map or tokens. [Backbone.WithHead] adds a dense layer and a
// softmax.
//
// # Identity
//
// Features are of the same backbone if [Backbone.Of] is the same: the SHA-256
// of a line "oi features 1 DTYPE" and of the ONNX file of the graph, encoded by
// package onnx without a producer. Encoding names everything anew and drops
// what computes nothing, so that names in the file, its maker and its outputs
// do not matter. The graph is encoded, read and simplified before, as it is
// when a model that was made with it is read: that has the same features, bit
// for bit, and the same identity.
package transfer
