// Package nn trains and runs the networks of package model. It is the only package that knows Gorgonia.
//
// A network's layers become a Gorgonia expression graph: shapes and types are checked there, gradients come from
// Gorgonia's symbolic differentiation, and its tape machine runs both directions. The operations in the graph are ours:
// each implements Gorgonia's interfaces and calls package kernel on memory that it keeps, so that a training step of a
// known batch size allocates no tensors.
//
// Results do not depend on the number of threads. Two Trainers with the same network, seed and batches have the same
// weights after every step, bit for bit.
package nn
