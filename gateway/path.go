package gateway

import (
	"strings"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse"
)

// Oddity is a property of a path that two readers could take differently. Each
// is refused unless the API allows it by name.
type Oddity uint8

const (
	EncodedSlash   Oddity = 1 << iota // %2F, %5C or a literal backslash
	EmptySegment                      // "//"
	DotSegment                        // ".", ".." or their encodings, between encoded slashes and before ";" too
	Semicolon                         // ";", which some servers cut off as a path parameter
	DoubleEncoding                    // %25 before two hexadecimal digits
	MethodOverride                    // X-HTTP-Method-Override and its kin
)

var oddityNames = []struct {
	bit        Oddity
	name, code string
	message    string
}{
	{EncodedSlash, "encoded_slash", "path.encoded_slash", "the path holds an encoded slash or a backslash"},
	{EmptySegment, "empty_segment", "path.empty_segment", "the path holds an empty segment"},
	{DotSegment, "dot_segment", "path.dot_segment", "the path holds a dot segment"},
	{Semicolon, "semicolon", "path.semicolon", "the path holds a semicolon"},
	{DoubleEncoding, "double_encoding", "path.double_encoding", "the path is encoded twice"},
	{MethodOverride, "method_override", "header.method_override", "a header field asks for another method"},
}

// ParseOddity reads the name of an Oddity as it stands in configuration.
func ParseOddity(name string) (Oddity, bool) {
	for _, o := range oddityNames {
		if o.name == name {
			return o.bit, true
		}
	}
	return 0, false
}

func (o Oddity) refusal() *gatehouse.Error {
	for _, n := range oddityNames {
		if o&n.bit != 0 {
			return badRequest(n.code, n.message)
		}
	}
	return nil
}

// Byte classes of a path (RFC 3986, section 3.3).
const (
	classPchar = 1 + iota // stands literally, in this one spelling
	classSlash
	classPercent
	classSemicolon
	classBackslash
)

var pathClass = func() (t [256]uint8) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,=:@") {
		t[c] = classPchar
	}
	t['/'], t['%'], t[';'], t['\\'] = classSlash, classPercent, classSemicolon, classBackslash
	return t
}()

// canonicalPath returns the one spelling of an escaped path: what may stand
// literally does, all else is an upper-case %XX. It reports what is odd about the
// path, and an error where no reader should accept it.
func canonicalPath(raw string) (string, Oddity, *gatehouse.Error) {
	var odd Oddity
	plain := true
	segment := 0 // start of the current segment in raw
	for i := 0; i < len(raw); i++ {
		switch pathClass[raw[i]] {
		case classPchar:
		case classSlash:
			if i > 0 {
				odd |= segmentOddity(beforeSemicolon(raw[segment:i], odd), false)
			}
			segment = i + 1
		case classSemicolon:
			odd |= Semicolon
		case classPercent, classBackslash:
			plain = false
		default:
			return "", 0, badRequest("path.character", "the path holds a byte that must be encoded")
		}
	}
	if plain {
		odd |= segmentOddity(beforeSemicolon(raw[segment:], odd), true)
		return raw, odd, nil
	}
	return respell(raw)
}

