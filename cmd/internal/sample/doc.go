// Package sample is the built-in data set: drawings of hamburgers, sandwiches
// and other food, in the files and columns of Open Images V7, so that the whole
// pipe can be tried without a network. No picture is stored. A renderer of
// three-dimensional scenes draws each photo from a seed that is a hash of its
// id, so that any photo can be had alone, in any order, on any number of cores,
// as the same bytes.
//
// How a photo comes about: compose sets a table with objects made of triangles
// (foods.go, fillings.go, scene.go), rasterize finds which triangle each pixel
// shows (raster.go), shade lights those points (shade.go, backdrop.go), and
// blur, noise and a JPEG encoder come last (postprocess.go). The boxes are the
// extents of what rasterize found (view.go). Because that takes seconds for all
// photos, their boxes are kept in boxes.txt; a test holds them against the
// pictures.
//
// The two classes that matter, Hamburger and Sandwich, share bread, fillings
// and colours on purpose: what tells them apart is mostly the patty, and the
// shape, often half hidden. The data set has what real ones have: several foods
// in a photo, things in the way or cut off, groups, printed pictures of food,
// stored pictures that lie on their side, titles with commas, quotes and line
// ends, photos without an author, and the same picture under two ids.
//
// What is not as in Open Images: OriginalSize and OriginalMD5 are empty, for
// the bytes of a JPEG depend on the release of Go's encoder, while the pixels
// do not. Source is always "activemil", the official word for a box that a
// machine proposed, and the columns of clicks hold -1 as they do for such
// boxes.
package sample
