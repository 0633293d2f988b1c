package payload

import (
	"bytes"
	"errors"
	"strconv"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse/strictjson"
)

// byteOrderMark may stand before a text that some readers take for JSON.
var byteOrderMark = []byte("\xef\xbb\xbf")

// readable reports whether lenient readers may take a text for JSON all the same.
func readable(err error) bool {
	var e *strictjson.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code {
	case strictjson.CodeEmpty, strictjson.CodeSyntax, strictjson.CodeTruncated:
		return false
	}
	return true
}

// loose judges the strings of a text that is no JSON to the letter: a name that stands
// twice, half a surrogate, a comment. Readers that take it are many, and each string
// may be what they make of it. Where it is in the text is not told, so that no field's
// exclusion applies to it.
func (w *walk) loose(text []byte) {
	field, source := w.field, w.source
	name, keys, depth := "", 0, 0
	for i := 0; i < len(text) && !w.stopped; i++ {
		switch text[i] {
		case '{', '[':
			if depth++; depth == w.i.json.Depth+1 {
				w.find(ruleJSONDepth, "")
			}
		case '}', ']':
			depth--
		case '"':
			end := i + 1
			for end < len(text) && text[end] != '"' {
				if text[end] == '\\' {
					end++
				}
				end++
			}
			w.looseBuf = appendLoose(w.looseBuf[:0], text[i+1:min(end, len(text))])
			s := string(w.looseBuf)
			i = end
			if named(text[min(end+1, len(text)):]) {
				if keys++; keys == w.i.json.Keys+1 {
					w.find(ruleJSONKeys, "")
				}
				name = "#" + s
				w.at(source, name)
				w.key(s)
				continue
			}
			w.at(source, name)
			if w.i.graphQL && name == "#query" {
				w.document(s, -1)
			}
			w.value(s)
		}
	}
	w.at(source, field)
}

// named reports whether a colon comes next.
func named(rest []byte) bool {
	rest = bytes.TrimLeft(rest, " \t\r\n")
	return len(rest) > 0 && rest[0] == ':'
}

// appendLoose undoes the escapes of a JSON string, and leaves what is none.
func appendLoose(dst, s []byte) []byte {
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			dst = append(dst, s[i])
			continue
		}
		i++
		switch c := s[i]; c {
		case 'b', 'f', 'n', 'r', 't':
			dst = append(dst, "\b\f\n\r\t"[bytes.IndexByte([]byte("bfnrt"), c)])
		case 'u':
			if i+4 < len(s) {
				if n, err := strconv.ParseUint(string(s[i+1:i+5]), 16, 16); err == nil {
					dst = utf8.AppendRune(dst, rune(n)) // of half a surrogate U+FFFD
					i += 4
					continue
				}
			}
			dst = append(dst, c)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}
