package body

import (
	"strings"

	"github.com/gatehouse/gatehouse"
)

// maxTypeParameters bounds the parameters of one Content-Type.
const maxTypeParameters = 8

// A mediaType is a parsed Content-Type or media range (RFC 9110, section 8.3.1). Its
// strings are cut from the field's value.
type mediaType struct {
	main, sub string
	params    [maxTypeParameters]typeParameter
	n         int
}

type typeParameter struct {
	name, value string // value is without quotes
}

// parseMediaType is strict: no duplicate parameter, no empty one, no white space but
// around semicolons.
func parseMediaType(s string) (m mediaType, ok bool) {
	s = strings.Trim(s, " \t")
	head, rest, more := strings.Cut(s, ";")
	head = strings.TrimRight(head, " \t")
	if m.main, m.sub, ok = strings.Cut(head, "/"); !ok || !isToken(m.main) || !isToken(m.sub) {
		return m, false
	}
	for more {
		rest = strings.TrimLeft(rest, " \t")
		var p typeParameter
		if p, rest, ok = cutParameter(rest); !ok || m.n == maxTypeParameters {
			return m, false
		}
		if _, twice := m.param(p.name); twice {
			return m, false
		}
		m.params[m.n] = p
		m.n++
		rest = strings.TrimLeft(rest, " \t")
		if rest == "" {
			return m, true
		}
		if rest[0] != ';' {
			return m, false
		}
		rest = rest[1:]
	}
	return m, true
}

// cutParameter takes one name=value from the front of s. In a quoted value a
// backslash is refused: not all readers take it for an escape.
func cutParameter(s string) (p typeParameter, rest string, ok bool) {
	eq := strings.IndexByte(s, '=')
	if eq < 0 || !isToken(s[:eq]) {
		return p, "", false
	}
	p.name, s = s[:eq], s[eq+1:]
	if strings.HasPrefix(s, `"`) {
		end := strings.IndexByte(s[1:], '"')
		if end < 0 || strings.IndexByte(s[1:1+end], '\\') >= 0 {
			return p, "", false
		}
		p.value = s[1 : 1+end]
		return p, s[end+2:], true
	}
	end := 0
	for end < len(s) && tokenByte[s[end]] {
		end++
	}
	p.value = s[:end]
	return p, s[end:], end > 0
}

func (m *mediaType) param(name string) (string, bool) {
	for i := range m.params[:m.n] {
		if gatehouse.EqualFold(m.params[i].name, name) {
			return m.params[i].value, true
		}
	}
	return "", false
}

// utf8 reports whether the charset, where one is named, is UTF-8 or the part of it
// that is US-ASCII.
func (m *mediaType) utf8() bool {
	charset, ok := m.param("charset")
	return !ok || gatehouse.EqualFold(charset, "utf-8") || gatehouse.EqualFold(charset, "us-ascii")
}

// covers reports whether t is in the range m: all of m's parameters must be t's.
func (m *mediaType) covers(t *mediaType) bool {
	if m.main != "*" && !gatehouse.EqualFold(m.main, t.main) || m.sub != "*" && !gatehouse.EqualFold(m.sub, t.sub) {
		return false
	}
	for i := range m.params[:m.n] {
		want := &m.params[i]
		have, ok := t.param(want.name)
		if !ok || have != want.value && !(gatehouse.EqualFold(want.name, "charset") && gatehouse.EqualFold(have, want.value)) {
			return false
		}
	}
	return true
}

// Takes returns nil where a Content-Type is well-formed and one of those declared:
// of bodies that nobody looks into it is all there is to judge.
func (b *Reader) Takes(contentType string) *gatehouse.Error {
	t, ok := parseMediaType(contentType)
	switch {
	case !ok || t.main == "*" || t.sub == "*":
		return b.unsupported(CodeContentType, "the Content-Type is malformed")
	case b.match(&t) == nil:
		return b.unsupported(CodeMediaType, "the body's media type is not one of those declared")
	}
	return nil
}

// specificity orders ranges: with parameters, exact, type/*, */*.
func (m *mediaType) specificity() int {
	switch {
	case m.main == "*":
		return 0
	case m.sub == "*":
		return 1
	}
	return 2 + m.n
}

// kind is how the bytes of a media type are read.
type kind uint8

const (
	kindBinary kind = iota
	kindJSON
	kindForm
	kindMultipart
	kindXML
	kindText
	kindLines  // application/jsonl, application/x-ndjson
	kindSeq    // application/json-seq
	kindEvents // text/event-stream
)

func (m *mediaType) kind() kind {
	for _, k := range kinds {
		if gatehouse.EqualFold(m.main, k.main) && gatehouse.EqualFold(m.sub, k.sub) {
			return k.kind
		}
	}
	switch {
	case hasSuffixFold(m.sub, "+json"):
		return kindJSON
	case hasSuffixFold(m.sub, "+xml"):
		return kindXML
	case hasSuffixFold(m.sub, "+json-seq"):
		return kindSeq
	case gatehouse.EqualFold(m.main, "text"):
		return kindText
	}
	return kindBinary
}

var kinds = []struct {
	main, sub string
	kind      kind
}{
	{"application", "json", kindJSON},
	{"text", "json", kindJSON},
	{"application", "x-www-form-urlencoded", kindForm},
	{"multipart", "form-data", kindMultipart},
	{"application", "xml", kindXML},
	{"text", "xml", kindXML},
	{"application", "x-ndjson", kindLines},
	{"application", "ndjson", kindLines},
	{"application", "jsonl", kindLines},
	{"application", "json-seq", kindSeq},
	{"text", "event-stream", kindEvents},
}

func hasSuffixFold(s, suffix string) bool {
	return len(s) > len(suffix) && gatehouse.EqualFold(s[len(s)-len(suffix):], suffix)
}

var tokenByte = func() (t [256]bool) {
	for _, c := range []byte("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
		t[c] = true
	}
	return t
}()

func isToken(s string) bool {
	for i := 0; i < len(s); i++ {
		if !tokenByte[s[i]] {
			return false
		}
	}
	return s != ""
}
