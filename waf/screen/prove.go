package screen

import (
	"strconv"
	"strings"
	"sync"

	"github.com/corazawaf/coraza/v3/collection"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/corazawaf/coraza/v3/types"

	"github.com/gatehouse/gatehouse/waf/expression"
)

// A Proof is under way for one transaction. Get one from [Screen.Begin], and give
// it back with Close.
type Proof struct {
	// Bounded says that the contract was enforced: values that Bound has proven are
	// not looked at.
	Bounded bool

	s     *Screen
	state plugintypes.TransactionState

	texts  []text
	ids    map[string]int32
	words  []uint64 // memory of the texts' sets
	slots  []values // by slot
	same   bits     // the operators asked together
	hot    bits     // rules whose first open link matches something
	tx     overlay
	chain  chain
	resume int // the first rule that is not skipped
	marked int // counts the operators that matched
	failed int // the rule that could not be proven dead
}

// A text is one distinct string that operators look at.
type text struct {
	s        string
	present  expression.Bytes
	literals bits // ops of which a literal occurs
	asked    bits // ops that have been decided
	matched  bits // of those, the ones that match
	alive    bits // ops that may match the bytes it consists of, nil for all
	scanned  bool
}

// values are what a slot selects.
type values struct {
	have bool
	list []value
}

type value struct {
	key  string // as the message has it
	text int32
}

var proofs = sync.Pool{New: func() any { return &Proof{ids: map[string]int32{}} }}

// Begin starts a proof about the transaction whose variables state holds.
func (s *Screen) Begin(state plugintypes.TransactionState) *Proof {
	p := proofs.Get().(*Proof)
	p.s, p.state, p.failed, p.Bounded = s, state, 0, false
	n := len(s.index.slots)
	if cap(p.slots) < n {
		p.slots = make([]values, n)
	}
	p.slots = p.slots[:n]
	if n := (len(s.index.ops) + 63) / 64; len(p.same) != n {
		p.same = make(bits, n)
	}
	if len(p.hot) != len(s.request.simple) {
		p.hot = make(bits, len(s.request.simple))
	}
	return p
}

// Close gives the Proof's memory back.
func (p *Proof) Close() {
	clear(p.ids)
	clear(p.texts)
	for i := range p.slots {
		clear(p.slots[i].list)
		p.slots[i] = values{list: p.slots[i].list[:0]}
	}
	clear(p.hot)
	p.tx.reset()
	p.texts, p.words = p.texts[:0], p.words[:0]
	p.s, p.state = nil, nil
	if cap(p.texts) <= 4096 {
		proofs.Put(p)
	}
}

// Request reports whether no rule of the request's phases can match.
func (p *Proof) Request() bool { return p.s.Unprovable == "" && p.section(&p.s.request) }

// Answer reports whether no rule of the answer's phases can match. It comes after
// Request, whose effects on TX it knows.
func (p *Proof) Answer() bool {
	for i := range p.slots { // the answer has brought new values
		p.slots[i].have = false
	}
	clear(p.hot)
	return p.s.Unprovable == "" && p.section(&p.s.answer)
}

// Failed is the id of the rule that could not be proven dead.
func (p *Proof) Failed() int { return p.failed }

func (p *Proof) section(c *section) bool {
	copy(p.hot, c.simple)
	for i := range c.uses {
		if !p.use(c, &c.uses[i]) {
			return false
		}
	}
	p.resume = 0
	return p.hot.each(func(i int) bool { return i < p.resume || p.evaluate(&p.s.compiled[i]) })
}

// use decides all operators that look at a slot, on all its values.
func (p *Proof) use(c *section, u *use) bool {
	slot := &p.s.index.slots[u.slot]
	bounded := p.Bounded && slot.argument()
	for _, v := range p.values(u.slot) {
		if bounded {
			if _, ok := p.s.bounded[p.texts[v.text].s]; ok {
				continue
			}
		}
		if u.id > 63 || !slot.recurs(v.key) {
			if !p.decide(c, u, v.text) {
				return false
			}
			continue
		}
		s := p.texts[v.text].s
		if p.s.seen.of(s)&(1<<u.id) != 0 {
			continue
		}
		before := p.marked
		if !p.decide(c, u, v.text) {
			return false
		}
		if p.marked == before {
			p.s.seen.add(s, u.id)
		}
	}
	return true
}

// decide asks all operators that look at a value of a slot. Most pipelines leave it
// as it is: their operators are asked together.
func (p *Proof) decide(c *section, u *use, id int32) bool {
	p.scan(id)
	t := &p.texts[id]
	same := p.same
	clear(same)
	for i := range u.pipes {
		q := &u.pipes[i]
		if q.triggers != nil && !q.triggers.Intersects(&t.present) {
			same.or(q.ops)
			continue
		}
		own := u.pipes[i : i+1]
		if !p.s.index.pipes[q.pipe].each(t.s, func(s string) bool { return p.ask(c, u.slot, own, q.ops, p.text(s)) }) {
			return false
		}
		t = &p.texts[id] // the list may have grown
	}
	return p.ask(c, u.slot, u.pipes, same, id)
}

