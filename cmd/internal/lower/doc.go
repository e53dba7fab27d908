// Package lower turns a simplified graph into the steps that compute it: what
// is to be done in which order, and where in memory the results lie. It knows
// graphs and shapes, not how a step is computed.
//
// # Memory order
//
// A graph of package graph is about [N,C,H,W], kernels work on [N,H,W,C]. So
// each [Value] has an order in which its axes lie in memory. A transposition of
// the graph only gives the axes other names. Elementwise operators keep the
// order of what they read, convolutions want channels last, products of
// matrices their sums. Where a value does not lie as it is wanted, a [Copy] is
// planned. Merging and splitting axes costs nothing while these are neighbours
// in memory: a map of pixels becomes tokens without a copy.
//
// # Fusion
//
// The bias, the addition of another value of the same shape and an activation
// become part of the convolution or product before them, if nobody else reads
// what is between. A depthwise convolution and the 1x1 convolutions next to it
// are one step where their maps are larger than their weights. Numbers that
// bytes are multiplied by and added to are put into the first step.
//
// # Memory
//
// A result takes memory from the step that makes it to the last that reads it.
// The place of a value is the same for any number of pictures up to the batch:
// fewer use the beginning of it.
package lower
