package filter

import (
	"bytes"
	"slices"
	"strings"
	"sync"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/schema"
)

// A Masker is compiled rules. It is for any number of goroutines.
type Masker struct {
	rules   []Rule
	key     []byte
	exact   map[string]int // a field's folded name -> first rule that gives it
	globs   []glob         // in the order of the rules
	classes [256]int16     // of a Mark -> first rule that names it, or one of many
	detects [detectorCount]int16

	mu    sync.RWMutex
	views map[string]*View // by the masks of all rules
}

// noRule is behind every rule, allRule before.
const (
	noRule  = 1<<15 - 1
	allRule = -1 // redact, whatever the rules say
)

// maxViews bounds how many Views a Masker keeps.
const maxViews = 1024

// A View is what a Masker's rules mean for one caller. A nil View masks nothing.
type View struct {
	m        *Masker
	masks    []Mask
	names    bool      // some rule by field or class masks something
	detect   detectors // those that mask something
	removing detectors // those that remove
}

// NewMasker compiles rules. The classes are those of the contract: their names by
// number, as schema.Set.Classes returns them; a class that the contract does not
// know matches nothing.
func NewMasker(c Config, classes []string) (*Masker, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	m := &Masker{rules: slices.Clone(c.Rules), key: []byte(c.HashKey), exact: map[string]int{}, views: map[string]*View{}}
	for i := range m.classes {
		m.classes[i] = noRule
	}
	for i := range m.detects {
		m.detects[i] = noRule
	}
	for i := range m.rules {
		r := &m.rules[i]
		for _, f := range r.Fields {
			folded := string(foldName(nil, []byte(f)))
			if strings.Contains(folded, "*") {
				m.globs = append(m.globs, newGlob(folded, i))
			} else if _, taken := m.exact[folded]; !taken {
				m.exact[folded] = i
			}
		}
		for number, class := range classes {
			if number > 0 && number < schema.ManyClasses && slices.Contains(r.Classes, class) && m.classes[number] == noRule {
				m.classes[number] = int16(i)
				m.classes[schema.ManyClasses] = min(m.classes[schema.ManyClasses], int16(i))
			}
		}
		for _, d := range r.Detect {
			if n := slices.Index(Detectors(), d); m.detects[n] == noRule {
				m.detects[n] = int16(i)
			}
		}
	}
	return m, nil
}

// For returns what the rules mean for the caller, and nil where they mask nothing.
func (m *Masker) For(p *gatehouse.Principal) *View {
	if m == nil || len(m.rules) == 0 {
		return nil
	}
	if p == nil {
		p = gatehouse.Anonymous
	}
	var few [64]byte
	masks := few[:0]
	for i := range m.rules {
		masks = append(masks, byte(m.rules[i].mask(p)))
	}
	m.mu.RLock()
	v, known := m.views[string(masks)]
	m.mu.RUnlock()
	if known {
		return v
	}
	v = m.view(masks)
	m.mu.Lock()
	if len(m.views) < maxViews {
		m.views[string(masks)] = v
	}
	m.mu.Unlock()
	return v
}

// mask returns what the rule means for p.
func (r *Rule) mask(p *gatehouse.Principal) Mask {
	for i := range r.For {
		if r.For[i].fits(p) {
			return r.For[i].Mask
		}
	}
	return r.Mask
}

func (a *Audience) fits(p *gatehouse.Principal) bool {
	for _, role := range a.Roles {
		if slices.Contains(p.Roles, role) {
			return true
		}
	}
	for _, scope := range a.Scopes {
		if p.HasScope(scope) {
			return true
		}
	}
	return p.ClientID != "" && slices.Contains(a.Clients, p.ClientID)
}

func (m *Masker) view(masks []byte) *View {
	v := &View{m: m, masks: make([]Mask, len(masks))}
	for i, b := range masks {
		v.masks[i] = Mask(b)
		r := &m.rules[i]
		v.names = v.names || v.masks[i] != MaskNone && len(r.Fields)+len(r.Classes) > 0
	}
	for d, rule := range m.detects {
		if rule == noRule || v.masks[rule] == MaskNone {
			continue
		}
		v.detect |= 1 << d
		if v.masks[rule] == MaskRemove {
			v.removing |= 1 << d
		}
	}
	if !v.names && v.detect == 0 {
		return nil
	}
	return v
}

// field returns the first rule for a property's name, decoded.
func (m *Masker) field(name []byte) int {
	if len(m.exact) == 0 && len(m.globs) == 0 {
		return noRule
	}
	var few [64]byte
	folded := foldName(few[:0], name)
	rule, ok := m.exact[string(folded)]
	if !ok {
		rule = noRule
	}
	for i := range m.globs {
		g := &m.globs[i]
		if g.rule >= rule {
			break
		}
		if g.match(folded) {
			return g.rule
		}
	}
	return rule
}

// foldName appends name in lower case (ASCII) without - and _: cardNumber,
// card_number and Card-Number are one name.
func foldName(dst, name []byte) []byte {
	for _, c := range name {
		switch {
		case c == '-' || c == '_':
			continue
		case 'A' <= c && c <= 'Z':
			c |= 0x20
		}
		dst = append(dst, c)
	}
	return dst
}

// A glob is a folded pattern with stars.
type glob struct {
	rule        int
	first, last []byte
	middle      [][]byte
}

func newGlob(pattern string, rule int) glob {
	parts := bytes.Split([]byte(pattern), []byte("*"))
	g := glob{rule: rule, first: parts[0], last: parts[len(parts)-1]}
	for _, p := range parts[1 : len(parts)-1] {
		if len(p) > 0 {
			g.middle = append(g.middle, p)
		}
	}
	return g
}

// match is linear in the name for each part of the pattern.
func (g *glob) match(name []byte) bool {
	if len(name) < len(g.first)+len(g.last) || !bytes.HasPrefix(name, g.first) || !bytes.HasSuffix(name, g.last) {
		return false
	}
	name = name[len(g.first) : len(name)-len(g.last)]
	for _, p := range g.middle {
		i := bytes.Index(name, p)
		if i < 0 {
			return false
		}
		name = name[i+len(p):]
	}
	return true
}
