// Package nn trains and runs neural networks: those of package model, and, to
// run them only, any graph of package graph. It is the only package that knows
// Gorgonia.
//
// There is one way for all of them. A network is a graph, which package lower
// takes apart into steps with planned memory; each step is an operation of a
// Gorgonia expression graph that calls package kernel on that memory, and
// Gorgonia's tape machine runs it. A training step of a known batch size
// allocates no tensors.
//
// In training, gradients come from Gorgonia's symbolic differentiation: a step
// that depends on parameters has an operation for its gradients, too. One that
// has none may only stand before all that is trained; else its graph is an error
// that names the operator. There it is computed as in an [Evaluator].
//
// What training works with need not be what is used afterwards: with
// [Options].WeightStandardization the weights of convolutions are made of raw
// ones in every step, as an operation of the graph, and with EMADecay the
// weights to be used are an average over the steps. [Trainer.Network] and
// [Trainer.Predictor] give the network as it is to be used, of plain layers;
// [Trainer.State] is what training needs to go on.
//
// Results do not depend on the number of threads, nor on the width of the
// processor's vectors, as far as there is assembly for them. Two Trainers with
// the same network, seed and batches have the same weights after every step,
// bit for bit.
package nn
