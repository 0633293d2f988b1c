package filter

import (
	"bytes"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/strictjson"
)

// The codes of what a filter does and refuses. They are stable.
const (
	// CodeFiltered is the reason of a verdict that passes an answer after changing it.
	CodeFiltered = "contract.filtered"
	// CodeUndeclared, CodeWriteOnly and CodeMasked say what was done at a place.
	CodeUndeclared = "contract.removed_undeclared"
	CodeWriteOnly  = "contract.removed_write_only"
	CodeMasked     = "contract.masked"
	// CodeInvalid refuses an answer that breaks its schema.
	CodeInvalid = "contract.response_body"
	// CodeUnsettled refuses one that does not fit its schema any more once it is cut.
	CodeUnsettled = "contract.response_unsettled"
	// CodeSelection refuses a request: its selection of fields is malformed.
	CodeSelection = "contract.selection"
)

// A Place is where a filter did something, and what. Array indexes are "*":
// "/items/*/password".
type Place struct{ Code, Pointer string }

// A Record is what a filter did: counts and places, never values.
type Record struct {
	// Max bounds Places; 0 stands for 16.
	Max int

	Removed    int // members that were not declared, or writeOnly
	Masked     int // values
	Unselected int // members that were not asked for
	Places     []Place
	More       bool // there are more places than Max

	scratch []byte
	// parts has, of each of the first places, the parts of its pointer, where they are
	// the names as they stand in the text; else 0. likely is the place that is likely
	// to be noted next: answers repeat themselves.
	parts  [32]uint16
	likely int
}

// maxPointer bounds a pointer that is recorded, in bytes.
const maxPointer = 256

// Reset empties the record; Max stays.
func (r *Record) Reset() {
	*r = Record{Max: r.Max, Places: r.Places[:0], scratch: r.scratch[:0]}
}

// Verdict sums up: an answer passes, with a reason where it was changed.
func (r *Record) Verdict() gatehouse.Verdict {
	v := gatehouse.Passed()
	if r.Removed+r.Masked == 0 {
		return v
	}
	msg := "removed " + strconv.Itoa(r.Removed) + ", masked " + strconv.Itoa(r.Masked)
	if r.More {
		msg += ", at more places than are listed"
	}
	v.Reason = gatehouse.Reason{Code: CodeFiltered, Message: msg}
	v.Details = make([]gatehouse.Detail, 0, len(r.Places))
	for _, p := range r.Places {
		v.Details = append(v.Details, gatehouse.Detail{Code: p.Code, Pointer: p.Pointer})
	}
	return v
}

// element is the step of a path that stands for any element of an array; others
// are the token of a name.
const element = -1

// note records a place, once. The names of the path are decoded and made inert.
func (r *Record) note(code string, base string, t *strictjson.Tape, path []int) {
	if r.More {
		return
	}
	if r.noted(code, base, t, path) {
		return
	}
	plain := true
	b := append(r.scratch[:0], base...)
	for _, step := range path {
		if len(b) > maxPointer {
			break
		}
		b = append(b, '/')
		if step == element {
			b = append(b, '*')
		} else {
			from := len(b)
			b = appendInert(b, t.StringBytes(step))
			plain = plain && string(b[from:]) == string(inside(t, step))
		}
	}
	r.scratch = b
	if len(b) > maxPointer {
		b = []byte(printable(string(b)))
	}
	for i := range r.Places {
		if r.Places[i].Code == code && r.Places[i].Pointer == string(b) {
			return
		}
	}
	if limit := r.Max; len(r.Places) >= limit && (limit > 0 || len(r.Places) >= 16) {
		r.More = true
		return
	}
	n := len(r.Places)
	if n < cap(r.Places) && r.Places[:n+1][n].Pointer == string(b) { // as in an answer before
		r.Places = r.Places[:n+1]
		r.Places[n].Code = code
	} else {
		r.Places = append(r.Places, Place{code, string(b)})
	}
	if n < len(r.parts) {
		if r.parts[n] = 0; plain && len(b) <= maxPointer {
			r.parts[n] = uint16(bytes.Count(b, []byte{'/'}))
		}
	}
}

// noted reports whether a place is known to have been recorded, without spelling
// its pointer. Where the pointer of a place consists of names as they stand in the
// text, none with a "/", whatever reads the same and has as many parts is that
// place.
func (r *Record) noted(code, base string, t *strictjson.Tape, path []int) bool {
	parts := strings.Count(base, "/") + len(path)
	n := min(len(r.Places), len(r.parts))
	for range n {
		if r.likely >= n {
			r.likely = 0
		}
		i := r.likely
		r.likely++
		if p := &r.Places[i]; p.Code == code && int(r.parts[i]) == parts && p.reads(base, t, path) {
			return true
		}
	}
	return false
}

// reads reports whether the pointer is the base and the names of the path as they
// stand in the text.
func (p *Place) reads(base string, t *strictjson.Tape, path []int) bool {
	rest, ok := strings.CutPrefix(p.Pointer, base)
	for _, step := range path {
		if !ok || rest == "" || rest[0] != '/' {
			return false
		}
		rest = rest[1:]
		if step == element {
			rest, ok = strings.CutPrefix(rest, "*")
			continue
		}
		name := inside(t, step)
		if ok = len(rest) >= len(name) && rest[:len(name)] == string(name); ok {
			rest = rest[len(name):]
		}
	}
	return ok && rest == ""
}

// inside returns a string as it stands in the text, without its quotes.
func inside(t *strictjson.Tape, i int) []byte {
	raw := t.Raw(i)
	return raw[1 : len(raw)-1]
}

// appendInert appends a name as a part of a JSON pointer, and what could break a
// line or steer a terminal as "?".
func appendInert(b, name []byte) []byte {
	plain := 0
	for plain < len(name) && plain <= maxPointer && name[plain] > ' ' && name[plain] < '~' && name[plain] != '/' {
		plain++
	}
	b = append(b, name[:plain]...)
	for i := plain; i < len(name) && len(b) <= maxPointer; {
		r, size := utf8.DecodeRune(name[i:])
		i += size
		switch {
		case r == '~':
			b = append(b, "~0"...)
		case r == '/':
			b = append(b, "~1"...)
		case !unicode.IsPrint(r):
			b = append(b, '?')
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return b
}

// printable returns a pointer as a log may show it: of bounded length, with what
// could break a line as "?".
func printable(pointer string) string {
	plain := len(pointer) <= maxPointer
	for _, r := range pointer {
		plain = plain && unicode.IsPrint(r) && r != utf8.RuneError
	}
	if plain {
		return pointer
	}
	var b []byte
	for _, r := range pointer {
		if len(b) >= maxPointer-utf8.UTFMax {
			return string(append(b, "…"...))
		}
		if !unicode.IsPrint(r) {
			r = '?'
		}
		b = utf8.AppendRune(b, r)
	}
	return string(b)
}
