// Package stream connects a command to its neighbours in the pipe: files and
// standard streams to records, compression, the life of a filter with ordered
// parallel work, and the counts that make sure nothing is lost in silence.
package stream
