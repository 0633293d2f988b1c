// Package coding undoes the content codings of message bodies (RFC 9110, section
// 8.4), at most two of gzip (RFC 1952), deflate (the zlib format of RFC 1950, as
// RFC 9110 says, not raw RFC 1951), br (RFC 7932) and zstd (RFC 8878).
//
// [Undo] is strict where readers differ: one gzip member and one zstd frame, nothing
// behind the end, no preset dictionary. Size, growth and the decoders' own memory
// are bounded, whatever the bytes say. [Room.Beginning] is for answers that are
// judged by their beginning.
package coding
