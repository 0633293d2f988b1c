package strictjson

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"
	"unicode/utf8"
)

// Read reads one JSON text, with white space around it allowed. An error is an
// *[Error]; the tape is then empty. The tape points into text, which must not be
// changed while it is in use.
func (t *Tape) Read(text []byte, l *Limits) error {
	lim := l.WithDefaults()
	end, e := t.read(text, &lim, false)
	if e == nil {
		if end = skipSpace(text, end); end < len(text) {
			e = t.refuse(CodeTrailing, end)
		}
	}
	if e != nil {
		return e
	}
	return nil
}

// ReadPrefix reads the value that text starts with and returns the offset behind
// it, where the tape's Text ends; what follows is not looked at. Where the text ends before the value surely
// does (a number may go on), the code is "json.truncated".
func (t *Tape) ReadPrefix(text []byte, l *Limits) (end int, err error) {
	lim := l.WithDefaults()
	end, e := t.read(text, &lim, true)
	if e != nil {
		return 0, e
	}
	return end, nil
}

// refuse empties the tape and makes the error.
func (t *Tape) refuse(code string, at int) *Error {
	t.Text, t.Tokens = nil, t.Tokens[:0]
	return &Error{Code: code, Offset: at}
}

// none is the parent of the root.
const none = math.MaxUint32

// read is the one pass. While a container is open, its token's Next holds the
// index of the container around it, so that no stack is needed. The limits are
// filled in.
func (t *Tape) read(text []byte, lim *Limits, prefix bool) (int, *Error) {
	t.prepare(text)
	if uint64(len(text)) >= math.MaxUint32 {
		return 0, t.refuse(CodeSize, 0)
	}
	if len(text) > 0 && text[0] >= 0xEF && hasMark(text) {
		return 0, t.refuse(CodeBOM, 0)
	}
	toks := t.Tokens[:cap(t.Tokens)]
	n := 0 // tokens so far
	p, depth := 0, 0
	cur, inObject := uint32(none), false
	for {
		if p >= len(text) || text[p] <= ' ' {
			p = skipSpace(text, p)
		}
		if inObject {
			if p >= len(text) || text[p] != '"' {
				return 0, t.unexpected(text, p)
			}
			end, escaped := scanPlain(text, p+1), false
			if end < len(text) && text[end] == '"' {
				end++
			} else {
				var code string
				if end, escaped, code = scanString(text, end); code != "" {
					return 0, t.refuse(code, end)
				}
			}
			if end-p-2 > lim.String {
				return 0, t.refuse(CodeString, p)
			}
			toks[n].set(p, end, n, String, escaped)
			n++
			if p = end; p >= len(text) || text[p] <= ' ' {
				p = skipSpace(text, p)
			}
			if p >= len(text) || text[p] != ':' {
				return 0, t.unexpected(text, p)
			}
			if p++; p >= len(text) || text[p] <= ' ' {
				p = skipSpace(text, p)
			}
		}
		if n >= lim.Values {
			return 0, t.refuse(CodeValues, p)
		}
		if n+2 > len(toks) { // append would grow by quarters, and leave five times as much behind
			toks = append(make([]Token, 0, 2*len(toks)+2), toks...)
			toks = toks[:cap(toks)]
		}
		if p >= len(text) {
			return 0, t.unexpected(text, p)
		}
		switch c := text[p]; {
		case c == '"':
			end, escaped := scanPlain(text, p+1), false
			if end < len(text) && text[end] == '"' {
				end++
			} else {
				var code string
				if end, escaped, code = scanString(text, end); code != "" {
					return 0, t.refuse(code, end)
				}
			}
			if end-p-2 > lim.String {
				return 0, t.refuse(CodeString, p)
			}
			toks[n].set(p, end, n, String, escaped)
			p = end
		case c-'0' <= 9 || c == '-':
			end, great, code := scanNumber(text, p, prefix)
			if code != "" {
				return 0, t.refuse(code, end)
			}
			if end-p > lim.Number {
				return 0, t.refuse(CodeNumberLength, p)
			}
			if great && tooGreat(text[p:end]) {
				return 0, t.refuse(CodeNumberRange, p)
			}
			toks[n].set(p, end, n, Number, false)
			p = end
		case c == '{' || c == '[':
			kind := Array
			if c == '{' {
				kind = Object
			}
			if depth >= lim.Depth {
				return 0, t.refuse(CodeDepth, p)
			}
			start := p
			if p++; p >= len(text) || text[p] <= ' ' {
				p = skipSpace(text, p)
			}
			if p >= len(text) || text[p] != c+2 {
				toks[n].set(start, 0, n, kind, false)
				toks[n].Next = cur
				cur, inObject, depth = uint32(n), c == '{', depth+1
				n++
				continue
			}
			p++ // empty
			toks[n].set(start, p, n, kind, false)
		default:
			kind, word := Null, "null"
			switch c {
			case 't':
				kind, word = True, "true"
			case 'f':
				kind, word = False, "false"
			case 'n':
			default:
				return 0, t.unexpected(text, p)
			}
			end, code := scanWord(text, p, word)
			if code != "" {
				return 0, t.refuse(code, end)
			}
			toks[n].set(p, end, n, kind, false)
			p = end
		}
		n++

		for { // what may follow a value: a comma, or the end of what holds it
			if cur == none {
				t.Tokens = toks[:n]
				if prefix {
					t.Text = text[:p]
				}
				return p, nil
			}
			if p >= len(text) || text[p] <= ' ' {
				p = skipSpace(text, p)
			}
			if p >= len(text) {
				return 0, t.unexpected(text, p)
			}
			in := &toks[cur]
			in.Count++
			if c := text[p]; c == ',' {
				p++
				if inObject && int(in.Count) >= lim.Members {
					return 0, t.refuse(CodeMembers, p)
				}
				if !inObject && int(in.Count) >= lim.Items {
					return 0, t.refuse(CodeItems, p)
				}
				break
			} else if c != ']' && c != '}' || (c == '}') != inObject {
				return 0, t.unexpected(text, p)
			}
			p++
			around := in.Next
			in.End, in.Next = uint32(p), uint32(n)
			if inObject && in.Count > 1 {
				if twice := t.duplicate(text, toks, int(cur)); twice != 0 {
					return 0, t.refuse(CodeDuplicateName, int(toks[twice].Start))
				}
			}
			cur, depth = around, depth-1
			inObject = cur != none && toks[cur].Kind == Object
		}
	}
}

