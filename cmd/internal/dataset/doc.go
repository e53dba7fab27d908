// Package dataset turns a stream that can be read once into data a training
// run can go over again and again: it divides items into sets, keeps them in
// memory or in a temporary file, shuffles them from a seed, and refuses sets
// that would make the result mean nothing.
//
// Nothing here depends on the order of items or on the number of threads:
// which set an item belongs to is a function of its photo and its author, and
// the order of an epoch is a function of the seed, the epoch's number and the
// items' keys. What is one photo, Photos says, and what is one item, Repeats.
package dataset
