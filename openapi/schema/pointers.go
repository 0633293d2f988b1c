package schema

import (
	"strings"

	"github.com/gatehouse/gatehouse"
)

// Pointers is a set of JSON pointers, in which "*" stands for any one name or index:
// "/items/*/note".
type Pointers struct {
	next map[string]*Pointers
	any  *Pointers
	end  bool
}

// NewPointers returns the set of the given pointers.
func NewPointers(pointers ...string) (*Pointers, error) {
	p := new(Pointers)
	for _, text := range pointers {
		if text == "" || text[0] != '/' {
			return nil, &gatehouse.Error{Code: "contract.pointer", Message: "a JSON pointer begins with a slash"}
		}
		at := p
		for token := range strings.SplitSeq(text[1:], "/") {
			at = at.add(token)
		}
		at.end = true
	}
	return p, nil
}

func (p *Pointers) add(token string) *Pointers {
	if token == "*" {
		if p.any == nil {
			p.any = new(Pointers)
		}
		return p.any
	}
	n := p.next[token]
	if n == nil {
		n = new(Pointers)
		if p.next == nil {
			p.next = map[string]*Pointers{}
		}
		p.next[token] = n
	}
	return n
}

// Has reports whether pointer is in the set.
func (p *Pointers) Has(pointer string) bool {
	if p == nil {
		return false
	}
	if pointer == "" {
		return p.end
	}
	token, rest := pointer[1:], ""
	if i := strings.IndexByte(token, '/'); i >= 0 {
		token, rest = token[:i], token[i:]
	}
	return p.next[token].Has(rest) || p.any.Has(rest)
}
