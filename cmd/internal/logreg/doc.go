// Package logreg fits multinomial logistic regression, the linear head on the
// features of a frozen network, in float64:
//
//	minimise  1/S * sum of weight[label]*loss  +  1/(2*C*S) * |W|²
//
// where the loss of an item is the cross-entropy of the softmax of W*x+b, x are
// its features after standardisation, S is the sum of the items' weights, and C
// is the strength as scikit-learn counts it: a smaller C is a stronger penalty.
// The intercepts b are not penalised. Times C*S this is what scikit-learn's
// LogisticRegression minimises, also in that two classes have one vector of
// weights, the difference of the two: with W[0] = -W[1], as it comes out, its
// square is twice |W|², so for two classes the penalty here is 1/(C*S) * |W|².
//
// The features come from a [Source], in memory or from a file, in chunks; apart
// from labels and groups, memory does not grow with the number of items.
//
// # Same bits
//
// Every sum is taken in an order that follows from the shapes: over features
// from the first to the last, over items from the first to the last, over
// classes from the first to the last. No goroutine adds up what another has.
// Products are rounded before they are added, on every machine, and the
// exponential and the logarithm are our own. So the result is the same, bit for
// bit, with any number of goroutines, any size of chunk and on any processor.
package logreg