// set makes k the token numbered n. (A Token made elsewhere and copied here would be
// written in parts and read as a whole, for which processors wait.)
func (k *Token) set(start, end, n int, kind Kind, escaped bool) {
	k.Start, k.End, k.Next, k.Count = uint32(start), uint32(end), uint32(n+1), 0
	k.Kind, k.Escaped = kind, escaped
}

// hasMark reports whether text begins with a byte order mark of UTF-8 or UTF-16.
func hasMark(text []byte) bool {
	return bytes.HasPrefix(text, []byte("\xef\xbb\xbf")) || bytes.HasPrefix(text, []byte("\xfe\xff")) ||
		bytes.HasPrefix(text, []byte("\xff\xfe"))
}

// prepare makes the tape ready for text: its token memory is given back where the
// text is far too short to need it, and roughly made where there is none.
func (t *Tape) prepare(text []byte) {
	if cap(t.Tokens) > keep && cap(t.Tokens) > len(text) {
		t.Tokens = nil
	}
	if cap(t.Tokens) == 0 {
		t.Tokens = make([]Token, 0, min(len(text)/8+8, keep))
	}
	t.Text, t.Tokens = text, t.Tokens[:0]
}

// unexpected tells the end of the text from a wrong byte in it.
func (t *Tape) unexpected(text []byte, p int) *Error {
	switch {
	case p < len(text):
		return t.refuse(CodeSyntax, p)
	case skipSpace(text, 0) == len(text):
		return t.refuse(CodeEmpty, p)
	}
	return t.refuse(CodeTruncated, len(text))
}

