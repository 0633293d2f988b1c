// Package strictjson reads JSON texts so strictly that no two readers can
// disagree about them: RFC 8259 within the limits of I-JSON (RFC 7493). Duplicate
// member names, invalid UTF-8, lone surrogates, a byte order mark, data after the
// text and everything beyond the [Limits] are refused, each with its own code
// ([Codes]) and the offset.
//
// One pass over the bytes builds a [Tape]: a flat list of tokens that point into
// the text. Schema validation, filters and the WAF walk the tape; the text itself
// is never changed, so what was judged is what is sent on. A warm Tape reads
// without allocating, and its time is linear in the text whatever an attacker
// writes: member names of small objects are compared with each other, those of
// large ones through a hash with a secret seed.
//
// A [Splitter] takes a stream apart into the elements of its top-level array, in
// the memory of one element, so that each can be read as it comes.
//
// Two things RFC 7493 frowns upon are let through, because readers agree on them:
// Unicode noncharacters, and numbers beyond the precision of a double, which stay
// as they are spelled.
package strictjson