// each calls f with what the operator sees of s.
func (q *pipe) each(s string, f func(string) bool) bool {
	if !q.multi {
		return f(q.Apply(s))
	}
	ok := true
	q.Each(s, func(s string) { ok = ok && f(s) })
	return ok
}

// ask decides a set of operators on one text, and marks the rules of those that
// match. It returns false where that ends the proof.
func (p *Proof) ask(c *section, slot int, pipes []piped, ops bits, id int32) bool {
	p.scan(id)
	t := &p.texts[id]
	x := p.s.index
	for w, ops := range ops {
		// Of those with literals only the ones that occur; all others.
		left := ops & (t.literals[w] | ^x.literal[w])
		if t.alive != nil {
			left &= t.alive[w]
		}
		hit := left & t.matched[w]
		for left &^= t.asked[w]; left != 0; left &= left - 1 {
			op := w<<6 + trailing(left)
			if p.decided(t, op) {
				hit |= 1 << (op & 63)
			}
		}
		for ; hit != 0; hit &= hit - 1 {
			if !p.found(c, slot, pipes, w<<6+trailing(hit)) {
				return false
			}
		}
	}
	return true
}

// found marks the rules that an operator's match is for: of all pipelines, since one
// too many costs a look only.
func (p *Proof) found(c *section, slot int, pipes []piped, op int) bool {
	p.marked++
	for i := range pipes {
		for _, r := range c.routes[route{slot, pipes[i].pipe, op}] {
			if !p.hot.has(r) && c.fatal.has(r) && !p.evaluate(&p.s.compiled[r]) {
				return false
			}
			p.hot.add(r)
		}
	}
	return true
}

// decided answers for one operator and one text, once.
func (p *Proof) decided(t *text, op int) bool {
	o := &p.s.index.ops[op]
	t.asked.add(op)
	if o.rx != nil && (len(t.s) < o.gate.MinLength || !o.needs(&t.present) || !o.rx.CanMatch(&t.present)) || !o.match(t.s) {
		return false
	}
	t.matched.add(op)
	return true
}

// needs reports whether of every set of bytes that the expression needs one occurs.
func (o *op) needs(present *expression.Bytes) bool {
	for i := range o.gate.Sets {
		if !o.gate.Sets[i].Intersects(present) {
			return false
		}
	}
	return true
}

// matches answers for one operator and one text, by what is known already.
func (p *Proof) matches(id int32, op int) bool {
	p.scan(id)
	t := &p.texts[id]
	if t.asked.has(op) {
		return t.matched.has(op)
	}
	if p.s.index.literal.has(op) && !t.literals.has(op) {
		return false
	}
	return p.decided(t, op)
}

// text returns the number of a string.
func (p *Proof) text(s string) int32 {
	if id, ok := p.ids[s]; ok {
		return id
	}
	id := int32(len(p.texts))
	p.ids[s] = id
	n := (len(p.s.index.ops) + 63) / 64
	words := p.take(3 * n)
	p.texts = append(p.texts, text{s: s, literals: words[:n:n], asked: words[n : 2*n : 2*n], matched: words[2*n:]})
	return id
}

// take returns n words of zeros that live as long as the proof.
func (p *Proof) take(n int) bits {
	if len(p.words)+n > cap(p.words) {
		p.words = make([]uint64, 0, max(2*cap(p.words), 64*n)) // the old ones live on with their texts
	}
	out := p.words[len(p.words) : len(p.words)+n : len(p.words)+n]
	p.words = p.words[:len(p.words)+n]
	clear(out)
	return out
}

// scan reads a text once for all literals.
func (p *Proof) scan(id int32) {
	t := &p.texts[id]
	if t.scanned {
		return
	}
	t.scanned = true
	p.s.index.auto.scan(t.s, t.literals, &t.present)
	// Two letters outside ASCII fold into it.
	if (t.present.Has(0xc5) || t.present.Has(0xe2)) && (strings.Contains(t.s, "\u017f") || strings.Contains(t.s, "\u212a")) {
		var unused expression.Bytes
		p.s.index.auto.scan(expression.Fold(t.s), t.literals, &unused)
	}
	t.alive = p.s.index.alive(&t.present)
}

// values returns what a slot selects, as the engine itself would.
func (p *Proof) values(n int) []value {
	v := &p.slots[n]
	if v.have {
		return v.list
	}
	v.have, v.list = true, v.list[:0]
	s := &p.s.index.slots[n]
	if one, ok := p.state.Collection(s.variable).(collection.Single); ok && s.key == "" && s.keyRegexp == nil {
		v.list = append(v.list, value{text: p.text(one.Get())})
		return v.list
	}
	for _, m := range find(p.state, s) {
		v.list = append(v.list, value{m.Key(), p.text(m.Value())})
	}
	return v.list
}

func find(state plugintypes.TransactionState, s *slot) []types.MatchData {
	col := state.Collection(s.variable)
	switch {
	case col == nil:
		return nil
	case s.keyRegexp != nil:
		if k, ok := col.(collection.Keyed); ok {
			return k.FindRegex(s.keyRegexp)
		}
		return nil
	case s.key != "":
		if k, ok := col.(collection.Keyed); ok {
			return k.FindString(s.key)
		}
		return nil
	}
	return col.FindAll()
}

// count is the value of a target with &.
func count(n int) string { return strconv.Itoa(n) }
