// Package kernel computes the layers of a small convolutional network in
// float32, forward and backward: convolutions, pooling, dense layers, loss
// heads, dropout and optimisers. For the inference of other networks it has
// what their layers need besides: weights packed once, grouped and separable
// convolutions, general pooling, matrix products, softmax, layer normalization
// and elementwise functions. Tensors are plain slices that the caller owns,
// C-contiguous, channels last (NHWC); every operation states their shapes, and
// [Workers] brings the threads and the scratch memory, so that nothing is
// allocated once each shape has been seen. The results do not depend on the
// number of threads nor on the width of the processor's vectors.
package kernel
