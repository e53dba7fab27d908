// Package nn trains and runs the networks of package model, and runs those of
// package graph. It is the only package that knows Gorgonia.
//
// A network's layers become a Gorgonia expression graph: shapes and types are
// checked there, gradients come from Gorgonia's symbolic differentiation, and
// its tape machine runs both directions. The operations in the graph are ours:
// each implements Gorgonia's interfaces and calls package kernel on memory that
// it keeps, so that a training step of a known batch size allocates no tensors.
//
// What training works with need not be what is used afterwards: with
// [Options].WeightStandardization the weights of convolutions are made of raw
// ones in every step, as an operation of the graph, and with EMADecay the
// weights to be used are an average over the steps. [Trainer.Network] and
// [Trainer.Predictor] give the network as it is to be used, of plain layers;
// [Trainer.State] is what training needs to go on.
//
// An [Evaluator] runs a network of any maker, which package lower has taken
// apart into steps: each is an operation of a Gorgonia graph, too, and computes
// into the memory that was planned for it.
//
// Results do not depend on the number of threads, nor on the width of the
// processor's vectors, as far as there is assembly for them. Two Trainers with
// the same network, seed and batches have the same weights after every step,
// bit for bit.
package nn
