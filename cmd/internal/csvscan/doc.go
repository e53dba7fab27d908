// Package csvscan reads rows of large CSV files: block by block on all cores, in
// the order of the file, or through an index next to it, which the first scan
// writes. A [Request] says which rows are wanted and what they are parsed to. An
// index is of the rows of each value of a column ([ByValue]), or of the row of
// each key ([ByKey]).
package csvscan
