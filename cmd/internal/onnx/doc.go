// Package onnx reads ONNX models of any maker into the general graph of package
// graph, and writes such a graph.
//
// It reads versions 3 to 11 of the file format and 7 to 21 of the operators,
// float32 networks with integer arithmetic for shapes, and float16 ones, which
// are then computed in float32. Weights may lie in files next to the model.
// What is not supported (an operator, a type, a meaning of an attribute) is an
// error that names it and its node; nothing is skipped.
//
// A file is untrusted: every number in it is checked before memory is allocated
// for it, and what is read and what it becomes is bounded.
package onnx
