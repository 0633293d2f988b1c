package body

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse"
)

// Bounds of a part's header.
const (
	maxPartHeader = 8 << 10
	maxPartFields = 16
)

// splitParts cuts a multipart body at its boundary (RFC 2046, section 5.1), where
// readers differ more strictly than that: no preamble and no epilogue, every line
// ends with CR LF, no white space behind a boundary, the closing delimiter is there,
// and no part holds what others, for whom LF or CR alone end a line, take for one.
func splitParts(body []byte, boundary string, most int) ([]part, *gatehouse.Error) {
	if !validBoundary(boundary) {
		return nil, refuse(CodeBoundary, "the multipart body's Content-Type has no valid boundary")
	}
	delimiter := []byte("\r\n--" + boundary)
	rest, ok := bytes.CutPrefix(body, delimiter[2:])
	if !ok {
		return nil, refuse(CodeMultipart, "the multipart body does not begin with its boundary")
	}
	var parts []part
	for {
		if end, closed := bytes.CutPrefix(rest, []byte("--")); closed {
			if len(end) > 0 && string(end) != "\r\n" {
				return nil, refuse(CodeMultipart, "data behind the end of the multipart body")
			}
			return parts, nil
		}
		if rest, ok = bytes.CutPrefix(rest, []byte("\r\n")); !ok {
			return nil, refuse(CodeMultipart, "a boundary of the multipart body does not end its line")
		}
		if len(parts) >= most {
			return nil, &gatehouse.Error{Code: CodeParts, Status: 413, Message: "the multipart body has too many parts"}
		}
		var e part
		var err *gatehouse.Error
		if rest, err = e.readHeader(rest); err != nil {
			return nil, err
		}
		end := bytes.Index(rest, delimiter)
		if end < 0 {
			return nil, refuse(CodeUnterminated, "the multipart body has no closing delimiter")
		}
		e.content, rest = rest[:end], rest[end+len(delimiter):]
		if holdsLine(e.content, delimiter[2:]) {
			return nil, refuse(CodeMultipart, "a part of the multipart body has a line that begins with its boundary")
		}
		parts = append(parts, e)
	}
}

// holdsLine reports whether a line of text begins with start, whatever ends lines.
func holdsLine(text, start []byte) bool {
	for from := 0; ; {
		i := bytes.Index(text[from:], start)
		if i < 0 {
			return false
		}
		if i += from; i == 0 || text[i-1] == '\n' || text[i-1] == '\r' {
			return true
		}
		from = i + 1
	}
}

// validBoundary holds a boundary to RFC 2046, section 5.1.1.
func validBoundary(s string) bool {
	if len(s) == 0 || len(s) > 70 || s[len(s)-1] == ' ' {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !('a' <= c|0x20 && c|0x20 <= 'z') && !('0' <= c && c <= '9') && strings.IndexByte("'()+_,-./:=? ", c) < 0 {
			return false
		}
	}
	return true
}

// readHeader reads a part's header, of which only Content-Disposition and
// Content-Type mean anything.
func (e *part) readHeader(rest []byte) ([]byte, *gatehouse.Error) {
	disposition, window := "", rest[:min(len(rest), maxPartHeader)]
	used := 0
	for {
		line, tail, ok := bytes.Cut(window, []byte("\r\n"))
		if !ok {
			return nil, refuse(CodePartHeader, "a part's header is too long or has no end")
		}
		window = tail
		used += len(line) + 2
		if len(line) == 0 {
			break
		}
		if len(e.header) >= maxPartFields {
			return nil, refuse(CodePartHeader, "a part has too many header fields")
		}
		text := string(line)
		name, value, ok := strings.Cut(text, ":")
		value = strings.Trim(value, " \t")
		if !ok || !isToken(name) || !gatehouse.ValidValue(value) || !utf8.ValidString(value) {
			return nil, refuse(CodePartHeader, "a part's header field is malformed")
		}
		if _, twice := e.header.Lookup(name); twice {
			return nil, refuse(CodePartHeader, "a part has a header field twice")
		}
		e.header.Add(name, value)
		switch {
		case gatehouse.EqualFold(name, "Content-Disposition"):
			disposition = value
		case gatehouse.EqualFold(name, "Content-Type"):
			if e.mime, e.typed = parseMediaType(value); !e.typed {
				return nil, refuse(CodePartHeader, "a part's Content-Type is malformed")
			}
		case gatehouse.EqualFold(name, "Content-Transfer-Encoding"):
			// Deprecated by RFC 7578, section 4.7; base64 would be another reading.
			if !gatehouse.EqualFold(value, "binary") && !gatehouse.EqualFold(value, "8bit") && !gatehouse.EqualFold(value, "7bit") {
				return nil, refuse(CodePartHeader, "a part has a transfer encoding")
			}
		case gatehouse.EqualFold(name, "Content-Encoding"):
			return nil, refuse(CodePartHeader, "a part has a content coding")
		}
	}
	return rest[used:], e.disposition(disposition)
}

// disposition reads `form-data; name="…"; filename="…"` (RFC 7578, section 4.2).
// What readers differ in is refused: escapes by backslash, filename*, a parameter
// twice.
func (e *part) disposition(value string) *gatehouse.Error {
	kind, rest, more := strings.Cut(value, ";")
	if !gatehouse.EqualFold(strings.TrimRight(kind, " \t"), "form-data") {
		return refuse(CodePartHeader, "a part's Content-Disposition is not form-data")
	}
	named := false
	for more {
		p, tail, ok := cutParameter(strings.TrimLeft(rest, " \t"))
		tail = strings.TrimLeft(tail, " \t")
		if !ok || tail != "" && tail[0] != ';' {
			return refuse(CodePartHeader, "a part's Content-Disposition is malformed")
		}
		rest, more = strings.CutPrefix(tail, ";")
		switch {
		case gatehouse.EqualFold(p.name, "name"):
			if named || p.value == "" {
				return refuse(CodePartName, "a part has no name or two names")
			}
			e.name, named = p.value, true
		case gatehouse.EqualFold(p.name, "filename"):
			if e.file {
				return refuse(CodeFilename, "a part has two file names")
			}
			if !validFilename(p.value) {
				return refuse(CodeFilename, "a part's file name is a path")
			}
			e.file = true
		default:
			return refuse(CodePartHeader, "a part's Content-Disposition has a parameter nobody needs")
		}
	}
	if !named {
		return refuse(CodePartName, "a part has no name or two names")
	}
	return nil
}

// validFilename takes names that lead nowhere. An empty one is what browsers send
// where no file was chosen.
func validFilename(s string) bool {
	if len(s) > 255 || s == "." || s == ".." {
		return false
	}
	return strings.IndexByte(s, '/') < 0 && strings.IndexByte(s, '\\') < 0
}
