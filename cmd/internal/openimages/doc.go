// Package openimages knows what the files of the Open Images data set mean:
// which files a version of the data set consists of and where they are, the
// class names and their hierarchy, the box lists and the image lists.
//
// The official box lists reach 2.3 GB, so they are never held in memory. A
// scan looks at the label column of every row and parses only the rows that
// are asked for; what those rows need from the image list is joined through a
// sorted table of 24 bytes a photo, and the rows themselves wait in a temporary
// file that has no name. [Query] puts it all together.
package openimages
