// Package strictjson reads JSON texts so strictly that no two readers can
// disagree about them: RFC 8259 within the limits of I-JSON (RFC 7493). Duplicate
// member names, invalid UTF-8, lone surrogates, a byte order mark, data after the
// text and everything beyond the [Limits] are refused, each with its own code and
// the offset.
//
// One pass over the bytes builds a [Tape]: a flat list of tokens that point into
// the text. Schema validation, filters and the WAF walk the tape; the text itself
// is never changed, so what was judged is what is sent on.
package strictjson
