package filter

import (
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/strictjson"
)

// Bounds of a selection.
const (
	maxSelection  = 2048 // bytes
	maxSelected   = 256  // properties
	maxSelectDeep = 16
)

// A Selection is what a caller asked for: the properties to keep. It is immutable.
type Selection struct {
	members []selected
	index   map[string]*Selection // of the members, where they are many
	all     bool                  // the whole value
}

// fewSelected is up to how many members are compared one by one.
const fewSelected = 8

type selected struct {
	name string
	sub  *Selection
}

// ParseSelection reads the value, decoded, of a fields parameter:
//
//	fields = item *( "," item )
//	item   = name *( "/" name ) [ "(" fields ")" ]
//	name   = 1*( any character but  , / ( )  control characters and space )
//
// "id,customer(name,address/city),items/sku" keeps id, of customer the name and of
// its address the city, and of each of the items the sku: arrays are passed
// through. A property named both as a whole and in part is kept as a whole. Names
// are taken as they are, and ones that no object has select nothing.
//
// The text is at most 2,048 bytes long, names at most 256 properties and goes at
// most 16 deep.
func ParseSelection(text string) (*Selection, error) {
	if len(text) > maxSelection {
		return nil, selectionError("longer than 2048 bytes")
	}
	p := selectionParser{rest: text}
	root := new(Selection)
	if err := p.list(root, 1); err != nil {
		return nil, err
	}
	if p.rest != "" {
		return nil, selectionError("a closing parenthesis without an opening one")
	}
	root.makeIndex()
	return root, nil
}

func (s *Selection) makeIndex() {
	if len(s.members) > fewSelected {
		s.index = make(map[string]*Selection, len(s.members))
	}
	for i := range s.members {
		m := &s.members[i]
		if m.sub.makeIndex(); s.index != nil {
			s.index[m.name] = m.sub
		}
	}
}

func selectionError(what string) error {
	return &gatehouse.Error{Code: CodeSelection, Status: 400, Message: "selection of fields: " + what,
		Hint: "for example: id,customer(name,address/city),items/sku"}
}

type selectionParser struct {
	rest  string
	names int
}

func (p *selectionParser) list(s *Selection, depth int) error {
	for {
		if err := p.item(s, depth); err != nil {
			return err
		}
		if p.rest == "" || p.rest[0] == ')' {
			return nil
		}
		if p.rest[0] != ',' {
			return selectionError("a comma is missing behind a closing parenthesis")
		}
		p.rest = p.rest[1:]
	}
}

func (p *selectionParser) item(s *Selection, depth int) error {
	for {
		n := strings.IndexAny(p.rest, ",/()")
		if n < 0 {
			n = len(p.rest)
		}
		name := p.rest[:n]
		p.rest = p.rest[n:]
		if name == "" {
			return selectionError("a name is missing")
		}
		for i := range len(name) {
			if name[i] <= ' ' || name[i] == 0x7f {
				return selectionError("white space or a control character")
			}
		}
		if p.names++; p.names > maxSelected {
			return selectionError("more than 256 names")
		}
		if depth > maxSelectDeep {
			return selectionError("more than 16 levels")
		}
		s = s.add(name)
		if p.rest == "" || p.rest[0] == ',' || p.rest[0] == ')' {
			s.all, s.members = true, nil
			return nil
		}
		sign := p.rest[0]
		p.rest, depth = p.rest[1:], depth+1
		if sign == '/' {
			continue
		}
		if err := p.list(s, depth); err != nil {
			return err
		}
		if p.rest == "" {
			return selectionError("a closing parenthesis is missing")
		}
		p.rest = p.rest[1:]
		return nil
	}
}

// add returns the selection below name. Below what is kept as a whole it leads to
// one that nobody looks at.
func (s *Selection) add(name string) *Selection {
	if s.all {
		return new(Selection)
	}
	for i := range s.members {
		if s.members[i].name == name {
			return s.members[i].sub
		}
	}
	sub := new(Selection)
	s.members = append(s.members, selected{name, sub})
	return sub
}

// member returns what is selected of the member whose name is token m: nil for
// nothing.
func (s *Selection) member(t *strictjson.Tape, m int) *Selection {
	if s.index != nil {
		return s.index[string(t.StringBytes(m))]
	}
	for i := range s.members {
		if t.Equal(m, s.members[i].name) {
			return s.members[i].sub
		}
	}
	return nil
}
