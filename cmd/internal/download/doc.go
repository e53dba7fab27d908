// Package download brings files from an HTTP server into a folder: resumed
// where a connection or a process ended, compared with the checksums that the
// server and a [Catalogue] tell, shared by processes that want the same file,
// and readable while they arrive. It knows nothing of what the files mean; a
// [Content] says whether a file can be what was asked for.
package download