// respell is canonicalPath's slow half, for paths with escapes.
func respell(raw string) (string, Oddity, *gatehouse.Error) {
	var odd Oddity
	out := make([]byte, 0, len(raw)+8)
	decoded := make([]byte, 0, len(raw)) // for the UTF-8 check of the whole
	start := 1
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch pathClass[c] {
		case classPercent:
			b, ok := unhex(raw, i)
			if !ok {
				return "", 0, badRequest("path.percent", "the path holds a bad percent-encoding")
			}
			if b == 0 {
				return "", 0, badRequest("path.nul", "the path holds an encoded NUL")
			}
			if b < 0x20 || b == 0x7f {
				return "", 0, badRequest("path.control", "the path holds an encoded control character")
			}
			if b == '/' || b == '\\' {
				odd |= EncodedSlash
			}
			decoded = append(decoded, b)
			if pathClass[b] == classPchar {
				out = append(out, b)
			} else {
				out = appendEscaped(out, b)
			}
			i += 2
		case classBackslash:
			odd |= EncodedSlash
			decoded = append(decoded, c)
			out = appendEscaped(out, c)
		case classSlash:
			if i > 0 {
				odd |= segmentOddity(beforeSemicolon(string(out[start:]), odd), false)
			}
			decoded = append(decoded, c)
			out = append(out, c)
			start = len(out)
		default:
			if c == ';' {
				odd |= Semicolon
			}
			decoded = append(decoded, c)
			out = append(out, c)
		}
	}
	odd |= segmentOddity(beforeSemicolon(string(out[min(start, len(out)):]), odd), true)
	odd |= hiddenDots(string(decoded))
	// Looked for in what was decoded: %25%32%65 hides as well as %252e does.
	for i := 0; i+2 < len(decoded); i++ {
		if decoded[i] == '%' && isHex(decoded[i+1]) && isHex(decoded[i+2]) {
			odd |= DoubleEncoding
		}
	}
	// Overlong forms are invalid UTF-8, so this refuses them as well.
	if !utf8.Valid(decoded) {
		return "", 0, badRequest("path.utf8", "the path is not valid UTF-8")
	}
	return string(out), odd, nil
}

// beforeSemicolon is what a reader that cuts path parameters off makes of a
// segment.
func beforeSemicolon(segment string, odd Oddity) string {
	if odd&Semicolon != 0 {
		segment, _, _ = strings.Cut(segment, ";")
	}
	return segment
}

// hiddenDots looks for dot segments that appear once encoded slashes, backslashes
// and semicolons are taken for what they stand for: who allows a slash to be
// encoded has not allowed "..%2F".
func hiddenDots(decoded string) Oddity {
	for decoded != "" {
		end := strings.IndexAny(decoded, `/\`)
		if end < 0 {
			end = len(decoded)
		}
		segment, _, _ := strings.Cut(decoded[:end], ";")
		if segment == "." || segment == ".." {
			return DotSegment
		}
		decoded = decoded[min(end+1, len(decoded)):]
	}
	return 0
}

// segmentOddity judges one segment; the last one may be empty ("/orders/").
func segmentOddity(s string, last bool) Oddity {
	switch {
	case s == "" && !last:
		return EmptySegment
	case s == "." || s == "..":
		return DotSegment
	}
	return 0
}

// checkQuery validates a raw query: percent-encodings, no control characters, no
// fragment, valid UTF-8 (RFC 3986, section 3.4).
func checkQuery(q string) *gatehouse.Error {
	escaped := false
	for i := 0; i < len(q); i++ {
		c := q[i]
		switch {
		case c == '%':
			escaped = true
		case c <= 0x20 || c == 0x7f || c == '#':
			return badRequest("query.character", "the query holds a byte that must be encoded")
		case c >= 0x80:
			return badRequest("query.character", "the query holds a byte that must be encoded")
		}
	}
	if !escaped {
		return nil
	}
	decoded := make([]byte, 0, len(q))
	for i := 0; i < len(q); i++ {
		b := q[i]
		if b == '%' {
			var ok bool
			if b, ok = unhex(q, i); !ok {
				return badRequest("query.percent", "the query holds a bad percent-encoding")
			}
			if b == 0 {
				return badRequest("query.nul", "the query holds an encoded NUL")
			}
			i += 2
		}
		decoded = append(decoded, b)
	}
	if !utf8.Valid(decoded) {
		return badRequest("query.utf8", "the query is not valid UTF-8")
	}
	return nil
}

// unescapeSegment decodes one segment of a canonical path.
func unescapeSegment(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] == '%' {
			out := make([]byte, 0, len(s))
			for j := 0; j < len(s); j++ {
				if b, ok := unhex(s, j); s[j] == '%' && ok {
					out = append(out, b)
					j += 2
					continue
				}
				out = append(out, s[j])
			}
			return string(out)
		}
	}
	return s
}

// unhex decodes the escape that begins at s[i].
func unhex(s string, i int) (byte, bool) {
	if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
		return 0, false
	}
	return hexValue(s[i+1])<<4 | hexValue(s[i+2]), true
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

func hexValue(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

func appendEscaped(out []byte, b byte) []byte {
	const upper = "0123456789ABCDEF"
	return append(out, '%', upper[b>>4], upper[b&15])
}