// skipSpace returns the offset of the first byte from p on that is not white space
// as RFC 8259 section 2 has it.
func skipSpace(text []byte, p int) int {
	for p+8 <= len(text) && binary.LittleEndian.Uint64(text[p:]) == ' '*ones {
		p += 8 // indentation
	}
	for p < len(text) {
		switch text[p] {
		case ' ', '\n', '\t', '\r':
			p++
		default:
			return p
		}
	}
	return p
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// special marks, by its lowest set bit, the first byte of w that is no plain
// character of a string: a quote, a backslash, a control character or not ASCII.
// (Bits above the lowest may be borrowed from it.)
func special(w uint64) uint64 {
	return (w | (w - ones*' ') | ((w ^ ones*'"') - ones) | ((w ^ ones*'\\') - ones)) & highs
}

// scanPlain returns the offset of the first byte from p on that is no plain
// character of a string, or one less than eight bytes before the text's end.
func scanPlain(text []byte, p int) int {
	for p+8 <= len(text) {
		if m := special(binary.LittleEndian.Uint64(text[p : p+8])); m != 0 {
			return p + bits.TrailingZeros64(m)>>3
		}
		p += 8
	}
	return p
}

// scanString reads from behind the opening quote to behind the closing one. With a
// code, end is the offset of the fault.
func scanString(text []byte, p int) (end int, escaped bool, code string) {
	for {
		for p+8 <= len(text) {
			m := special(binary.LittleEndian.Uint64(text[p:]))
			if m != 0 {
				p += bits.TrailingZeros64(m) >> 3
				break
			}
			p += 8
		}
		if p >= len(text) {
			return len(text), escaped, CodeTruncated
		}
		switch c := text[p]; {
		case c == '"':
			return p + 1, escaped, ""
		case c == '\\':
			escaped = true
			n, code := scanEscape(text[p:])
			if code != "" {
				return p, escaped, code
			}
			p += n
		case c < ' ':
			return p, escaped, CodeControl
		case c < utf8.RuneSelf:
			p++
		default:
			n := scanRunes(text[p:])
			if n == 0 {
				if !utf8.FullRune(text[p:]) {
					return len(text), escaped, CodeTruncated
				}
				return p, escaped, CodeUTF8
			}
			p += n
		}
	}
}

// scanRunes returns the length of the run of valid UTF-8 beyond ASCII (RFC 3629,
// section 4) that s starts with.
func scanRunes(s []byte) int {
	n := 0
	for n < len(s) && s[n] >= utf8.RuneSelf {
		r, size := utf8.DecodeRune(s[n:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		n += size
	}
	return n
}

// scanEscape returns the length of the escape sequence, a surrogate pair as one,
// that s starts with.
func scanEscape(s []byte) (int, string) {
	if len(s) < 2 {
		return 0, CodeTruncated
	}
	switch s[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2, ""
	case 'u':
	default:
		return 0, CodeEscape
	}
	r, code := hex4(s[2:])
	switch {
	case code != "":
		return 0, code
	case r < 0xD800 || r > 0xDFFF:
		return 6, ""
	case r > 0xDBFF: // the second half first
		return 0, CodeSurrogate
	}
	if len(s) < 8 && (len(s) < 7 || s[6] == '\\') {
		return 0, CodeTruncated
	}
	if s[6] != '\\' || s[7] != 'u' {
		return 0, CodeSurrogate
	}
	if r, code = hex4(s[8:]); code != "" {
		return 0, code
	}
	if r < 0xDC00 || r > 0xDFFF {
		return 0, CodeSurrogate
	}
	return 12, ""
}

// hex4 reads four hexadecimal digits.
func hex4(s []byte) (rune, string) {
	var r rune
	for i := range 4 {
		if i >= len(s) {
			return 0, CodeTruncated
		}
		switch c := s[i]; {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, CodeEscape
		}
	}
	return r, ""
}

// scanWord reads true, false or null.
func scanWord(text []byte, p int, word string) (end int, code string) {
	if len(text)-p >= len(word) && string(text[p:p+len(word)]) == word {
		return p + len(word), ""
	}
	for i := range len(word) {
		if p+i >= len(text) {
			return len(text), CodeTruncated
		}
		if text[p+i] != word[i] {
			return p + i, CodeSyntax
		}
	}
	return p, CodeSyntax
}

// scanNumber reads a number (RFC 8259, section 6). One that reaches the end of a
// prefix might go on. great tells that it might be too great.
func scanNumber(text []byte, p int, prefix bool) (end int, great bool, code string) {
	start := p
	if text[p] == '-' {
		p++
	}
	first := p
	p = scanDigits(text, p)
	switch {
	case p == first && p < len(text):
		return p, false, CodeNumber
	case p > first+1 && text[first] == '0':
		return first + 1, false, CodeNumber
	}
	if p > first && p < len(text) && text[p] == '.' {
		first, p = p+1, scanDigits(text, p+1)
		if p == first && p < len(text) {
			return p, false, CodeNumber
		}
	}
	if p > first && p < len(text) && text[p]|0x20 == 'e' {
		if p++; p < len(text) && (text[p] == '+' || text[p] == '-') {
			p++
		}
		great = true
		first, p = p, scanDigits(text, p)
		if p == first && p < len(text) {
			return p, false, CodeNumber
		}
	}
	if p == first || prefix && p == len(text) {
		return len(text), false, CodeTruncated
	}
	return p, great || p-start >= 300, ""
}

// tooGreat reports whether a number is infinite to whoever reads it as a double:
// 1e400. Two readers would not agree what it is.
func tooGreat(num []byte) bool {
	f, err := strconv.ParseFloat(string(num), 64)
	return err != nil && math.IsInf(f, 0)
}

func scanDigits(text []byte, p int) int {
	for p < len(text) && text[p]-'0' <= 9 {
		p++
	}
	return p
}
