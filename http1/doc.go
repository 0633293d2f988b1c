// Package http1 is HTTP/1.1 (RFC 9112) for a gateway: one strict reader and
// writer of messages, the server loop on them, and the client side that speaks to
// upstreams.
//
// # What it promises
//
//   - It is stricter than the RFC asks where two readers could disagree. Bare LF,
//     white space before a colon, folded fields, several or listed
//     Content-Lengths, any Transfer-Encoding but one "chunked", both together,
//     signs or spaces in chunk sizes, control bytes, more than one Host: each is
//     refused with its own code, and the connection is closed.
//   - What it writes it would read back with the same meaning.
//   - Everything is bounded: heads, fields, chunk extensions, trailers, time.
//   - A head becomes one immutable string whose fields are substrings: one
//     allocation, and no rules about how long a field lives.
//   - A connection costs one goroutine, and while it is idle no buffer. No timer
//     is set per request: a janitor looks at all connections now and then.
//   - A Client writes a request and reads its answer on the caller's goroutine. One
//     keeper for all clients looks after time limits and contexts, every tenth of a
//     second, and after idle connections.
//
// A message that is refused is reported to the Handler, which decides what to
// record and to answer.
package http1
