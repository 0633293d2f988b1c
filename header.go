package gatehouse

import "iter"

// A Field is one header field line, name and value as they were on the wire
// (RFC 9110, section 5). The value has no leading or trailing white space.
type Field struct {
	Name, Value string
}

// Header is an ordered list of field lines. Names compare without case.
//
// Lookup is a linear scan: messages hold some ten to thirty fields, for which a
// scan costs less than a map and allocates nothing.
type Header []Field

// Get returns the first value of name, or "".
func (h Header) Get(name string) string {
	v, _ := h.Lookup(name)
	return v
}

// Lookup returns the first value of name and whether there is one.
func (h Header) Lookup(name string) (string, bool) {
	for i := range h {
		if EqualFold(h[i].Name, name) {
			return h[i].Value, true
		}
	}
	return "", false
}

// Count returns how many field lines are called name.
func (h Header) Count(name string) int {
	n := 0
	for i := range h {
		if EqualFold(h[i].Name, name) {
			n++
		}
	}
	return n
}

// Values yields the values of every field line called name, in order.
func (h Header) Values(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range h {
			if EqualFold(h[i].Name, name) && !yield(h[i].Value) {
				return
			}
		}
	}
}

// Add appends a field line.
func (h *Header) Add(name, value string) {
	*h = append(*h, Field{name, value})
}

// Set replaces every field line called name by one.
func (h *Header) Set(name, value string) {
	for i := range *h {
		if EqualFold((*h)[i].Name, name) {
			(*h)[i] = Field{name, value}
			tail := (*h)[i+1:]
			tail.Del(name)
			*h = (*h)[:i+1+len(tail)]
			return
		}
	}
	h.Add(name, value)
}

// Del removes every field line called name and keeps the order of the rest.
func (h *Header) Del(name string) {
	h.DelFunc(func(f Field) bool { return EqualFold(f.Name, name) })
}

// DelFunc removes the field lines for which drop reports true.
func (h *Header) DelFunc(drop func(Field) bool) {
	kept := (*h)[:0]
	for _, f := range *h {
		if !drop(f) {
			kept = append(kept, f)
		}
	}
	clear((*h)[len(kept):]) // a leftover substring would pin its whole head
	*h = kept
}

// EqualFold compares two header names, hosts or tokens without ASCII case. It
// does not fold Unicode, as strings.EqualFold does ("K" is not "K").
func EqualFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := 0; i < len(a); i++ {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		if x|0x20 != y|0x20 || x|0x20 < 'a' || x|0x20 > 'z' {
			return false
		}
	}
	return true
}

// ValidValue reports whether a field value holds no control character but the tab
// (RFC 9110, section 5.5). It looks at eight bytes at a time: values are long
// (tokens, cookies), and each is looked at several times on its way.
func ValidValue(s string) bool {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for len(s) >= 8 {
		w := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		low := (w - ones*0x20) &^ w & highs // some byte may be below 0x20
		del := w ^ ones*0x7f                // a zero byte where there was a DEL
		if low|((del-ones)&^del&highs) != 0 && !validBytes(s[:8]) {
			return false // the word test may err on the safe side, so it is looked at again
		}
		s = s[8:]
	}
	return validBytes(s)
}

func validBytes(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
