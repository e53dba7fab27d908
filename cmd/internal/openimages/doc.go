// Package openimages knows what the files of the Open Images data set mean:
// which files a version of the data set consists of and where they are, the
// class names and their hierarchy, the box lists, the lists of image-level
// labels and the image lists.
//
// Package selection makes items of a query. [ReadBoxes] and [ReadImages] read
// rows of the lists, and [Counts] tells boxes and photos of every class of one.
//
// # Where rows come from
//
// The official lists reach 2.3 GB, so they are never held in memory. The first
// query scans a list, block by block on all cores, and writes an index next to
// it (label to rows, photo to row); every later one reads the rows it needs.
// Rows read through the index are verified to be what it says. Where an index
// cannot be kept, or a list is no file, it is scanned each time.
package openimages
