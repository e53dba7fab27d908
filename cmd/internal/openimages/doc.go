// Package openimages knows what the files of the Open Images data set mean:
// which files a version of the data set consists of and where they are, the
// class names and their hierarchy, the box lists, the lists of image-level
// labels and the image lists.
//
// Package selection makes items of a query. A [BoxList] yields rows of a list of
// boxes or labels, [OpenImages] looks photos up in an image list, and [Counts]
// tells boxes and photos of every class of a list.
//
// # Where rows come from
//
// The official lists reach 2.3 GB, so they are never held in memory. The first
// query scans a list, block by block on all cores, and writes an index next to
// it (label to rows, photo to row). Later ones read few rows at the places that
// the index names, and verify all of them before the first is used; many they
// meet in a scan. A list that can only be read from its beginning to its end is
// copied to a temporary file.
package openimages
